"""What `rationale export` writes trains real TRL trainers, row for row, with the loss on the answer alone.

The readers are the real ones (datasets and TRL's SFT, DPO, KTO, reward and GRPO trainers; a tiny random Llama, one step,
offline). Controls break an export and must be refused by the same reader, or be noticed by the same check where TRL itself
is silent.
"""

import pathlib
import sys
import unittest
import warnings

import datasets
import transformers
import trl

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from exported import SCRATCH, export, load, manifest, rows  # noqa: E402
from reviewed import write_lines, write_reviewed  # noqa: E402
from tiny import MAX_LENGTH, tiny_model, tiny_scorer, tiny_tokenizer  # noqa: E402

# The trainers' progress bars and advice about their own future would hide the tests' results.
datasets.disable_progress_bars()
transformers.logging.set_verbosity_error()
warnings.filterwarnings("ignore", category=FutureWarning)

KINDS = ("trl-sft", "trl-sft-text", "trl-messages", "trl-dpo", "trl-dpo-text", "trl-kto", "trl-reward", "trl-grpo")


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
        # Both kinds of prompt in one file: raw ones as a user message. The text formats hold the raw ones alone.
        cls.folder = {kind: export(cls.reviewed.path, kind, "--prompts", "messages") for kind in KINDS}
        cls.rows = {kind: rows(folder) for kind, folder in cls.folder.items()}
        cls.manifest = {kind: manifest(folder) for kind, folder in cls.folder.items()}

    def load(self, kind: str) -> datasets.Dataset:
        return load(self.folder[kind] / "train.jsonl")

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

    def kto(self, dataset: datasets.Dataset) -> trl.KTOTrainer:
        args = trl.KTOConfig(**SETTINGS, max_length=MAX_LENGTH)
        model, reference = tiny_model(self.tokenizer), tiny_model(self.tokenizer)
        return trl.KTOTrainer(
            model=model, ref_model=reference, args=args, train_dataset=dataset, processing_class=self.tokenizer
        )

    def reward(self, dataset: datasets.Dataset) -> trl.RewardTrainer:
        args = trl.RewardConfig(**SETTINGS, max_length=MAX_LENGTH)
        model = tiny_scorer(self.tokenizer)
        return trl.RewardTrainer(model=model, args=args, train_dataset=dataset, processing_class=self.tokenizer)

    def grpo(self, dataset: datasets.Dataset, reward) -> trl.GRPOTrainer:
        args = trl.GRPOConfig(**SETTINGS, num_generations=2, max_completion_length=4)
        model = tiny_model(self.tokenizer)
        return trl.GRPOTrainer(
            model=model, reward_funcs=reward, args=args, train_dataset=dataset, processing_class=self.tokenizer
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
        for kind in KINDS:
            with self.subTest(kind):
                self.assertEqual(self.load(kind).num_rows, self.manifest[kind]["lines"])
                self.assertEqual(self.load(kind).to_list(), self.rows[kind])

    def test_sft_trains_on_every_row(self):
        trainer = self.sft(self.load("trl-sft"))
        self.assertEqual(len(trainer.train_dataset), self.manifest["trl-sft"]["rows"])
        trainer.train()
        self.assertEqual(trainer.state.global_step, 1)

    def test_the_loss_starts_where_the_answer_starts(self):
        trainer = self.sft(self.load("trl-sft"))
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
        trainer = self.dpo(self.load("trl-dpo"))
        self.assertEqual(len(trainer.train_dataset), self.manifest["trl-dpo"]["rows"])
        trainer.train()
        self.assertEqual(trainer.state.global_step, 1)

    def test_plain_strings_are_the_raw_prompts_and_their_answers(self):
        expected = {key: self.reviewed.decided[key][:2] for key in self.reviewed.raw}
        self.assertTrue(expected)
        self.assertEqual({r["id"]: (r["prompt"], r["completion"]) for r in self.rows["trl-sft-text"]}, expected)
        trainer = self.sft(self.load("trl-sft-text"))
        for row, prepared in zip(self.rows["trl-sft-text"], trainer.train_dataset, strict=True):
            with self.subTest(row["id"]):
                text = self.tokenizer.decode(prepared["input_ids"])
                self.assertEqual(text, row["prompt"] + row["completion"] + self.tokenizer.eos_token)
        trainer.train()

    def test_messages_are_prompt_and_answer_in_one_conversation(self):
        joined = {r["id"]: r["prompt"] + r["completion"] for r in self.rows["trl-sft"]}
        self.assertEqual({r["id"]: r["messages"] for r in self.rows["trl-messages"]}, joined)
        self.sft(self.load("trl-messages")).train()

    def test_kto_learns_the_verdicts_and_no_others(self):
        self.assertEqual(
            {(r["id"], r["prompt"][0]["content"], r["completion"][0]["content"], r["label"]) for r in self.rows["trl-kto"]},
            self.reviewed.verdicts,
        )
        trainer = self.kto(self.load("trl-kto"))
        prepared = trainer.train_dataset
        self.assertEqual(
            [(self.tokenizer.decode(ids), label) for ids, label in zip(prepared["completion_ids"], prepared["label"])],
            [(r["completion"][0]["content"] + self.tokenizer.eos_token, r["label"]) for r in self.rows["trl-kto"]],
        )
        trainer.train()
        self.assertEqual(trainer.state.global_step, 1)

    def test_control_kto_takes_relevance_for_a_verdict_without_a_word(self):
        """Why no column of ours but the verdict is called label: TRL trains on 0, 1 and 2, and the type check sees it."""
        rows = [row | {"label": row["relevance"]} for row in self.rows["trl-kto"]]
        write_lines(SCRATCH / "kto-grades.jsonl", rows)
        graded = load(SCRATCH / "kto-grades.jsonl")
        self.kto(graded)
        self.assertNotEqual(graded.features["label"].dtype, "bool")
        self.assertEqual(self.load("trl-kto").features["label"].dtype, "bool")

    def test_reward_model_learns_every_pair_with_its_margin(self):
        exported = self.rows["trl-reward"]
        self.assertEqual({r["id"] for r in exported}, set(self.reviewed.pairs))
        trainer = self.reward(self.load("trl-reward"))
        for row, prepared in zip(exported, trainer.train_dataset, strict=True):
            with self.subTest(row["id"]):
                for side in ("chosen", "rejected"):
                    text = self.tokenizer.apply_chat_template(row["prompt"] + row[side], tokenize=False)
                    self.assertEqual(self.tokenizer.decode(prepared[f"{side}_ids"]), text)
                self.assertEqual(prepared["margin"], row["margin"])
                self.assertTrue(0 <= row["margin"] <= 1)
        trainer.train()
        self.assertEqual(trainer.state.global_step, 1)

    def test_control_a_reward_margin_in_words_is_refused(self):
        write_lines(SCRATCH / "margin.jsonl", [row | {"margin": "much"} for row in self.rows["trl-reward"]])
        with self.assertRaises((TypeError, ValueError)):
            self.reward(load(SCRATCH / "margin.jsonl")).train()

    def test_grpo_gets_every_gold_column_in_the_reward_function(self):
        seen: list[dict] = []
        gold = ["gold_label", "gold_explanation", "gold_answer", "gold_evidence", "id"]
        asked: list = []

        def judge(prompts, completions, **columns):
            seen.extend({name: columns[name][i] for name in gold} for i in range(len(prompts)))
            asked.extend(prompts)
            return [float(len(completion[0]["content"])) for completion in completions]

        self.grpo(self.load("trl-grpo"), judge).train()
        by_id = {row["id"]: row for row in self.rows["trl-grpo"]}
        self.assertTrue(seen)
        for prompt, columns in zip(asked, seen, strict=True):
            row = by_id[columns["id"]]
            self.assertEqual(prompt, row["prompt"])
            self.assertEqual(columns, {name: row[name] for name in gold})
        answers = {r["id"]: r["gold_answer"] for r in self.rows["trl-grpo"]}
        self.assertEqual(answers, {key: human for key, (_, human, _) in self.reviewed.decided.items()})

    def test_control_a_grpo_column_named_completions_is_refused(self):
        write_lines(SCRATCH / "reserved.jsonl", [row | {"completions": "x"} for row in self.rows["trl-grpo"]])
        with self.assertRaises(TypeError):
            self.grpo(load(SCRATCH / "reserved.jsonl"), lambda prompts, **columns: [0.0] * len(prompts)).train()

    def test_control_pairs_without_a_rejected_answer_are_refused(self):
        rows = [{key: value for key, value in row.items() if key != "rejected"} for row in self.rows["trl-dpo"]]
        write_lines(SCRATCH / "no-rejected.jsonl", rows)
        with self.assertRaises(KeyError):
            self.dpo(load(SCRATCH / "no-rejected.jsonl"))

    def test_control_half_a_surrogate_pair_is_refused(self):
        lines = (self.folder["trl-sft"] / "train.jsonl").read_text(encoding="utf-8").split("\n")
        # What JSON.stringify writes for a text that was cut inside an emoji.
        broken = [lines[0].replace('"content":"', '"content":"\\ud83d', 1), *lines[1:]]
        (SCRATCH / "surrogate.jsonl").write_text("\n".join(broken), encoding="utf-8")
        with self.assertRaises(datasets.exceptions.DatasetGenerationError):
            load(SCRATCH / "surrogate.jsonl")

    def test_control_rows_lost_to_a_short_max_length_are_noticed(self):
        """SFT drops silently what has no answer left within max_length: the comparison with the manifest sees it."""
        trainer = self.sft(self.load("trl-sft"), max_length=1024)
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
