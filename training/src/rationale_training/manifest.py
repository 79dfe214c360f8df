"""The record of a stage: what it was told, what it read and wrote, with hashes, so that a result can be traced back to
its inputs and a stage that is started again knows whether there is anything left to do.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from rationale_training.config import plain, relative
from rationale_training.errors import UserError

T = TypeVar("T")
FILE = "manifest.json"
# Whose versions may change a result.
PACKAGES = (
    "accelerate",
    "datasets",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-genai",
    "peft",
    "rationale-training",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
)


class Manifest:
    """`manifest.json` in a stage's output folder. Open it first, `finish` it last:

        manifest = Manifest.open(out, "collect", config, seed=config.seed, inputs=[config.corpus], resume=resume)
        if manifest.complete:
            return
        …
        manifest.finish(outputs=[out / "pairs.jsonl"], counts={"pairs": n})

    Of several processes (RANK of accelerate and torchrun) only the first writes and refuses.
    """

    def __init__(self, out: Path, value: dict[str, Any], complete: bool) -> None:
        self.out = out
        self.value = value
        #: The stage has been finished before with this config and these inputs: there is nothing to do.
        self.complete = complete

    @classmethod
    def open(
        cls,
        out: Path,
        stage: str,
        config: Any,
        *,
        seed: int | None = None,
        inputs: Iterable[Path] = (),
        resume: bool = False,
        may_change: Iterable[str] = (),
    ) -> "Manifest":
        """Claims `out` for a stage. Raises UserError where it holds something else, another config's result, changed
        outputs, or an unfinished run and `resume` is false; nothing in `out` is touched then. Config keys in
        `may_change` (dotted) do not make another config: speed, limits, prices."""
        value: dict[str, Any] = {
            "version": 1,
            "stage": stage,
            "state": "running",
            "config": plain(config, out),
            "seed": seed,
            "command": _command(out),
            "started_at": _now(),
            "packages": _versions(),
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            "inputs": {relative(path, out): hash_of(path) for path in inputs},
            "outputs": {},
            "counts": {},
        }
        found = _read(out)
        if found is None:
            if is_main_process():
                if out.exists() and (not out.is_dir() or any(out.iterdir())):
                    raise UserError(f"{out} is not empty and no stage wrote it. Choose a new folder with --out.")
                out.mkdir(parents=True, exist_ok=True)
                write_json(out / FILE, value)
            return cls(out, value, complete=False)
        differences = _differences(found, value, frozenset(may_change))
        if not is_main_process():
            return cls(out, value, complete=found.get("state") == "complete" and not differences)
        if differences:
            raise UserError(
                f"{out} holds a {found.get('state')} {found.get('stage')} of another config or input "
                f"({'; '.join(differences[:5])}). Choose another --out, or delete that folder."
            )
        if found.get("state") == "complete":
            _check_outputs(out, found)
            print(f"{stage}: {out} is complete; nothing to do.", file=sys.stderr)
            return cls(out, found, complete=True)
        if not resume:
            raise UserError(f"{out} holds an unfinished {stage}. --resume goes on with it; or delete that folder.")
        value["started_at"] = found.get("started_at", value["started_at"])
        value["resumed_at"] = [*found.get("resumed_at", []), _now()]
        value["counts"] = found.get("counts", {})
        write_json(out / FILE, value)
        return cls(out, value, complete=False)

    @property
    def resumed(self) -> bool:
        """An earlier process has begun this run: what it left in the folder is ours."""
        return "resumed_at" in self.value

    def record(self, **fields: Any) -> None:
        """Writes further facts (measurements, notes) at once, so that they outlive a crash."""
        self.value.update(fields)
        if is_main_process():
            write_json(self.out / FILE, self.value)

    def finish(self, *, outputs: Iterable[Path] = (), counts: dict[str, Any] | None = None) -> None:
        """Marks the stage complete, with the hashes of `outputs` (files or folders)."""
        if not is_main_process():
            return
        self.value["outputs"] = {relative(path, self.out): hash_of(path) for path in outputs}
        self.value["counts"].update(counts or {})
        self.value["finished_at"] = _now()
        self.value["state"] = "complete"
        write_json(self.out / FILE, self.value)


def is_main_process() -> bool:
    """True in a single process and in the first of several."""
    return int(os.environ.get("RANK", "0")) == 0


def progress(iterable: Iterable[T], total: int | None = None, label: str = "") -> Iterator[T]:
    """The items, with a progress bar on stderr (a line now and then where stderr is no terminal)."""
    terminal = sys.stderr.isatty()
    hidden = not is_main_process() or bool(os.environ.get("TQDM_DISABLE"))
    yield from tqdm(iterable, total=total, desc=label, disable=hidden, mininterval=0.5 if terminal else 30, ncols=100)


def hash_of(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder, of its files' names and hashes in the order of the names."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{hash_of(file)}  {file.relative_to(path).as_posix()}\n".encode())
        return digest.hexdigest()
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from error


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all: a crash leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """`write_text` of readable JSON."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _read(out: Path) -> dict[str, Any] | None:
    try:
        value = json.loads((out / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {out / FILE}: {error}. Choose another --out, or delete that folder.") from error
    if not isinstance(value, dict):
        raise UserError(f"{out / FILE} is no manifest of ours. Choose another --out.")
    return value


def _differences(found: dict[str, Any], wanted: dict[str, Any], may_change: frozenset[str]) -> list[str]:
    if found.get("stage") != wanted["stage"]:
        return [f"stage {found.get('stage')}, not {wanted['stage']}"]
    old, new = _flat(found.get("config"), ""), _flat(json.loads(json.dumps(wanted["config"])), "")
    differences = [
        f"{key}: {old.get(key)!r} there, {new.get(key)!r} asked for"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key not in may_change
    ]
    inputs = found.get("inputs", {})
    names = sorted(inputs.keys() | wanted["inputs"].keys())
    differences += [f"input {name} differs" for name in names if inputs.get(name) != wanted["inputs"].get(name)]
    return differences


def _flat(value: Any, key: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for name, item in value.items() for k, v in _flat(item, f"{key}.{name}" if key else name).items()}
    return {key: value}


def _check_outputs(out: Path, found: dict[str, Any]) -> None:
    for name, digest in found.get("outputs", {}).items():
        path = out / name
        if not path.exists():
            raise UserError(f"{path} is missing, although {out / FILE} says complete. Delete the folder to redo it.")
        if hash_of(path) != digest:
            raise UserError(f"{path} has changed since {out / FILE} was written. Delete the folder to redo it.")


def _command(out: Path) -> list[str]:
    """The command line, with paths as seen from `out`."""
    name = Path(sys.argv[0]).stem
    arguments = [relative(Path(a), out) if a.startswith(os.sep) else a for a in sys.argv[1:]]
    return [name, *arguments]


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
