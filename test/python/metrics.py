"""Our ranking metrics are trec_eval's (through pytrec_eval), query by query, on real runs and on random ones with ties."""

import math
import random
import unittest

import pytrec_eval

from typescript import PUBMEDQA, call

TOLERANCE = 1e-6
DEPTH = 150

# Ours -> trec_eval's measure and the name it reports it under. The others are computed below.
DIRECT = {
    "nDCG@10": ("ndcg_cut.10", "ndcg_cut_10"),
    # trec_eval's `ndcg` never ends where a judgement is below 0; no ranking here has 1,000 documents.
    "nDCG": ("ndcg_cut.1000", "ndcg_cut_1000"),
    "RR": ("recip_rank", "recip_rank"),
    "AP": ("map", "map"),
    "AP@10": ("map_cut.10", "map_cut_10"),
    "P@10": ("P.10", "P_10"),
    "R@100": ("recall.100", "recall_100"),
    "Bpref": ("bpref", "bpref"),
}
OWN = ["RR@10", "Judged@10", "nDCG-exp@10", "ERR@10", "RBP(0.8)"]


def reference(run: dict, qrels: dict, level: int = 1) -> dict[str, dict[str, float]]:
    """Per query: trec_eval's values under our names, and those it lacks computed from their definitions."""
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {measure for measure, _ in DIRECT.values()}, relevance_level=level)
    values = {
        query: {ours: measured[theirs] for ours, (_, theirs) in DIRECT.items()}
        for query, measured in evaluator.evaluate(run).items()
    }
    # trec_eval has no cutoff for the reciprocal rank: evaluate the first ten documents in its own order.
    first = {query: {d: run[query][d] for d in trec_order(run[query])[:10]} for query in values}
    reciprocal = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}, relevance_level=level).evaluate(first)
    highest = max(1, *(grade for documents in qrels.values() for grade in documents.values()))
    for query in values:
        values[query]["RR@10"] = reciprocal[query]["recip_rank"]
        values[query]["Judged@10"] = sum(d in qrels[query] for d in first[query]) / len(first[query])
        grades = [qrels[query].get(d, 0) for d in trec_order(run[query])]
        ideal = sorted(qrels[query].values(), reverse=True)
        best = exponential_dcg(ideal[:10])
        values[query]["nDCG-exp@10"] = exponential_dcg(grades[:10]) / best if best > 0 else 0.0
        values[query]["ERR@10"] = expected_reciprocal_rank(grades[:10], highest)
        values[query]["RBP(0.8)"] = sum(0.2 * 0.8**i for i, grade in enumerate(grades) if grade >= level)
    return values


def exponential_dcg(grades: list[int]) -> float:
    return sum((2 ** max(grade, 0) - 1) / math.log2(i + 2) for i, grade in enumerate(grades))


def expected_reciprocal_rank(grades: list[int], highest: int) -> float:
    """Chapelle et al. 2009, algorithm 1 written as the sum that it computes: P(stop at r) / r."""
    stops = [(2**max(grade, 0) - 1) / 2**highest for grade in grades]
    return sum(stop * math.prod(1 - s for s in stops[:i]) / (i + 1) for i, stop in enumerate(stops))


def trec_order(scores: dict[str, float]) -> list[str]:
    """trec_eval's order: scores as 32-bit floats, descending, ties by document id, descending by bytes."""
    import numpy

    return sorted(scores, key=lambda d: (float(numpy.float32(scores[d])), d.encode("utf-8")), reverse=True)


def as_run(run: dict) -> str:
    return "".join(f"{q} Q0 {d} {i + 1} {s!r} t\n" for q, docs in run.items() for i, (d, s) in enumerate(docs.items()))


def as_qrels(qrels: dict) -> str:
    return "".join(f"{q} 0 {d} {r}\n" for q, docs in qrels.items() for d, r in docs.items())


def read_run(text: str) -> dict[str, dict[str, float]]:
    run: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        query, _, document, _, score, _ = line.split()
        run.setdefault(query, {})[document] = float(score)
    return run


