"""What the user can mend is one kind of error; everything else is a bug and keeps its traceback."""


class UserError(Exception):
    """Says what failed, where (file, line, key), what was kept and what to try. The command line prints it alone."""
