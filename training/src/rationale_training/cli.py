"""The command `rationale-train`: finds the stage, reads its config, runs it. Stages are imported only when they run, so
that help comes at once and no stage needs the packages of another.
"""

import argparse
import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from rationale_training.config import load
from rationale_training.errors import UserError

STAGES = {
    "collect": "queries, documents and hard negatives from dumps and collections",
    "generate": "a teacher's queries and judgements, as a judgement file",
    "distill": "supervised training on judgement files",
    "refine": "reinforcement from rewards: best of k, GRPO",
    "export": "a Hugging Face model as the ONNX folder that the extension loads",
    "evaluate": "nDCG@10 against BM25 and other models, with significance",
    "loop": "the closed loop with simulated annotators, and its controls",
    "run": "all stages of one config, in order",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code: 0 done, 2 something for the user to mend, 130 interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(arguments)
    except UserError as error:
        print(f"rationale-train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rationale-train: interrupted; the same command with --resume goes on.", file=sys.stderr)
        return 130


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from rationale_training import __version__

        print(__version__)
        return 0
    name = arguments[0]
    if name not in STAGES:
        raise UserError(f'there is no stage "{name}". There are: {", ".join(STAGES)}.')
    stage = importlib.import_module(f"rationale_training.{name}")
    options = _parser(name, stage).parse_args(arguments[1:])
    file = options.config or options.file
    if file is None:
        raise UserError(f"no config given: rationale-train {name} --config FILE.yaml --out DIR")
    if options.config and options.file:
        raise UserError(f"two configs given ({options.file}, {options.config}); one is meant.")
    config = load(stage.Config, Path(file), options.set)
    # What a launcher (accelerate, torchrun) starts many times is the same command; only the first process writes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    stage.run(config, Path(options.out), options.resume)
    return 0


def _overview() -> str:
    width = max(len(name) for name in STAGES)
    lines = [f"  {name.ljust(width)}  {what}" for name, what in STAGES.items()]
    return "\n".join(
        [
            "usage: rationale-train STAGE --config FILE.yaml --out DIR [--set key=value …] [--resume]",
            "",
            "stages:",
            *lines,
            "",
            "rationale-train STAGE --help lists the fields of its config file.",
        ]
    )


def _parser(name: str, stage: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"rationale-train {name}",
        description=f"{inspect.cleandoc(stage.__doc__ or STAGES[name])}",
        epilog=f"config file:\n\n{inspect.cleandoc(stage.Config.__doc__ or '')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", metavar="CONFIG", help="the config file (YAML)")
    parser.add_argument("--config", metavar="FILE", help="the same, as an option")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for what the stage writes")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another value for a field, e.g. training.epochs=2",
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in DIR")
    return parser
