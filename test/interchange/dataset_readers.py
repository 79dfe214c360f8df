"""`datasets` gives back every export as it was written: JSON Lines, Parquet, and the folder laid out as the hub wants it.

One pair of files is also read with pyarrow alone, which knows nothing of data sets. Controls break a file or a name.
"""

import pathlib
import sys
import unittest

import datasets
import pyarrow
import pyarrow.parquet

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from exported import SCRATCH, export, load, rows  # noqa: E402
from reviewed import write_reviewed  # noqa: E402

datasets.disable_progress_bars()

# Every format whose lines are JSON, but rank_llm's, whose rows are whole queries (evaluation_readers.py).
KINDS = [
    *("trl-sft", "trl-sft-text", "trl-messages", "trl-dpo", "trl-dpo-text", "trl-kto", "trl-reward", "trl-grpo"),
    *("trl-stepwise", "interank", "interank-rewarded", "interank-pairs", "verl-rl", "verl-sft", "verl-rm"),
    *("openrlhf-sft", "openrlhf-dpo", "openrlhf-rl", "llama-factory-sft", "llama-factory-dpo", "llama-factory-kto"),
    *("axolotl-sft", "axolotl-dpo", "axolotl-kto"),
]


class Datasets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reviewed = write_reviewed(SCRATCH / "datasets-input")

    def test_json_lines_and_parquet_of_every_format_hold_equal_rows(self):
        for kind in KINDS:
            with self.subTest(kind):
                lines = export(self.reviewed.path, kind)
                name = "train.json" if kind == "verl-rl" else "train.jsonl"
                written = rows(lines, name)
                self.assertTrue(written)
                # Unknown fields come out again in interank's rows; a column that some rows lack is null there.
                columns = {name for row in written for name in row}
                written = [{name: row.get(name) for name in columns} for row in written]
                self.assertEqual(load(lines / name).to_list(), written)
                table = export(self.reviewed.path, kind, "--container", "parquet", name=f"{kind}-table")
                self.assertEqual(load(table / "train.parquet").to_list(), written)
                self.assertEqual(pyarrow.parquet.read_table(table / "train.parquet").to_pylist(), written)

    def test_a_hub_folder_loads_with_its_splits(self):
        for container in ("jsonl", "parquet"):
            with self.subTest(container):
                options = ("--validation", "0.4", "--container", container)
                plain = export(self.reviewed.path, "trl-sft", "--validation", "0.4", name=f"plain-{container}")
                folder = export(self.reviewed.path, "trl-sft", *options, "--hub-layout", name=f"hub-{container}")
                loaded = datasets.load_dataset(str(folder), cache_dir=str(SCRATCH / "datasets"))
                self.assertEqual(set(loaded), {"train", "validation"})
                for split in ("train", "validation"):
                    written = rows(plain, f"{split}.jsonl")
                    self.assertTrue(written)
                    self.assertEqual(loaded[split].to_list(), written)

    def test_queries_of_validation_are_not_in_train(self):
        folder = export(self.reviewed.path, "trl-sft", "--validation", "0.4", name="split")
        train, validation = ({row["query_id"] for row in rows(folder, f"{s}.jsonl")} for s in ("train", "validation"))
        self.assertFalse(train & validation)

    def test_control_a_truncated_table_is_refused(self):
        folder = export(self.reviewed.path, "trl-sft", "--container", "parquet", name="truncated")
        content = (folder / "train.parquet").read_bytes()
        (SCRATCH / "cut.parquet").write_bytes(content[:-20])
        with self.assertRaises(pyarrow.ArrowInvalid):
            pyarrow.parquet.read_table(SCRATCH / "cut.parquet")

    def test_control_a_hub_file_under_another_name_is_noticed(self):
        folder = export(self.reviewed.path, "trl-sft", "--validation", "0.4", "--hub-layout", name="hub-renamed")
        (folder / "README.md").unlink()
        (folder / "data" / "validation-00000-of-00001.jsonl").rename(folder / "data" / "rows.jsonl")
        loaded = datasets.load_dataset(str(folder), cache_dir=str(SCRATCH / "datasets"))
        self.assertNotEqual(set(loaded), {"train", "validation"})
