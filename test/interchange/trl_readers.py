"""What `rationale export` writes trains real TRL trainers, row for row, with the loss on the answer alone.

The readers are the real ones (datasets, trl.SFTTrainer, trl.DPOTrainer; a tiny random Llama, one step, offline). Controls
break an export and must be refused by the same reader, or be noticed by the same check where TRL itself is silent.
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest
import warnings

import datasets
import torch
import transformers
import trl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from typescript import REPOSITORY

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from reviewed import write_lines, write_reviewed  # noqa: E402

# The trainers' progress bars and advice about their own future would hide the tests' results.
datasets.disable_progress_bars()
transformers.logging.set_verbosity_error()
warnings.filterwarnings("ignore", category=FutureWarning)

SCRATCH = pathlib.Path(os.environ["RATIONALE_SCRATCH"])
# Beyond the longest row of the fixture: byte-level tokens of a tiny vocabulary are many.
MAX_LENGTH = 16384


def export(judgements: pathlib.Path, kind: str) -> tuple[list[dict], dict]:
    """Rows and manifest that the command line writes."""
    out = SCRATCH / f"export-{kind}"
    command = [os.environ["RATIONALE_NODE"], "scripts/cli.mjs", "export", str(judgements), "--format", kind, "--out", str(out)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"rationale export ended with {done.returncode}:\n{done.stderr}")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    lines = (out / "train.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line], manifest


def load(kind: str) -> datasets.Dataset:
    return load_file(SCRATCH / f"export-{kind}" / "train.jsonl")


def load_file(path: pathlib.Path) -> datasets.Dataset:
    return datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(SCRATCH / "datasets"))


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    specials = ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|pad|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    words = ["document question relevance label explanation whether the following"] * 50
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=400, special_tokens=specials, initial_alphabet=alphabet, show_progress=False)
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>", pad_token="<|pad|>"
    )
    fast.chat_template = (
        "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n{{ m['content'] }}"
        "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    )
    return fast


def tiny_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    model.config._name_or_path = "tiny"
    return model


SETTINGS = {
    "output_dir": str(SCRATCH / "trained"),
    "report_to": "none",
    "per_device_train_batch_size": 2,
    "max_steps": 1,
    "logging_steps": 1,
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "disable_tqdm": True,
    "save_strategy": "no",
}


class TrlReaders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reviewed = write_reviewed(SCRATCH / "audit")
        cls.tokenizer = tiny_tokenizer()
        cls.rows, cls.manifest = {}, {}
        for kind in ("trl-sft", "trl-dpo"):
            cls.rows[kind], cls.manifest[kind] = export(cls.reviewed.path, kind)

    def sft(self, dataset: datasets.Dataset, max_length: int | None = None) -> trl.SFTTrainer:
        args = trl.SFTConfig(**SETTINGS, max_length=MAX_LENGTH if max_length is None else max_length)
        model = tiny_model(self.tokenizer)
        return trl.SFTTrainer(model=model, args=args, train_dataset=dataset, processing_class=self.tokenizer)

    def dpo(self, dataset: datasets.Dataset) -> trl.DPOTrainer:
        args = trl.DPOConfig(**SETTINGS, max_length=MAX_LENGTH)
        model, reference = tiny_model(self.tokenizer), tiny_model(self.tokenizer)
        return trl.DPOTrainer(
            model=model, ref_model=reference, args=args, train_dataset=dataset, processing_class=self.tokenizer
        )

    def test_every_reviewed_answer_is_exported_with_its_exact_prompt_and_nothing_else_is(self):
        expected = self.reviewed.decided
        self.assertGreater(self.reviewed.rows, len(expected) + len(self.reviewed.unteachable))
        self.assertTrue(self.reviewed.unteachable)
        exported = {row["id"]: (row["prompt"], row["completion"]) for row in self.rows["trl-sft"]}
        self.assertEqual(set(exported), set(expected))
        for key, (prompt, human, _) in expected.items():
            with self.subTest(key):
                self.assertEqual(exported[key][0], [{"role": "user", "content": prompt}])
                self.assertEqual(exported[key][1], [{"role": "assistant", "content": human}])

    def test_every_correction_becomes_a_pair_with_the_model_answer_rejected(self):
        exported = {row["id"]: row for row in self.rows["trl-dpo"]}
        self.assertEqual(set(exported), set(self.reviewed.pairs))
        for key, (prompt, human, original) in self.reviewed.pairs.items():
            with self.subTest(key):
                self.assertEqual(exported[key]["prompt"], [{"role": "user", "content": prompt}])
                self.assertEqual(exported[key]["chosen"], [{"role": "assistant", "content": human}])
                self.assertEqual(exported[key]["rejected"], [{"role": "assistant", "content": original}])

    def test_datasets_reads_as_many_rows_as_the_manifest_says(self):
        for kind in ("trl-sft", "trl-dpo"):
            with self.subTest(kind):
                self.assertEqual(load(kind).num_rows, self.manifest[kind]["rows"])
                self.assertEqual(load(kind).to_list(), self.rows[kind])

    def test_sft_trains_on_every_row(self):
        trainer = self.sft(load("trl-sft"))
        self.assertEqual(len(trainer.train_dataset), self.manifest["trl-sft"]["rows"])
        trainer.train()
        self.assertEqual(trainer.state.global_step, 1)

    def test_the_loss_starts_where_the_answer_starts(self):
        trainer = self.sft(load("trl-sft"))
        for row, prepared in zip(self.rows["trl-sft"], trainer.train_dataset, strict=True):
            with self.subTest(row["id"]):
                batch = trainer.data_collator([prepared])
                labels, ids = batch["labels"][0].tolist(), batch["input_ids"][0].tolist()
                start = next(i for i, label in enumerate(labels) if label != -100)
                self.assertEqual(labels[start:], ids[start:])
                asked = self.tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
                self.assertEqual(self.tokenizer.decode(ids[:start]), asked)
                answer = self.tokenizer.decode(ids[start:])
                self.assertEqual(answer, row["completion"][0]["content"] + self.tokenizer.eos_token)

    def test_dpo_trains_on_every_pair(self):
        trainer = self.dpo(load("trl-dpo"))
        self.assertEqual(len(trainer.train_dataset), self.manifest["trl-dpo"]["rows"])
        trainer.train()
        self.assertEqual(trainer.state.global_step, 1)

    def test_control_pairs_without_a_rejected_answer_are_refused(self):
        rows = [{key: value for key, value in row.items() if key != "rejected"} for row in self.rows["trl-dpo"]]
        write_lines(SCRATCH / "no-rejected.jsonl", rows)
        with self.assertRaises(KeyError):
            self.dpo(load_file(SCRATCH / "no-rejected.jsonl"))

    def test_control_half_a_surrogate_pair_is_refused(self):
        lines = (SCRATCH / "export-trl-sft" / "train.jsonl").read_text(encoding="utf-8").split("\n")
        # What JSON.stringify writes for a text that was cut inside an emoji.
        broken = [lines[0].replace('"content":"', '"content":"\\ud83d', 1), *lines[1:]]
        (SCRATCH / "surrogate.jsonl").write_text("\n".join(broken), encoding="utf-8")
        with self.assertRaises(datasets.exceptions.DatasetGenerationError):
            load_file(SCRATCH / "surrogate.jsonl")

    def test_control_rows_lost_to_a_short_max_length_are_noticed(self):
        """SFT drops silently what has no answer left within max_length: the comparison with the manifest sees it."""
        trainer = self.sft(load("trl-sft"), max_length=1024)
        self.assertLess(len(trainer.train_dataset), self.manifest["trl-sft"]["rows"])

    def test_control_a_completion_in_the_prompt_is_noticed(self):
        """The mask check fails where the answer was written into the prompt as well."""
        row = self.rows["trl-sft"][0]
        moved = row | {"prompt": [{"role": "user", "content": row["prompt"][0]["content"] + row["completion"][0]["content"]}]}
        trainer = self.sft(datasets.Dataset.from_list([moved] * 2))
        batch = trainer.data_collator([trainer.train_dataset[0]])
        start = next(i for i, label in enumerate(batch["labels"][0].tolist()) if label != -100)
        asked = self.tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
        self.assertNotEqual(self.tokenizer.decode(batch["input_ids"][0].tolist()[:start]), asked)
