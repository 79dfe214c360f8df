"""The engine's logits equal those of ONNX Runtime in Python on the same model file, at every position that is read.

50 real pairs (PubMedQA questions with their own and other abstracts), each row of logits compared whole: the greatest
difference may be 2 % of the row's range. The Python side runs every prompt alone, from its first token, without a cache.
Most rows are equal to the bit. The int8 kernel works on tiles of rows, and a row that falls alone into the last tile
(257 tokens here, 255 behind a prefix of two there) goes through another kernel: about 1 % of the range at that position.

Controls run the engine with one thing wrong and must fail the same comparison.
"""

import json
import math
import os
import random
import unittest

import numpy
import onnxruntime
from tokenizers import Tokenizer

from typescript import MODEL, call, pubmedqa

TOLERANCE = 0.02
QUERY_FIRST = "Question: {query}\nDocument: {document}\nRelevance Label: "
# Of the model (its README): the graph leaves the last dimension of the cache open.
HEAD_SIZE = 64
# Questions (five documents each) of the second prompt layout and of the controls, whose documents are cut to a
# sentence: a fault at the start of a prompt fades with distance, and a control must be caught at every pair.
SHORT_GROUPS = 3
SHORT_CHARACTERS = 120


def groups(queries_count: int, documents_count: int) -> list[dict]:
    """Questions with their own abstract and others drawn with a fixed seed."""
    choice = random.Random(20261123)
    queries, corpus = pubmedqa()
    picked = choice.sample(sorted(queries), queries_count)
    return [
        {
            "query": queries[query],
            "documents": [corpus[query[1:]], *(corpus[i] for i in choice.sample(sorted(corpus), documents_count - 1))],
        }
        for query in picked
    ]


class Reference:
    """ONNX Runtime in Python: one prompt at a time, the whole of it, nothing reused."""

    def __init__(self):
        self.session = onnxruntime.InferenceSession(str(MODEL / "model.onnx"), providers=["CPUExecutionProvider"])
        self.past = [i for i in self.session.get_inputs() if i.name.startswith("past_key_values.")]
        self.tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        self.tokenizer.encode_special_tokens = True

    def prompt(self, template: str, query: str, document: str) -> tuple[list[int], list[int]]:
        """Token ids, and the positions whose logits are read: before each token of the query, and the last."""
        text = template.replace("{document}", document).replace("{query}", query)
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        start = template.replace("{document}", document).index("{query}")
        tokens = [i for i, (a, b) in enumerate(encoding.offsets) if b > start and a < start + len(query)]
        return encoding.ids, [i - 1 for i in tokens] + [len(encoding.ids) - 1]

    def logits(self, ids: list[int], positions: list[int]) -> numpy.ndarray:
        feeds = {
            "input_ids": numpy.array([ids], dtype=numpy.int64),
            "attention_mask": numpy.ones((1, len(ids)), dtype=numpy.int64),
            "logits_indices": numpy.array([[0, p] for p in positions], dtype=numpy.int64),
        }
        for past in self.past:
            feeds[past.name] = numpy.zeros((1, past.shape[1], 0, HEAD_SIZE), dtype=numpy.float32)
        return self.session.run(["logits"], feeds)[0]


def errors(ours: numpy.ndarray, theirs: numpy.ndarray) -> numpy.ndarray:
    """Per row: the greatest difference as a share of the reference row's range."""
    return numpy.abs(ours - theirs).max(axis=1) / (theirs.max(axis=1) - theirs.min(axis=1))


def agrees(ours: numpy.ndarray, theirs: numpy.ndarray) -> bool:
    """The comparison, for the real thing and for every control alike."""
    return ours.shape == theirs.shape and bool((errors(ours, theirs) <= TOLERANCE).all())


class LogitsParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.profile = json.loads((MODEL / "profile.json").read_text(encoding="utf-8"))
        cls.template = cls.profile["prompts"]["score"]["raw"]
        cls.groups = groups(10, 5)
        cls.short = [
            {"query": group["query"], "documents": [document[:SHORT_CHARACTERS] for document in group["documents"]]}
            for group in cls.groups[:SHORT_GROUPS]
        ]
        jobs = [
            {"name": "document-first", "template": None, "fault": "none", "groups": cls.groups},
            {"name": "query-first", "template": QUERY_FIRST, "fault": "none", "groups": cls.short},
            {"name": "no-prefix", "template": QUERY_FIRST, "fault": "no-prefix", "groups": cls.short},
            {"name": "read-one-early", "template": None, "fault": "read-one-early", "groups": cls.short},
            {"name": "written-one-early", "template": QUERY_FIRST, "fault": "written-one-early", "groups": cls.short},
        ]
        answer = call("logits", {"model": str(MODEL), "scratch": os.environ["RATIONALE_SCRATCH"], "jobs": jobs})
        cls.ours = {result["name"]: result for result in answer["results"]}
        cls.scored = answer["scored"]
        cls.reference = Reference()
        cls.computed = {}

    def pairs(self, name: str):
        """Our logits and the reference's for each pair of a job, as (prompt, ours, theirs)."""
        result = self.ours[name]
        document_first = name in ("document-first", "read-one-early")
        template = self.template if document_first else QUERY_FIRST
        rows = numpy.fromfile(result["file"], dtype="<f4").reshape(-1, result["vocabulary"])
        used = self.groups if name == "document-first" else self.short
        flat = [(group["query"], document) for group in used for document in group["documents"]]
        self.assertEqual(len(flat), len(result["pairs"]))
        at = 0
        for (query, document), pair in zip(flat, result["pairs"], strict=True):
            ids, positions = self.reference.prompt(template, query, document)
            self.assertEqual(pair["ids"], ids)
            if document_first:
                self.assertEqual(pair["positions"], positions)
            else:
                # The query lies in the shared prefix: only what follows it is read again for each document.
                self.assertEqual(pair["positions"], positions[-1:])
                self.assertGreater(pair["shared"], 10)
                positions = positions[-1:]
            key = (template, query, document)
            if key not in self.computed:
                self.computed[key] = self.reference.logits(ids, positions)
            count = len(pair["positions"])
            yield pair, rows[at : at + count], self.computed[key]
            at += count
        self.assertEqual(at, len(rows))

    def test_equal_at_the_label_and_at_every_token_of_the_query(self):
        worst, rows = 0.0, 0
        for i, (_, ours, theirs) in enumerate(self.pairs("document-first")):
            with self.subTest(pair=i):
                self.assertTrue(agrees(ours, theirs), f"greatest error {errors(ours, theirs).max():.4f}")
            worst, rows = max(worst, float(errors(ours, theirs).max())), rows + len(ours)
        print(f"\n    50 pairs, {rows} rows: greatest error {worst:.2e} of the row's range (allowed {TOLERANCE})")

    def test_equal_behind_a_long_shared_prefix(self):
        worst = 0.0
        for i, (_, ours, theirs) in enumerate(self.pairs("query-first")):
            with self.subTest(pair=i):
                self.assertTrue(agrees(ours, theirs), f"greatest error {errors(ours, theirs).max():.4f}")
            worst = max(worst, float(errors(ours, theirs).max()))
        print(f"\n    greatest error {worst:.2e} of the row's range")

    def must_fail(self, pairs):
        """Every single pair of a control must fail the comparison: one that slips through makes the test above weak."""
        least = min(float(errors(ours, theirs).max()) for _, ours, theirs in pairs)
        for i, (_, ours, theirs) in enumerate(pairs):
            with self.subTest(pair=i):
                self.assertFalse(agrees(ours, theirs), "the comparison did not notice the fault")
        print(f"\n    least error of a pair: {least:.3f} of the row's range")

    def test_control_prefix_dropped(self):
        self.must_fail(list(self.pairs("no-prefix")))

    def test_control_logits_read_one_position_early(self):
        self.must_fail(list(self.pairs("read-one-early")))

    def test_control_cache_written_one_position_early(self):
        self.must_fail(list(self.pairs("written-one-early")))

    def test_control_rows_swapped(self):
        """Two documents of one query change places: as many rows, read at the same tokens of the same question."""
        whole = list(self.pairs("document-first"))
        swapped = []
        for i in range(0, len(whole) - 1, 5):
            (a, ours_a, theirs_a), (b, ours_b, theirs_b) = whole[i], whole[i + 1]
            self.assertEqual(ours_a.shape, ours_b.shape)
            swapped += [(a, ours_b, theirs_a), (b, ours_a, theirs_b)]
        self.must_fail(swapped)

    def test_the_engine_reads_labels_and_query_likelihood_as_the_profile_says(self):
        read = self.profile["prompts"]["score"]["reads"][0]
        digits = [self.reference.tokenizer.encode(read["after"] + text).ids[-1] for text in read["tokens"]]
        values = list(read["tokens"].values())
        self.assertEqual(len(self.scored), 10)
        for i, ((pair, _, theirs), _) in enumerate(zip(self.pairs("document-first"), self.scored)):
            with self.subTest(pair=i):
                theirs = theirs.astype(numpy.float64)
                label = numpy.exp(theirs[-1, digits] - theirs[-1, digits].max())
                label /= label.sum()
                self.assertTrue(numpy.allclose(self.scored[i]["label_probabilities"], label, atol=0.01))
                self.assertEqual(self.scored[i]["label"], values[int(label.argmax())])
                expected = float((label * values).sum())
                self.assertAlmostEqual(self.scored[i]["reads"]["expected"], expected, delta=0.02)
                following = [pair["ids"][p + 1] for p in pair["positions"][:-1]]
                logs = [row[t] - row.max() - math.log(numpy.exp(row - row.max()).sum()) for row, t in zip(theirs, following)]
                self.assertAlmostEqual(self.scored[i]["reads"]["query_likelihood"], float(numpy.mean(logs)), delta=0.02)