def random_case(choice: random.Random) -> tuple[dict, dict]:
    """A small collection with graded, zero and negative judgements, unjudged documents and many tied scores."""
    documents = [f"{choice.choice(['d', 'D', 'ä', '文', '😀'])}{i}" for i in range(choice.choice([5, 40, 160]))]
    levels = choice.choice([1, 3, 1000])
    run, qrels = {}, {}
    for q in range(choice.randint(1, 6)):
        judged = choice.sample(documents, choice.randint(1, len(documents)))
        retrieved = choice.sample(documents, choice.randint(1, len(documents)))
        qrels[f"q{q}"] = {d: choice.choice([-1, 0, 0, 0, 1, 1, 2, 3]) for d in judged}
        run[f"q{q}"] = {d: choice.randrange(levels) / 8 - 3 for d in retrieved}
    # One judged query without ranking, one ranking without judgements: neither is evaluated.
    qrels["judged-only"] = {documents[0]: 1}
    run["ranked-only"] = {documents[0]: 1.0}
    return run, qrels


class Metrics(unittest.TestCase):
    def compare(self, cases: list[tuple[dict, dict]], level: int = 1) -> int:
        texts = [{"run": as_run(r), "qrels": as_qrels(q)} for r, q in cases]
        ours = call("metrics", {"task": "metrics", "metrics": [*DIRECT, *OWN], "level": level, "cases": texts})
        compared = 0
        for i, ((run, qrels), values) in enumerate(zip(cases, ours, strict=True)):
            expected = reference(run, qrels, level)
            with self.subTest(case=i):
                self.assertEqual(set(values), set(expected))
                for query, measured in expected.items():
                    for name, value in measured.items():
                        self.assertAlmostEqual(values[query][name], value, delta=TOLERANCE, msg=f"{query} {name}")
                        compared += 1
        return compared

    def test_equal_on_bm25_runs_of_pubmedqa(self):
        bm25 = call("metrics", {"task": "bm25", "beir": str(PUBMEDQA), "queries": 200, "depth": DEPTH})
        run = read_run(bm25["run"])
        lines = (PUBMEDQA / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
        own = {q: {d: int(r)} for q, d, r in (line.split("\t") for line in lines)}
        # The fixture judges one document a query; neighbours get made-up grades so that every metric has work to do.
        choice = random.Random(7)
        graded = {q: {d: choice.choice([0, 0, 1, 2, 3]) for d in list(run[q])[::3]} | own[q] for q in run}
        self.assertEqual(len(run), 200)
        self.assertGreater(self.compare([(run, own), (run, graded)]), 1500)

    def test_a_written_run_keeps_the_order_of_the_first_stage(self):
        bm25 = call("metrics", {"task": "bm25", "beir": str(PUBMEDQA), "queries": 200, "depth": DEPTH})
        run = read_run(bm25["run"])
        for query, order in bm25["order"].items():
            with self.subTest(query):
                self.assertEqual(trec_order(run[query]), order)

    def test_equal_on_random_runs_with_ties(self):
        choice = random.Random(20261123)
        self.assertGreater(self.compare([random_case(choice) for _ in range(150)]), 4000)

    def test_equal_where_only_higher_grades_count_as_relevant(self):
        choice = random.Random(20261129)
        self.assertGreater(self.compare([random_case(choice) for _ in range(60)], level=2), 1500)

    def test_control_ties_in_file_order_would_be_noticed(self):
        """The ties of these runs matter: broken in the order of the file, some query's nDCG differs."""
        choice = random.Random(20261123)
        noticed = 0
        for _ in range(50):
            run, qrels = random_case(choice)
            untied = {}
            for query, scores in run.items():
                in_file_order = sorted(scores, key=lambda d: -scores[d])
                untied[query] = {d: float(len(scores) - i) for i, d in enumerate(in_file_order)}
            ours, theirs = reference(untied, qrels), reference(run, qrels)
            noticed += any(abs(ours[q]["nDCG@10"] - theirs[q]["nDCG@10"]) > TOLERANCE for q in theirs)
        self.assertGreater(noticed, 10)
