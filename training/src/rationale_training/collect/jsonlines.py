"""JSON Lines as sources have them: plain or gzipped, with the names that the field gives to ids and texts."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rationale_training.errors import UserError
from rationale_training.judgements import id_of_text, well_formed

ID_NAMES = ("_id", "id", "doc_id", "docid", "docno", "qid", "query_id", "question_id")


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of each line that is not blank. Raises UserError with file and line."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except ValueError as error:
                    raise UserError(f"{path}, line {number}: not valid JSON ({error}).") from error
                if not isinstance(value, dict):
                    raise UserError(f"{path}, line {number}: not a JSON object.")
                yield number, value
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}.") from error


def string(value: dict[str, Any], names: tuple[str, ...], path: Path, line: int) -> str:
    """The first of the fields `names` that holds a text. Raises UserError naming them."""
    for name in names:
        if isinstance(value.get(name), str):
            return well_formed(value[name])
    raise UserError(f"{path}, line {line}: no text in {' or '.join(repr(name) for name in names)}.")


def identity(value: dict[str, Any], text: str, path: Path, line: int) -> str:
    """The object's own id (numbers count as their digits), or one made of the text."""
    for name in ID_NAMES:
        found = value.get(name)
        if isinstance(found, str) and found:
            return well_formed(found)
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        if found is not None:
            raise UserError(f"{path}, line {line}: {name!r} is neither a text nor a whole number.")
    return id_of_text("d", text)
