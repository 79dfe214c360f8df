"""`run`: a whole recipe from one file, stage after stage, each in a folder of its own, each resumable by itself."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config import build
from .errors import UserError
from .manifest import FILE, Manifest


@dataclass(frozen=True)
class Step:
    """One step of a recipe: a stage of rationale-train with its config, or a script of the recipe's own.

    name: the step's folder below --out, and how later steps refer to it: {name} in a value is that folder.
    stage: the stage; config: its config, with paths relative to this file.
    script: a Python file beside this one; arguments: its arguments. It writes into {out}, the step's folder, and counts as
    done when it has ended well.
    """

    name: str
    stage: str | None = None
    config: dict[str, Any] | None = None
    script: Path | None = None
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.stage is None) == (self.script is None):
            raise ValueError(f'step "{self.name}" needs either a stage or a script')


@dataclass(frozen=True)
class Config:
    """A recipe.

    steps: what runs, in order. A step that is complete with the same config and inputs is passed over.
    folder: where relative paths in the steps start; "." is the recipe's own folder. {here} in any text stands for it.
    values: names for values used in several steps: {name} in any text stands for one; --set values.name=… changes it.
    until: the name of the last step to run.
    """

    steps: tuple[Step, ...]
    folder: Path
    values: dict[str, Any] | None = None
    until: str | None = None


def run(config: Config, out: Path, resume: bool) -> None:
    """Runs the steps below `out`. Raises UserError naming the step that failed; what is complete stays."""
    names = [step.name for step in config.steps]
    if len(set(names)) != len(names):
        raise UserError(f"two steps have the same name: {', '.join(names)}.")
    if config.until is not None and config.until not in names:
        raise UserError(f'until: there is no step "{config.until}". There are: {", ".join(names)}.')
    out.mkdir(parents=True, exist_ok=True)
    known = {key: str(value) for key, value in (config.values or {}).items()}
    known |= {name: str((out / name).resolve()) for name in names} | {"here": str(config.folder.resolve())}
    for step in config.steps:
        folder = out / step.name
        print(f"run: {step.name}", file=sys.stderr)
        here = known | {"out": str(folder.resolve())}
        try:
            if step.stage is not None:
                _stage(step, here, config.folder, folder, resume)
            else:
                _script(step, here, folder, resume)
        except UserError as error:
            raise UserError(f"step {step.name}: {error}") from error
        if step.name == config.until:
            break


def _stage(step: Step, known: dict[str, str], recipe: Path, folder: Path, resume: bool) -> None:
    from .cli import STAGES

    assert step.stage is not None
    if step.stage not in STAGES or step.stage == "run":
        raise UserError(f'there is no stage "{step.stage}".')
    module = importlib.import_module(f"rationale_training.{step.stage}")
    config = build(module.Config, _filled(step.config or {}, known), recipe / f"{step.name} of the recipe")
    # An interrupted step has left its manifest; resuming the recipe resumes that step and starts the later ones.
    module.run(config, folder, resume and (folder / FILE).exists())


def _script(step: Step, known: dict[str, str], folder: Path, resume: bool) -> None:
    assert step.script is not None
    arguments = [str(_filled(argument, known)) for argument in step.arguments]
    settings = {"script": step.script.name, "arguments": arguments}
    manifest = Manifest.open(folder, "script", settings, inputs=[step.script], resume=resume)
    if manifest.complete:
        return
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    }
    done = subprocess.run([sys.executable, str(step.script), *arguments], env=environment)
    if done.returncode != 0:
        raise UserError(f"{step.script.name} ended with exit code {done.returncode}; its messages are above.")
    manifest.finish(outputs=[f for f in sorted(folder.iterdir()) if f.name != FILE], counts={})


def _filled(value: Any, known: dict[str, str]) -> Any:
    """The value with {name} replaced in every text. Raises UserError for a name nobody knows."""
    if isinstance(value, dict):
        return {key: _filled(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, known) for item in value]
    if isinstance(value, str):
        try:
            return value.format_map(known)
        except KeyError as error:
            raise UserError(
                f"{{{error.args[0]}}} is neither a value nor a step. There are: {', '.join(known)}."
            ) from error
    return value
