"""Runs, qrels, BEIR folders and rank_llm files as their own tools read them: same order, same labels, same texts.

The tools are ir_measures, pytrec_eval (trec_eval), beir's loader and rank_llm's strict reader. What they see is compared
with the fixture; controls show that they refuse, or silently change, what the export avoids.
"""

import pathlib
import shutil
import sys
import unittest

import ir_measures
import numpy
import pytrec_eval
from dacite import from_dict
from dacite.exceptions import DaciteError

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bare_packages  # noqa: E402
from exported import SCRATCH, export, rows  # noqa: E402
from ranked import DOCUMENTS, QUERIES, plain_ids, write_ranked  # noqa: E402
from reviewed import write_lines  # noqa: E402


class Trec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ranked = write_ranked(SCRATCH / "trec")
        cls.run_folder = export(cls.ranked.path, "trec-run")
        cls.qrels_folder = export(cls.ranked.path, "trec-qrels")
        cls.run_file = cls.run_folder / "train.run"
        cls.qrels_file = cls.qrels_folder / "train.qrels"

    def read_run(self) -> dict[str, dict[str, float]]:
        names = plain_ids(self.run_folder)
        run: dict[str, dict[str, float]] = {}
        for line in ir_measures.read_trec_run(str(self.run_file)):
            query = run.setdefault(names.get(line.query_id, line.query_id), {})
            document = names.get(line.doc_id, line.doc_id)
            self.assertNotIn(document, query)
            query[document] = line.score
        return run

    def read_qrels(self) -> dict[str, dict[str, int]]:
        names = plain_ids(self.qrels_folder)
        qrels: dict[str, dict[str, int]] = {}
        for line in ir_measures.read_trec_qrels(str(self.qrels_file)):
            query = qrels.setdefault(names.get(line.query_id, line.query_id), {})
            query[names.get(line.doc_id, line.doc_id)] = line.relevance
        return qrels

    def test_the_run_keeps_the_order_although_scores_are_tied(self):
        run = self.read_run()
        order = {query: sorted(scores, key=lambda d: scores[d], reverse=True) for query, scores in run.items()}
        self.assertEqual(order, self.ranked.order)
        for scores in run.values():
            falling = [float(numpy.float32(score)) for score in sorted(scores.values(), reverse=True)]
            self.assertEqual(len(set(falling)), len(falling))

    def test_the_qrels_are_the_labels_of_people_and_no_others(self):
        self.assertEqual(self.read_qrels(), self.ranked.labels)

    def test_both_tools_measure_what_the_fixture_holds(self):
        places = {
            query: {document: float(-place) for place, document in enumerate(documents)}
            for query, documents in self.ranked.order.items()
        }
        evaluator = pytrec_eval.RelevanceEvaluator(self.ranked.labels, {"ndcg_cut.10", "P.5"})
        expected = evaluator.evaluate(places)
        with self.run_file.open() as run, self.qrels_file.open() as qrels:
            written = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(qrels), {"ndcg_cut.10", "P.5"}).evaluate(
                pytrec_eval.parse_run(run)
            )
        names = plain_ids(self.run_folder) | plain_ids(self.qrels_folder)
        self.assertEqual({names.get(query, query): values for query, values in written.items()}, expected)
        measured = {
            names.get(value.query_id, value.query_id): value.value
            for value in ir_measures.iter_calc(
                [ir_measures.nDCG @ 10],
                list(ir_measures.read_trec_qrels(str(self.qrels_file))),
                list(ir_measures.read_trec_run(str(self.run_file))),
            )
        }
        self.assertEqual(set(measured), set(expected))
        for query, value in measured.items():
            self.assertAlmostEqual(value, expected[query]["ndcg_cut_10"], places=6)

    def test_ids_without_need_are_written_as_they_are(self):
        self.assertNotIn("plain", plain_ids(self.run_folder).values())
        changed = {name for name in [*QUERIES, *DOCUMENTS] if any(c.isspace() or c == "%" for c in name)}
        self.assertEqual(set(plain_ids(self.run_folder).values()), changed)

    def test_control_plain_ids_with_spaces_are_refused(self):
        names = plain_ids(self.run_folder)
        lines = self.run_file.read_text(encoding="utf-8").splitlines()
        fields = [[names.get(part, part) for part in line.split(" ")] for line in lines]
        broken = SCRATCH / "spaces.run"
        broken.write_text("".join(" ".join(line) + "\n" for line in fields), encoding="utf-8")
        with self.assertRaises(ValueError):
            list(ir_measures.read_trec_run(str(broken)))

    def test_control_a_document_written_twice_is_refused(self):
        doubled = SCRATCH / "twice.qrels"
        text = self.qrels_file.read_text(encoding="utf-8")
        doubled.write_text(text + text.splitlines()[0] + "\n", encoding="utf-8")
        with doubled.open() as file, self.assertRaises(AssertionError):
            pytrec_eval.parse_qrel(file)

    def test_control_tied_scores_lose_the_order(self):
        """Why the export lowers tied scores: trec_eval breaks ties by document id."""
        # Among ties the greatest id comes first: any query will do where that one is not first anyway.
        query, documents = next((q, order) for q, order in self.ranked.order.items() if order[0] != max(order))
        tied = {query: {document: 1.0 for document in documents}}
        first = {query: {documents[0]: 1}}
        evaluator = pytrec_eval.RelevanceEvaluator(first, {"recip_rank"})
        by_place = {query: {document: float(-place) for place, document in enumerate(documents)}}
        self.assertNotEqual(evaluator.evaluate(tied), evaluator.evaluate(by_place))


