"""verl, OpenRLHF, LLaMA-Factory and Axolotl read what `rationale export` writes, and see our values.

Their own data modules, as installed (bare_packages.py), on real exports; what comes out is compared with the decisions the
fixture holds, text for text. Controls break a file and must be refused, or be noticed by the same comparison where the
reader is silent.
"""

import json
import logging
import pathlib
import platform
import shutil
import sys
import types
import unittest

import datasets
import transformers
from omegaconf import OmegaConf

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bare_packages  # noqa: E402
from exported import SCRATCH, export, load, rows  # noqa: E402
from reviewed import write_lines, write_reviewed  # noqa: E402
from tiny import MAX_LENGTH, tiny_tokenizer  # noqa: E402

datasets.disable_progress_bars()
transformers.logging.set_verbosity_error()
logging.getLogger().setLevel(logging.ERROR)


# As in test/python/readers.txt: where they publish no package for this Python, there is nothing to run.
HAS_VERL = sys.version_info < (3, 13)
HAS_OPENRLHF = HAS_VERL and sys.platform == "linux" and platform.machine() == "x86_64"


@unittest.skipUnless(HAS_VERL, "verl publishes no package for this Python")
class Verl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reviewed = write_reviewed(SCRATCH / "verl")
        cls.tokenizer = tiny_tokenizer()
        reader = bare_packages.load(
            "verl.utils.dataset.rl_dataset", ("verl", "verl.utils", "verl.utils.dataset")
        )
        cls.RLHFDataset = reader.RLHFDataset
        tokenizers = bare_packages.load("verl.utils.tokenizer", ())
        # rm_dataset takes this one name from the package's __init__.
        sys.modules["verl.utils"].hf_tokenizer = tokenizers.hf_tokenizer
        cls.RMDataset = bare_packages.load("verl.utils.dataset.rm_dataset", ()).RMDataset

    def rlhf(self, path: pathlib.Path, max_prompt_length: int = MAX_LENGTH):
        config = {
            "cache_dir": str(SCRATCH / "verl-cache"),
            "max_prompt_length": max_prompt_length,
            "filter_overlong_prompts_workers": 1,
        }
        return self.RLHFDataset(str(path), self.tokenizer, OmegaConf.create(config))

    def test_rlhf_dataset_gives_prompt_and_ground_truth_of_every_answer(self):
        for container in ("jsonl", "parquet"):
            with self.subTest(container):
                folder = export(self.reviewed.path, "verl-rl", "--container", container, name=f"verl-rl-{container}")
                name = "train.json" if container == "jsonl" else "train.parquet"
                dataset = self.rlhf(folder / name)
                seen = {}
                indices = set()
                for i in range(len(dataset)):
                    row = dataset[i]
                    info = row["extra_info"]
                    indices.add(row["index"])
                    label = int(row["reward_model"]["ground_truth"])
                    seen[info["id"]] = (row["raw_prompt"], label, info["reference"])
                self.assertEqual(len(indices), len(dataset))
                expected = {
                    key: ([{"role": "user", "content": prompt}], self.reviewed.labels[key][2], human)
                    for key, (prompt, human, _) in self.reviewed.decided.items()
                }
                self.assertEqual(seen, expected)

    def test_reward_model_pairs_are_the_corrections_of_raw_prompts(self):
        folder = export(self.reviewed.path, "verl-rm", "--container", "parquet")
        dataset = self.RMDataset(
            str(folder / "train.parquet"), self.tokenizer, max_length=MAX_LENGTH, cache_dir=str(SCRATCH / "verl-rm")
        )
        expected = sorted(self.reviewed.pairs[key] for key in self.reviewed.pairs if key in self.reviewed.raw)
        self.assertTrue(expected)
        self.assertEqual(sorted(zip(dataset.prompts, dataset.chosen_responses, dataset.rejected_responses)), expected)
        first = dataset[0]
        asked = dataset.prompts[0] + dataset.chosen_responses[0] + self.tokenizer.eos_token
        ids = first["input_ids"][0][first["attention_mask"][0] == 1]
        self.assertEqual(self.tokenizer.decode(ids), asked)

    def test_sft_messages_survive_parquet(self):
        """MultiTurnSFTDataset itself wants an older transformers; this is how it reads the file."""
        import pandas

        folder = export(self.reviewed.path, "verl-sft", "--container", "parquet")
        frame = pandas.read_parquet(folder / "train.parquet", dtype_backend="pyarrow")
        seen = {row["id"]: [dict(message) for message in row["messages"]] for row in frame.to_dict("records")}
        expected = {
            key: [{"role": "user", "content": prompt}, {"role": "assistant", "content": human}]
            for key, (prompt, human, _) in self.reviewed.decided.items()
        }
        self.assertEqual(seen, expected)

    def test_control_another_extension_is_refused(self):
        folder = export(self.reviewed.path, "verl-rl", name="verl-extension")
        shutil.copy(folder / "train.json", SCRATCH / "verl.txt")
        with self.assertRaises(ValueError):
            self.rlhf(SCRATCH / "verl.txt")

    def test_control_rows_lost_to_a_short_prompt_length_are_noticed(self):
        folder = export(self.reviewed.path, "verl-rl", name="verl-short")
        self.assertLess(len(self.rlhf(folder / "train.json", 1024)), len(self.reviewed.decided))


