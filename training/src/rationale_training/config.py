"""Config files: YAML into a stage's frozen dataclass. A misspelt key that is silently ignored costs a night of training,
so whatever a dataclass does not name, or names with another type, is refused with file, key and what is allowed.
"""

import dataclasses
import math
import os
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from rationale_training.errors import UserError

C = TypeVar("C")


def load(kind: type[C], path: Path, overrides: Sequence[str] = ()) -> C:
    """The config in the YAML file at `path` with `overrides` (`key=value`, dots lead into nested parts, values are YAML).

    Relative paths in the file are relative to its folder, in overrides to the working directory. Fields without a
    default must be there. `__post_init__` of a config may raise ValueError to refuse values that do not go together.
    Raises UserError naming file and key.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            value = yaml.safe_load(stream)
    except OSError as error:
        raise UserError(f"cannot read the config {path}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    value = {} if value is None else value
    return build(kind, value, path, overrides)


def build(kind: type[C], value: Any, path: Path, overrides: Sequence[str] = ()) -> C:
    """Like `load` for a value that is read already (a part of a larger file); `path` is for messages and relative paths."""
    reader = _Reader(path)
    for override in overrides:
        value = _overridden(value, override, kind)
    return reader.read(kind, value, "")


class _Given(str):
    """A string from the command line: paths in it are relative to the working directory."""


def _overridden(value: Any, override: str, kind: type) -> Any:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise UserError(f"--set {override}: expected key=value, for example --set {_example(kind)}.")
    try:
        new = _marked(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: the value is not valid YAML.") from error
    parts = key.strip().split(".")
    root = dict(value) if isinstance(value, dict) else value
    at = root
    for depth, part in enumerate(parts):
        if not isinstance(at, dict):
            raise UserError(f"--set {override}: {'.'.join(parts[:depth])} has no fields.")
        if depth == len(parts) - 1:
            at[part] = new
        else:
            inner = at.get(part)
            at[part] = dict(inner) if isinstance(inner, dict) else {} if inner is None else inner
            at = at[part]
    return root


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return _Given(value)
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return value


def _example(kind: type) -> str:
    names = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    return f"{names[0] if names else 'seed'}=1"


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self, key: str, what: str) -> UserError:
        return UserError(f"{self.path}: {key or 'the file'}: {what}")

    def read(self, kind: Any, value: Any, key: str) -> Any:
        if dataclasses.is_dataclass(kind):
            return self._dataclass(kind, value, key)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if kind is Any:
            return value
        if origin is Literal:
            if any(value == one and type(value) in (type(one), _Given) for one in arguments):
                return next(one for one in arguments if one == value)
            raise self.refuse(key, f"{_shown(value)} is none of {', '.join(map(repr, arguments))}.")
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments, value, key)
        if origin in (tuple, list):
            return self._sequence(origin, arguments, value, key)
        if origin is dict:
            if not isinstance(value, dict):
                raise self.refuse(key, f"expected {describe(kind)}, found {_shown(value)}.")
            names, items = arguments
            return {self.read(names, k, key): self.read(items, v, f"{key}.{k}") for k, v in value.items()}
        return self._scalar(kind, value, key)

    def _dataclass(self, kind: Any, value: Any, key: str) -> Any:
        if not isinstance(value, dict):
            raise self.refuse(key, f"expected {describe(kind)}, found {_shown(value)}.")
        hints = typing.get_type_hints(kind)
        fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
        given = {}
        for name, item in value.items():
            inner = f"{key}.{name}" if key else str(name)
            if name not in fields:
                raise self.refuse(inner, f"there is no such field. There are: {', '.join(fields)}.")
            given[name] = self.read(hints[name], item, inner)
        missing = [
            name
            for name, field in fields.items()
            if name not in given
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        ]
        if missing:
            what = f"{missing[0]} is missing; expected {describe(hints[missing[0]])}."
            raise self.refuse(key, what)
        try:
            return kind(**given)
        except ValueError as error:
            raise self.refuse(key, str(error)) from error

    def _union(self, kinds: tuple[Any, ...], value: Any, key: str) -> Any:
        if value is None and type(None) in kinds:
            return None
        kinds = tuple(kind for kind in kinds if kind is not type(None))
        if len(kinds) == 1:
            return self.read(kinds[0], value, key)
        for kind in kinds:
            try:
                return self.read(kind, value, key)
            except UserError:
                continue
        raise self.refuse(key, f"expected {' or '.join(map(describe, kinds))}, found {_shown(value)}.")

    def _sequence(self, origin: Any, arguments: tuple[Any, ...], value: Any, key: str) -> Any:
        if not isinstance(value, list):
            raise self.refuse(key, f"expected {describe(origin[arguments])}, found {_shown(value)}.")
        if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
            if len(value) != len(arguments):
                raise self.refuse(key, f"expected {len(arguments)} values, found {len(value)}.")
            kinds = list(arguments)
        else:
            kinds = [arguments[0]] * len(value)
        items = [self.read(kind, item, f"{key}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))]
        return origin(items)

    def _scalar(self, kind: Any, value: Any, key: str) -> Any:
        if kind is Path and isinstance(value, str) and value:
            base = Path.cwd() if isinstance(value, _Given) else self.path.parent
            return Path(base / Path(value).expanduser()).resolve()
        # YAML 1.1 reads 1e-4 (without a point) as a string; nobody who writes it means one.
        if kind is float and isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self.refuse(key, f"expected a number, found {_shown(value)}.") from None
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise self.refuse(key, f"expected a finite number, found {_shown(value)}.")
            return float(value)
        if kind is str and isinstance(value, str):
            return str(value)
        if kind in (bool, int) and type(value) is kind:
            return value
        raise self.refuse(key, f"expected {describe(kind)}, found {_shown(value)}.")


def _shown(value: Any) -> str:
    text = repr(str(value)) if isinstance(value, str) else "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def describe(kind: Any) -> str:
    """A type in words, for messages."""
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    if kind in names:
        return names[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join("nothing" if one is type(None) else describe(one) for one in arguments)
    if origin in (tuple, list):
        return f"a list, each item {describe(arguments[0])}"
    if origin is dict:
        return f"a mapping to {describe(arguments[1])}"
    if dataclasses.is_dataclass(kind):
        return f"a mapping with {', '.join(field.name for field in dataclasses.fields(kind))}"
    return str(kind)


def plain(config: Any, relative_to: Path | None = None) -> Any:
    """A config as JSON values. Paths become relative to `relative_to`, so that no record names the machine it was made on."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {field.name: plain(getattr(config, field.name), relative_to) for field in dataclasses.fields(config)}
    if isinstance(config, dict):
        return {str(key): plain(value, relative_to) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [plain(item, relative_to) for item in config]
    if isinstance(config, Path):
        return relative(config, relative_to) if relative_to else config.as_posix()
    return config


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, with forward slashes (unchanged where it lies on another drive)."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return Path(path).as_posix()
