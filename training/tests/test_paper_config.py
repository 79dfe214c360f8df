"""The paper's settings load: every step's config is one that its stage takes."""

import importlib
from pathlib import Path
from typing import Any

from rationale_training.config import build, load
from rationale_training.profile import load_profile, prompt_segments
from rationale_training.refine import Config as Refine
from rationale_training.run import Config, _filled

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def test_every_step_of_the_papers_run_is_understood(repository: Path) -> None:
    recipe = load(Config, CONFIGS / "paper-interank.yaml")
    known = {k: str(v) for k, v in (recipe.values or {}).items()} | {step.name: step.name for step in recipe.steps}
    configs: dict[str, Any] = {}
    for step in recipe.steps:
        module = importlib.import_module(f"rationale_training.{step.stage}")
        configs[step.name] = build(module.Config, _filled(step.config, known), CONFIGS / step.name)
    refined = configs["refined"]
    assert isinstance(refined, Refine)
    assert refined.selection.as_released and refined.selection.minimum == 0.85 and refined.sampling.k == 8
    assert refined.training.lora is not None and (refined.training.lora.r, refined.training.lora.alpha) == (64, 16)
    assert configs["student-0"].tokens.training == refined.training
    assert configs["teacher"].temperature == 0 and configs["text"].sources[0].limit == 20000


def test_the_papers_prompt_is_the_extensions(repository: Path) -> None:
    profile = load_profile(CONFIGS / "paper-interank.profile.json")
    source = (repository / "src/profiles/interank.ts").read_text(encoding="utf-8")
    prompt = profile.prompt("explain-first")
    assert prompt.messages is not None
    # As TypeScript writes it: two quoted strings, joined.
    wording = "".join(
        part.strip().strip(",").strip("+ ").strip("'\"") for part in source.split("content:")[1].split("\n")[1:3]
    )
    assert prompt.messages[0][1].replace("\n", "\\n").replace(" ", "") == wording.replace(" ", "")
    text = "".join(s.text for s in prompt_segments(profile, prompt, "q", "d"))
    assert text.startswith("<|begin_of_text|><|start_header_id|>user") and text.count("<|begin_of_text|>") == 1
    assert text.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
