"""Identity of answers: the sentence of docs/formats/judgements.md, written down again in Python, gives the same ids."""

import hashlib
import json
import struct
import unittest

from typescript import REPOSITORY

VECTORS = json.loads((REPOSITORY / "test" / "fixtures" / "answer-ids.json").read_text(encoding="utf-8"))


def answer_id(answer: dict) -> str:
    """SHA-256 over query_id, doc_id, model id, run_id, sample, label and explanation, each as UTF-8 preceded by its
    length in bytes (4 bytes, big-endian); null counts as the empty string, numbers are written in decimal."""
    digest = hashlib.sha256()
    for name in ("query_id", "doc_id", "model_id", "run_id", "sample", "label", "explanation"):
        value = answer[name]
        data = ("" if value is None else str(value)).encode("utf-8")
        digest.update(struct.pack(">I", len(data)) + data)
    return digest.hexdigest()


class AnswerIds(unittest.TestCase):
    def test_every_vector(self):
        self.assertGreaterEqual(len(VECTORS), 10)
        for vector in VECTORS:
            with self.subTest(vector["name"]):
                self.assertEqual(answer_id(vector["answer"]), vector["answer_id"])

    def test_vectors_differ_from_each_other(self):
        self.assertEqual(len({vector["answer_id"] for vector in VECTORS}), len(VECTORS))

    def test_text_that_moves_between_fields_changes_the_id(self):
        answer = dict(VECTORS[0]["answer"], query_id="ab", doc_id="c")
        self.assertNotEqual(answer_id(answer), answer_id(dict(answer, query_id="a", doc_id="bc")))