@unittest.skipUnless(HAS_OPENRLHF, "OpenRLHF publishes no package for this platform")
class OpenRlhf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reviewed = write_reviewed(SCRATCH / "openrlhf")
        cls.tokenizer = tiny_tokenizer()
        packages = ("openrlhf", "openrlhf.utils", "openrlhf.datasets")
        cls.sft = bare_packages.load("openrlhf.datasets.sft_dataset", packages)
        cls.pairs = bare_packages.load("openrlhf.datasets.reward_dataset", packages)
        cls.prompts = bare_packages.load("openrlhf.datasets.prompts_dataset", packages)

    def strategy(self, **data):
        return types.SimpleNamespace(
            args=types.SimpleNamespace(data=types.SimpleNamespace(**data)), is_rank_0=lambda: False, print=print
        )

    def folder(self, kind: str, form: str) -> pathlib.Path:
        return export(self.reviewed.path, kind, "--prompts", form, name=f"{kind}-{form}")

    def chat(self, prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def expected(self, form: str) -> dict[str, tuple[str, str, str | None]]:
        """The decisions that the form can hold, as the reader renders them."""
        if form == "strings":
            return {key: self.reviewed.decided[key] for key in self.reviewed.raw}
        return {key: (self.chat(prompt), *rest) for key, (prompt, *rest) in self.reviewed.decided.items()}

    def test_sft_renders_every_answer(self):
        for form in ("messages", "strings"):
            with self.subTest(form):
                exported = load(self.folder("openrlhf-sft", form) / "train.jsonl")
                strategy = self.strategy(
                    input_key="input", output_key="output", apply_chat_template=form == "messages"
                )
                dataset = self.sft.SFTDataset(exported, self.tokenizer, MAX_LENGTH, strategy, num_processors=None)
                end = self.tokenizer.eos_token if form == "messages" else ""
                expected = sorted((prompt, human + end) for prompt, human, _ in self.expected(form).values())
                self.assertEqual(sorted(zip(dataset.prompts, dataset.responses)), expected)

    def test_pairs_render_chosen_and_rejected(self):
        for form in ("messages", "strings"):
            for is_dpo in (True, False):
                with self.subTest(form, is_dpo=is_dpo):
                    exported = load(self.folder("openrlhf-dpo", form) / "train.jsonl")
                    strategy = self.strategy(
                        prompt_key="prompt",
                        chosen_key="chosen",
                        rejected_key="rejected",
                        apply_chat_template=form == "messages",
                    )
                    dataset = self.pairs.RewardDataset(
                        exported, self.tokenizer, MAX_LENGTH, strategy, is_dpo=is_dpo, num_processors=None
                    )
                    end = self.tokenizer.eos_token if form == "messages" else ""
                    expected = sorted(
                        (prompt, human + end, original + end)
                        for key, (prompt, human, original) in self.expected(form).items()
                        if key in self.reviewed.pairs
                    )
                    self.assertEqual(sorted(zip(dataset.prompts, dataset.chosens, dataset.rejects)), expected)

    def test_prompts_come_with_the_gold_label(self):
        for form in ("messages", "strings"):
            with self.subTest(form):
                folder = self.folder("openrlhf-rl", form)
                strategy = self.strategy(
                    input_key="input", label_key="gold_label", apply_chat_template=form == "messages"
                )
                dataset = self.prompts.PromptDataset(load(folder / "train.jsonl"), self.tokenizer, strategy)
                seen = sorted((prompt, label) for _, prompt, label, _ in (dataset[i] for i in range(len(dataset))))
                expected = sorted(
                    (prompt, str(self.reviewed.labels[key][2])) for key, (prompt, *_) in self.expected(form).items()
                )
                self.assertEqual(seen, expected)

    def test_control_pairs_of_strings_with_the_chat_flag_are_refused(self):
        exported = load(self.folder("openrlhf-dpo", "strings") / "train.jsonl")
        strategy = self.strategy(
            prompt_key="prompt", chosen_key="chosen", rejected_key="rejected", apply_chat_template=True
        )
        with self.assertRaises(Exception):
            self.pairs.RewardDataset(exported, self.tokenizer, MAX_LENGTH, strategy, is_dpo=True, num_processors=None)

    def test_control_an_image_placeholder_is_changed_by_the_reader(self):
        """Why such rows are held back from conversations."""
        write_lines(SCRATCH / "image.jsonl", [{"input": [{"role": "user", "content": "see <image>"}], "gold_label": "1"}])
        strategy = self.strategy(input_key="input", label_key="gold_label", apply_chat_template=True)
        dataset = self.prompts.PromptDataset(load(SCRATCH / "image.jsonl"), self.tokenizer, strategy)
        self.assertNotEqual(dataset[0][1], self.chat("see <image>"))


class LlamaFactory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reviewed = write_reviewed(SCRATCH / "llama-factory")
        packages = ("llamafactory", "llamafactory.data")
        cls.parser = bare_packages.load("llamafactory.data.parser", packages)
        cls.converter = bare_packages.load("llamafactory.data.converter", packages)

    def aligned(self, folder: pathlib.Path, name: str = "rationale_train") -> tuple[list[dict], list[dict]]:
        """The rows of a data set as LLaMA-Factory's loader finds and converts them, and as they stand in the file."""
        attributes, *_ = self.parser.get_dataset_list([name], str(folder))
        data = load(folder / attributes.dataset_name)
        arguments = types.SimpleNamespace(
            streaming=False, preprocessing_num_workers=1, overwrite_cache=True, media_dir=str(folder)
        )
        training = types.SimpleNamespace(local_process_index=0)
        return self.converter.align_dataset(data, attributes, arguments, training).to_list(), data.to_list()

    def test_sft_is_prompt_and_answer_without_a_system_prompt_of_its_own(self):
        for container in ("jsonl", "parquet"):
            with self.subTest(container):
                options = ("--container", container)
                aligned, raw = self.aligned(
                    export(self.reviewed.path, "llama-factory-sft", *options, name=f"lf-sft-{container}")
                )
                seen = {row["id"]: (a["_prompt"], a["_response"], a["_system"]) for a, row in zip(aligned, raw)}
                expected = {
                    key: ([turn("user", prompt)], [turn("assistant", human)], "")
                    for key, (prompt, human, _) in self.reviewed.decided.items()
                }
                self.assertEqual(seen, expected)

    def test_validation_is_a_data_set_of_its_own(self):
        folder = export(
            self.reviewed.path, "llama-factory-sft", "--validation", "0.4", "--hub-layout", name="lf-validation"
        )
        train, _ = self.aligned(folder)
        validation, _ = self.aligned(folder, "rationale_validation")
        self.assertTrue(train and validation)
        self.assertEqual(len(train) + len(validation), len(self.reviewed.decided))

    def test_pairs_hold_the_correction_first(self):
        aligned, raw = self.aligned(export(self.reviewed.path, "llama-factory-dpo"))
        seen = {row["id"]: (a["_prompt"], a["_response"]) for a, row in zip(aligned, raw)}
        expected = {
            key: ([turn("user", prompt)], [turn("assistant", human), turn("assistant", original)])
            for key, (prompt, human, original) in self.reviewed.pairs.items()
        }
        self.assertEqual(seen, expected)

    def test_kto_puts_good_answers_first_and_bad_ones_second(self):
        aligned, raw = self.aligned(export(self.reviewed.path, "llama-factory-kto"))
        seen = set()
        for a, row in zip(aligned, raw):
            good, bad = (response["content"] for response in a["_response"])
            self.assertIn("", (good, bad))
            seen.add((row["id"], a["_prompt"][0]["content"], good or bad, good != ""))
        self.assertEqual(seen, self.reviewed.verdicts)

    def test_control_a_verdict_that_is_no_boolean_is_noticed(self):
        """LLaMA-Factory trains on it as on a plain answer; only the comparison sees it."""
        folder = export(self.reviewed.path, "llama-factory-kto", name="lf-kto-int")
        write_lines(folder / "train.jsonl", [row | {"label": int(row["label"])} for row in rows(folder)])
        aligned, _ = self.aligned(folder)
        self.assertTrue(all(len(row["_response"]) == 1 for row in aligned))

    def test_control_the_openai_reader_would_add_a_system_prompt(self):
        """Why dataset_info.json names the sharegpt reader."""
        folder = export(self.reviewed.path, "llama-factory-sft", name="lf-openai")
        info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
        info["rationale_train"]["formatting"] = "openai"
        (folder / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
        aligned, _ = self.aligned(folder)
        self.assertNotEqual({row["_system"] for row in aligned}, {""})


class Axolotl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reviewed = write_reviewed(SCRATCH / "axolotl")
        cls.tokenizer = tiny_tokenizer()
        packages = ("axolotl", "axolotl.utils", "axolotl.prompt_strategies")
        for name in ("stepwise_supervised", "user_defined", "dpo.chat_template", "dpo.user_defined", "kto.user_defined"):
            module = bare_packages.load(f"axolotl.prompt_strategies.{name}", packages)
            setattr(cls, name.replace(".", "_"), module)

    def folder(self, kind: str, form: str) -> pathlib.Path:
        return export(self.reviewed.path, kind, "--prompts", form, name=f"{kind}-{form}")

    def test_sft_of_strings_takes_the_loss_on_the_answer_alone(self):
        config = self.user_defined.UserDefinedDatasetConfig(
            field_instruction="prompt", field_output="completion", format="{instruction}", no_input_format="{instruction}"
        )
        strategy = self.user_defined.load(
            self.tokenizer, types.SimpleNamespace(train_on_inputs=False, sequence_len=MAX_LENGTH), config
        )
        seen = {}
        for row in load(self.folder("axolotl-sft", "strings") / "train.jsonl").to_list():
            tokens = strategy.tokenize_prompt(row)
            taught = [token for token, label in zip(tokens["input_ids"], tokens["labels"], strict=True) if label != -100]
            asked = tokens["input_ids"][: len(tokens["input_ids"]) - len(taught)]
            seen[row["id"]] = (self.tokenizer.decode(asked), self.tokenizer.decode(taught))
        expected = {
            key: (self.reviewed.decided[key][0], self.reviewed.decided[key][1] + self.tokenizer.eos_token)
            for key in self.reviewed.raw
        }
        self.assertEqual(seen, expected)

    def test_sft_of_messages_is_prompt_and_answer(self):
        seen = {row["id"]: row["messages"] for row in load(self.folder("axolotl-sft", "messages") / "train.jsonl").to_list()}
        expected = {
            key: [turn("user", prompt), turn("assistant", human)]
            for key, (prompt, human, _) in self.reviewed.decided.items()
        }
        self.assertEqual(seen, expected)

    def test_pairs_of_messages_are_rendered_with_the_chat_template(self):
        config = {"datasets": [{"type": "chat_template.default"}], "chat_template": "tokenizer_default"}
        transform, _ = self.dpo_chat_template.default(config)
        seen = {}
        for row in load(self.folder("axolotl-dpo", "messages") / "train.jsonl").to_list():
            pair = transform(row, tokenizer=self.tokenizer)
            seen[row["id"]] = (pair["prompt"], pair["chosen"], pair["rejected"])
        end = self.tokenizer.eos_token
        expected = {
            key: (self.chat(prompt), human + end, original + end)
            for key, (prompt, human, original) in self.reviewed.pairs.items()
        }
        self.assertEqual(seen, expected)

    def test_pairs_of_strings_stay_as_they_are(self):
        fields = {"field_prompt": "prompt", "field_chosen": "chosen", "field_rejected": "rejected"}
        transform = self.dpo_user_defined.default({"datasets": [{"type": fields}]})
        transformed = [transform(row) for row in load(self.folder("axolotl-dpo", "strings") / "train.jsonl").to_list()]
        seen = {row["id"]: (row["prompt"], row["chosen"], row["rejected"]) for row in transformed}
        self.assertEqual(seen, {key: self.reviewed.pairs[key] for key in self.reviewed.pairs if key in self.reviewed.raw})

    def test_kto_of_strings_keeps_verdicts(self):
        fields = {"field_prompt": "prompt", "field_completion": "completion", "field_label": "label"}
        transform = self.kto_user_defined.default({"datasets": [{"type": fields}]})
        folder = export(self.reviewed.path, "axolotl-kto")
        transformed = [transform(row) for row in load(folder / "train.jsonl").to_list()]
        seen = {(row["id"], row["prompt"], row["completion"], row["label"]) for row in transformed}
        self.assertEqual(seen, {verdict for verdict in self.reviewed.verdicts if verdict[0] in self.reviewed.raw})

    def test_stepwise_supervision_marks_the_end_of_every_step_the_human_kept(self):
        """TRL has no trainer for it any more; this reader is made after the one it had."""
        config = types.SimpleNamespace(max_completion_length=None, get=lambda name, default: default)
        strategy = self.stepwise_supervised.load(self.tokenizer, types.SimpleNamespace(sequence_len=MAX_LENGTH), config)
        exported = load(export(self.reviewed.path, "trl-stepwise") / "train.jsonl").to_list()
        self.assertEqual({row["id"] for row in exported}, set(self.reviewed.decided))
        verdicts = set()
        for row in exported:
            with self.subTest(row["id"]):
                tokens = strategy.tokenize_prompt(row)
                ids, labels = tokens["input_ids"], tokens["labels"]
                ends = [i for i, label in enumerate(labels) if label != -100]
                self.assertEqual([bool(labels[i]) for i in ends], row["labels"])
                steps = [self.tokenizer.decode(ids[a:b]) for a, b in zip((e + 1 for e in ends), (e + 1 for e in ends[1:]))]
                self.assertEqual(steps, [step + "\n" for step in row["completions"][1:]])
                first = self.tokenizer.bos_token + row["prompt"] + row["completions"][0] + "\n"
                self.assertEqual(self.tokenizer.decode(ids[: ends[0] + 1]), first)
                self.assertEqual(row["prompt"], self.reviewed.decided[row["id"]][0])
                verdicts.update(row["labels"])
        self.assertEqual(verdicts, {True, False})

    def test_control_a_step_without_a_verdict_is_noticed(self):
        config = types.SimpleNamespace(max_completion_length=None, get=lambda name, default: default)
        strategy = self.stepwise_supervised.load(self.tokenizer, types.SimpleNamespace(sequence_len=MAX_LENGTH), config)
        row = rows(export(self.reviewed.path, "trl-stepwise", name="stepwise-short"))[0]
        short = strategy.tokenize_prompt(row | {"labels": row["labels"][:-1]})
        whole = strategy.tokenize_prompt(row)
        self.assertNotEqual(len(short["labels"]), len(whole["labels"]))

    def test_control_an_unknown_role_is_refused(self):
        config = {"datasets": [{"type": "chat_template.default"}], "chat_template": "tokenizer_default"}
        transform, _ = self.dpo_chat_template.default(config)
        row = rows(self.folder("axolotl-dpo", "messages"))[0]
        with self.assertRaises(KeyError):
            transform(row | {"chosen": {"role": "teacher", "content": "x"}}, tokenizer=self.tokenizer)

    def chat(self, prompt: str) -> str:
        return self.tokenizer.apply_chat_template([turn("user", prompt)], tokenize=False, add_generation_prompt=True)


def turn(role: str, content: str) -> dict:
    return {"role": role, "content": content}
