"""The response journal: every answer that was paid for, on disk before anything else happens to it. A run that is killed
and started again finds its answers here by the hash of the request, and asks only for what is missing.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from rationale_training.errors import UserError
from rationale_training.judgements import dump_line


@dataclass(frozen=True)
class Request:
    """One thing to ask the teacher. `item` names what it is about; two samples or attempts differ in `draw`."""

    item: str
    messages: tuple[tuple[str, str], ...]
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    draw: int

    def key(self, teacher: str) -> str:
        """SHA-256 over everything that could change the answer, the teacher's identity included."""
        value = {**asdict(self), "teacher": teacher, "version": 1}
        return hashlib.sha256(dump_line(value).encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What came back. Token counts are None where the server gives none."""

    text: str
    #: `stop` where the teacher ended by itself, `length` where it was cut off; else as the server says.
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None
    elapsed_ms: int
    #: Requests it took, retries included.
    tries: int = 1


@dataclass(frozen=True)
class Failure:
    """Why there is no answer. `final` where asking again would get the same refusal."""

    reason: str
    final: bool


class Journal:
    """`journal.jsonl`: one line an answer, only ever appended to, each on disk before `add` returns. A half-written last
    line (the process died inside it) is kept, counts for nothing and is asked for again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = 0
        self._at: dict[str, int] = {}
        self._file: IO[bytes] | None = None
        if path.exists():
            self._read()

    def __enter__(self) -> "Journal":
        # Unbuffered, so that a line is in the system's hands once it is written, and never half of it.
        self._file = self.path.open("ab", buffering=0)
        try:
            _lock(self._file)
        except OSError as error:
            self._file.close()
            raise UserError(f"{self.path} is in use by another process; wait for it or stop it.") from error
        if self.path.stat().st_size and not _ends_line(self.path):
            self._file.write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __contains__(self, key: str) -> bool:
        return key in self._at

    def __len__(self) -> int:
        return len(self._at)

    def add(self, key: str, answer: Answer) -> None:
        """Appends an answer and waits until it is on disk."""
        if self._file is None:
            raise ValueError("the journal is not open")
        self._at[key] = self._file.seek(0, os.SEEK_END)
        data = dump_line({"key": key, **asdict(answer)}).encode("utf-8") + b"\n"
        written = 0
        while written < len(data):
            written += self._file.write(data[written:]) or 0
        os.fsync(self._file.fileno())

    def get(self, key: str) -> Answer | None:
        """The answer to the request of this key, read from the file: a large journal need not fit in memory."""
        at = self._at.get(key)
        if at is None:
            return None
        with self.path.open("rb") as stream:
            stream.seek(at)
            return _answer(json.loads(stream.readline()))

    def answers(self) -> Iterator[Answer]:
        """Every answer, in the order of the file."""
        with self.path.open("rb") as stream:
            for at in sorted(self._at.values()):
                stream.seek(at)
                yield _answer(json.loads(stream.readline()))

    def _read(self) -> None:
        at = 0
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    value = json.loads(line)
                    _answer(value)
                    self._at.setdefault(value["key"], at)
                except (ValueError, KeyError, TypeError):
                    if line.strip():
                        self.torn += 1
                        print(f"{self.path}, line {number}: no whole answer; it is asked for again.", file=sys.stderr)
                at += len(line)


def _answer(value: dict[str, Any]) -> Answer:
    return Answer(**{name: item for name, item in value.items() if name != "key"})


def _ends_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _lock(file: IO[bytes]) -> None:
    """One writer at a time; the system releases the lock with the process, however it ends."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
