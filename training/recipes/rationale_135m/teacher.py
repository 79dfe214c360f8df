"""Teacher rationales of the embedded model: a local 0.5B model is told the label and asked for the reason and a quotation.

    python teacher.py --pool pool.jsonl --clusters clusters.npz --teacher MODEL_FOLDER --out teacher.jsonl --minutes 15

Labels come from the pool (a question's own document is 2) and from the encoder that also teaches the ranking (see
rationale_training.distill.targets). Every answer is kept, with what the checks say of it: {query, document, label,
explanation, origin, problems}; training takes those without problems. A second call goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rationale_training.checks import check
from rationale_training.distill.clusters import Clusters, Pool
from rationale_training.distill.targets import grade

ASKS = {
    2: "This document helps to answer the question. In one short sentence, say what it says that answers it",
    1: "This document touches the topic but does not answer the question. In one short sentence, say what it covers and what is missing",
    0: "This document does not help to answer the question. In one short sentence, say what it is about instead",
}
ENDING = ', quoting a few consecutive words of the document in double quotes. Do not begin with "The document".'
BATCH = 16


def ask(query: str, document: str, label: int) -> str:
    """The user's message to the teacher."""
    return f"Question: {query}\nDocument: {document}\n\n{ASKS[label]}{ENDING}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--clusters", type=Path, required=True)
    parser.add_argument("--teacher", required=True, help="Hugging Face folder of an instruction-tuned model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    pool, clusters = Pool.read(options.pool), Clusters.load(options.clusters)
    done = len(options.out.read_text(encoding="utf-8").split("\n")) - 1 if options.out.exists() else 0
    rng = random.Random(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.teacher, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(options.teacher, dtype=torch.bfloat16).eval()

    pairs = []
    for members in clusters.members[::-1]:  # from the end: ranking takes clusters from the start
        similarity = clusters.similarity(members)
        other = rng.randrange(1, len(members))
        for document in (0, other):
            document_index, query_index = int(members[document]), int(members[0])
            label = grade(float(similarity[document, 0]), document == 0)
            if label is not None:
                pairs.append((pool.queries[query_index], " ".join(pool.documents[document_index].split()[:80]), label))
    started = time.monotonic()
    kept = 0
    with options.out.open("a", encoding="utf-8") as out:
        for start in range(done, len(pairs), BATCH):
            if time.monotonic() - started > options.minutes * 60:
                break
            batch = pairs[start : start + BATCH]
            texts = [
                tokenizer.apply_chat_template(
                    [{"role": "user", "content": ask(*pair)}], tokenize=False, add_generation_prompt=True
                )
                for pair in batch
            ]
            inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
            with torch.inference_mode():
                answers = model.generate(
                    **inputs, max_new_tokens=56, do_sample=False, pad_token_id=tokenizer.eos_token_id
                )
            for (query, document, label), answer in zip(batch, answers[:, inputs["input_ids"].shape[1] :], strict=True):
                text = " ".join(tokenizer.decode(answer, skip_special_tokens=True).split())
                row = {"query": query, "document": document, "label": label, "explanation": text, "origin": "teacher"}
                checked = check(text, label, document, query)
                row["problems"] = list(checked.failed) + ([] if checked.quotes else ["no quotation"])
                kept += not row["problems"]
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.flush()
            print(
                f"{start + len(batch)} answers, {kept} of this call kept, {time.monotonic() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )


if __name__ == "__main__":
    main()