class Beir(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ranked = write_ranked(SCRATCH / "beir")
        cls.folder = export(cls.ranked.path, "beir")
        cls.loader = bare_packages.load("beir.datasets.data_loader", ()).GenericDataLoader

    def test_the_loader_gives_texts_queries_and_labels(self):
        corpus, queries, qrels = self.loader(data_folder=str(self.folder)).load(split="train")
        self.assertEqual(qrels, self.ranked.labels)
        self.assertEqual(queries, QUERIES)
        judged = {document for labels in self.ranked.labels.values() for document in labels}
        self.assertEqual(
            corpus,
            {
                document: {"text": self.ranked.texts[document], "title": "A title" if document == "plain" else ""}
                for document in judged
            },
        )

    def test_validation_queries_stand_in_a_split_of_their_own(self):
        folder = export(self.ranked.path, "beir", "--validation", "0.5", "--seed", "3", name="beir-validation")
        _, _, train = self.loader(data_folder=str(folder)).load(split="train")
        _, _, dev = self.loader(data_folder=str(folder)).load(split="dev")
        self.assertTrue(train and dev)
        self.assertEqual(train | dev, self.ranked.labels)
        self.assertFalse(set(train) & set(dev))

    def test_control_without_its_header_the_file_loses_a_judgement(self):
        broken = SCRATCH / "beir-headless"
        shutil.copytree(self.folder, broken)
        table = broken / "qrels" / "train.tsv"
        table.write_text("".join(table.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
        _, _, qrels = self.loader(data_folder=str(broken)).load(split="train")
        self.assertNotEqual(qrels, self.ranked.labels)


class RankLlm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ranked = write_ranked(SCRATCH / "rank-llm")
        cls.folder = export(cls.ranked.path, "rank-llm")
        cls.data = bare_packages.load("rank_llm.data", ("rank_llm",))

    def test_requests_hold_every_document_in_order(self):
        requests = self.data.read_requests_from_file(str(self.folder / "train.jsonl"))
        self.assertEqual({r.query.qid: r.query.text for r in requests}, QUERIES)
        for request in requests:
            self.assertEqual([c.docid for c in request.candidates], self.ranked.order[request.query.qid])
            self.assertEqual(
                [c.doc["contents"] for c in request.candidates], [self.ranked.texts[c.docid] for c in request.candidates]
            )
            scores = [c.score for c in request.candidates]
            self.assertEqual(scores, sorted(scores, reverse=True))

    def test_results_hold_what_the_model_said_about_each(self):
        for row in rows(self.folder):
            result = from_dict(data_class=self.data.Result, data=row)
            said = [invocation.response for invocation in result.invocations_history]
            order = self.ranked.order[result.query.qid]
            expected = [self.ranked.explanations.get((result.query.qid, document)) for document in order]
            self.assertEqual(said, [text for text in expected if text is not None])
            self.assertTrue(all(invocation.input_token_count > 100 for invocation in result.invocations_history))

    def test_control_a_document_that_is_no_object_is_refused(self):
        broken = [row | {"candidates": [c | {"doc": c["doc"]["contents"]} for c in row["candidates"]]} for row in rows(self.folder)]
        write_lines(SCRATCH / "doc-text.jsonl", broken)
        with self.assertRaises(DaciteError):
            self.data.read_requests_from_file(str(SCRATCH / "doc-text.jsonl"))
