"""Runs profiles.mjs: what the extension itself makes of the same input. Needs Node and `npm ci`, as the repository does."""

import json
import subprocess
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "models" / "rationale-135m"


def extension(**payload: Any) -> dict[str, Any]:
    """The result of each list in `payload`, in order. Raises with what Node wrote on stderr when it fails."""
    lists = ("profiles", "texts", "prompts", "answers", "parses", "prepares", "checks")
    empty: dict[str, Any] = {name: [] for name in lists}
    done = subprocess.run(
        ["node", str(REPOSITORY / "training" / "tests" / "profiles.mjs")],
        input=json.dumps({**empty, "tokenizerJson": str(MODEL / "tokenizer.json"), **payload}).encode("utf-8"),
        capture_output=True,
        cwd=REPOSITORY,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"profiles.mjs ended with {done.returncode}:\n{done.stderr.decode('utf-8', 'replace')}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
