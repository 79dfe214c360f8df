"""The dataset card of generated data: who answered what, how many answers could not be read, what it cost."""

from typing import Any

from rationale_training.generate.settings import Config


def card(config: Config, model: dict[str, str], counts: dict[str, Any], licences: str) -> str:
    """The README.md of the folder."""
    judging = config.task in ("judge", "explain")
    lines = [
        "---",
        "license: other",
        "task_categories: [text-ranking]",
        "---",
        "",
        f"# {'Judgements' if judging else 'Search queries'} written by {model['id']}",
        "",
        f"Written by `rationale-train generate` (task {config.task}, seed {config.seed}, temperature {config.temperature:g}); "
        "`manifest.json` holds config, versions and hashes, `journal.jsonl` every answer as it came.",
        "",
        f"Licences of the texts: {licences or 'not stated by the input; find out before you pass this on'}. The teacher's own "
        "licence may restrict what its answers may be used for.",
        "",
        "## Counts",
        "",
        *_list({name: value for name, value in counts.items() if value not in ({}, "", None)}),
        "",
    ]
    if judging:
        lines += [
            "`status`: `ok`; `truncated`, cut off after its label; `unparsed`, no label on the scale was found, and none was "
            "guessed; `failed`, no answer came. `rejected.judgements.jsonl` holds what failed the checks that were asked for "
            f"({', '.join(config.must_pass) or 'none'}), with the reasons in `checks_failed`; counts of `status` and `labels` "
            "are of both files.",
            "",
            "Nobody has reviewed these answers. Open the file in Rationale to audit it; what people decide is kept beside it.",
            "",
        ]
        if config.task == "explain":
            lines += [
                "The teacher was told the label and asked for the reason: these explanations argue for a label, they are no "
                "evidence that it is right.",
                "",
            ]
    return "\n".join(lines)


def _list(values: dict[str, Any]) -> list[str]:
    lines = []
    for name, value in values.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        lines.append(f"- {name.replace('_', ' ')}: {shown}")
    return lines
