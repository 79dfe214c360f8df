"""Our measures over labels, probabilities and rankings are those of scikit-learn, krippendorff and scipy on random input."""

import itertools
import math
import random
import unittest
import warnings

import krippendorff
import numpy
import scipy.optimize
import scipy.special
import scipy.stats
import sklearn.metrics

from typescript import call

TOLERANCE = 1e-9


def sample_labels(choice: random.Random, n: int, labels: list[int]) -> list[int]:
    weights = [choice.random() + 0.05 for _ in labels]
    return choice.choices(labels, weights, k=n)


def expected_calibration_error(probabilities: numpy.ndarray, human: numpy.ndarray, bins: int) -> float:
    """Naeini et al. 2015, over bins (low, high] of the predicted label's probability."""
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == human
    place = numpy.clip(numpy.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    total = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            total += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    return total


def rank_biased_overlap(one: list[str], other: list[str], p: float) -> float:
    """Webber et al. 2010, equation 32, term by term with sets."""
    short, long = sorted((one, other), key=len)
    s, l = len(short), len(long)

    def x(d: int) -> int:
        return len(set(short[:d]) & set(long[:d]))

    head = sum(x(d) / d * p**d for d in range(1, l + 1))
    middle = sum(x(s) * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    return (1 - p) / p * (head + middle) + ((x(l) - x(s)) / l + x(s) / s) * p**l


def holm(p: list[float]) -> list[float]:
    """The definition: at each step the greatest adjusted value so far."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    return [
        max(min(1, p[order[j]] * (len(p) - j)) for j in range(order.index(i) + 1)) for i in range(len(p))
    ]


class Agreement(unittest.TestCase):
    def close(self, ours: float | None, theirs: float, message: str, tolerance: float = TOLERANCE) -> None:
        if theirs is None or math.isnan(theirs):
            self.assertIsNone(ours, message)
        else:
            self.assertIsNotNone(ours, message)
            self.assertAlmostEqual(ours, theirs, delta=tolerance, msg=message)

    def test_confusion_accuracy_f1_and_kappa_are_scikit_learns(self):
        choice = random.Random(1)
        cases = []
        for i in range(60):
            labels = choice.choice([[0, 1], [0, 1, 2], [0, 1, 2, 3, 4], [3]])
            n = choice.choice([2, 20, 300])
            reference = sample_labels(choice, n, labels)
            noisy = [choice.choice(labels) if choice.random() < 0.3 + 0.5 * (i % 2) else r for r in reference]
            cases.append({"measure": "confusion", "reference": reference, "prediction": noisy})
        for case, ours in zip(cases, call("agreement", cases), strict=True):
            reference, prediction = case["reference"], case["prediction"]
            labels = sorted(set(reference) | set(prediction))
            self.assertEqual(ours["labels"], labels)
            with warnings.catch_warnings():
                # It finds a table of one label suspicious.
                warnings.simplefilter("ignore")
                counts = sklearn.metrics.confusion_matrix(reference, prediction, labels=labels)
            self.assertEqual(ours["counts"], counts.tolist())
            self.close(ours["accuracy"]["value"], sklearn.metrics.accuracy_score(reference, prediction), "accuracy")
            f1 = sklearn.metrics.f1_score(reference, prediction, average="macro")
            self.close(ours["macro_f1"]["value"], f1, "macro-F1")
            for name, weights in (("kappa", None), ("kappa_linear", "linear"), ("kappa_quadratic", "quadratic")):
                # With one label scikit-learn divides 0 by 0 or has a convention; ours says that κ is undefined.
                one_label = len(labels) == 1
                theirs = (
                    math.nan
                    if one_label
                    else sklearn.metrics.cohen_kappa_score(reference, prediction, weights=weights)
                )
                self.close(ours[name]["value"], theirs, name)
                if ours[name]["interval"] is not None:
                    low, high = ours[name]["interval"]
                    self.assertLessEqual(low, high)

    def test_alpha_is_the_krippendorff_packages(self):
        choice = random.Random(2)
        cases = []
        for _ in range(40):
            labels = list(range(choice.choice([2, 3, 5])))
            raters, n = choice.choice([2, 3, 6]), choice.choice([12, 150])
            truth = sample_labels(choice, n, labels)
            ratings = [
                [
                    None if choice.random() < 0.3 else t if choice.random() < 0.7 else choice.choice(labels)
                    for _ in range(raters)
                ]
                for t in truth
            ]
            cases.append({"measure": "alpha", "ratings": ratings})
        for case, ours in zip(cases, call("agreement", cases), strict=True):
            data = numpy.array(case["ratings"], dtype=float).T
            for name, level in (("alpha_nominal", "nominal"), ("alpha_ordinal", "ordinal")):
                self.close(ours[name]["value"], krippendorff.alpha(data, level_of_measurement=level), name)

    def test_calibration_is_that_of_its_definitions(self):
        choice = numpy.random.default_rng(3)
        cases, inputs = [], []
        for i in range(20):
            n, labels = (40, 2) if i % 2 else (400, 4)
            logits = choice.normal(size=(n, labels)) * choice.uniform(0.5, 4)
            probabilities = scipy.special.softmax(logits, axis=1)
            truth = scipy.special.softmax(logits / choice.uniform(0.5, 3), axis=1)
            human = numpy.array([choice.choice(labels, p=row) for row in truth])
            inputs.append((probabilities, human))
            cases.append(
                {"measure": "calibration", "probabilities": probabilities.tolist(), "human": human.tolist(), "bins": 10}
            )
        for (probabilities, human), ours in zip(inputs, call("agreement", cases), strict=True):
            measured = ours["reliability"]
            self.close(measured["ece"]["value"], expected_calibration_error(probabilities, human, 10), "ECE")
            labels = list(range(probabilities.shape[1]))
            self.close(measured["nll"], sklearn.metrics.log_loss(human, probabilities, labels=labels), "NLL")
            brier = ((probabilities - numpy.eye(len(labels))[human]) ** 2).sum(axis=1).mean()
            self.close(measured["brier"], brier, "Brier")
            self.assertEqual(sum(b["count"] for b in measured["bins"]), len(human))

            def loss(inverse: float, p=probabilities, h=human) -> float:
                scaled = scipy.special.log_softmax(numpy.log(p) * inverse, axis=1)
                return -scaled[numpy.arange(len(h)), h].sum()

            best = scipy.optimize.minimize_scalar(loss, bounds=(1 / 20, 20), method="bounded", options={"xatol": 1e-9})
            self.close(ours["temperature"], 1 / best.x, "temperature", 1e-3)
            theirs = scipy.special.softmax(numpy.log(probabilities) / ours["temperature"], axis=1)
            self.assertTrue(numpy.allclose(ours["tempered"], theirs, atol=1e-9))

    def test_rank_biased_overlap_and_tau(self):
        choice = random.Random(4)
        cases = []
        for _ in range(80):
            pool = [f"d{i}" for i in range(choice.choice([3, 12, 60]))]
            one = choice.sample(pool, choice.randint(1, len(pool)))
            other = choice.sample(pool, choice.randint(1, len(pool)))
            cases.append({"measure": "rankings", "one": one, "other": other, "p": choice.choice([0.5, 0.9, 0.98])})
        cases.append({"measure": "rankings", "one": ["a", "b", "c"], "other": ["a", "b", "c"], "p": 0.9})
        answers = call("agreement", cases)
        self.close(answers[-1]["rbo"], 1, "the same ranking")
        for case, ours in zip(cases, answers, strict=True):
            one, other = case["one"], case["other"]
            self.close(ours["rbo"], rank_biased_overlap(one, other, case["p"]), "RBO")
            both = [d for d in one if d in other]
            if len(both) < 2:
                self.assertIsNone(ours["tau"])
                continue
            tau = scipy.stats.kendalltau(range(len(both)), [other.index(d) for d in both]).statistic
            self.close(ours["tau"], tau, "tau")

    def test_paired_tests_and_holms_correction(self):
        choice = random.Random(5)
        pairs = []
        for n in (2, 5, 9, 12, 13):
            values = [choice.randint(0, 8) / 8 for _ in range(n)]
            baseline = [choice.randint(0, 8) / 8 for _ in range(n)]
            pairs.append((numpy.array(values), numpy.array(baseline)))
        big = numpy.random.default_rng(5).normal(0.02, 0.2, 400)
        pairs.append((big, numpy.zeros(400)))
        families = [[choice.random() ** 3 for _ in range(n)] for n in (1, 2, 6, 15)]
        cases = [{"measure": "paired", "values": v.tolist(), "baseline": b.tolist()} for v, b in pairs]
        answers = call("agreement", [*cases, *({"measure": "holm", "p": p} for p in families)])
        for (values, baseline), ours in zip(pairs, answers, strict=False):
            differences = values - baseline
            if len(differences) <= 13:
                signs = itertools.product((1, -1), repeat=len(differences))
                observed = abs(differences.sum()) - 1e-9
                exact = numpy.mean([abs((differences * s).sum()) >= observed for s in signs])
                self.close(ours["p_value"], exact, "p")
            else:
                test = scipy.stats.permutation_test(
                    (values, baseline), lambda a, b: (a - b).mean(), permutation_type="samples", n_resamples=20_000, rng=1
                )
                self.close(ours["p_value"], test.pvalue, "p", 0.02)
                interval = scipy.stats.bootstrap((differences,), numpy.mean, method="percentile", rng=1)
                for end, theirs in zip(ours["confidence_interval"], interval.confidence_interval, strict=True):
                    self.close(end, theirs, "interval", 0.003)
            self.close(ours["effect_size"], differences.mean() / differences.std(ddof=1), "effect size")
        for p, ours in zip(families, answers[len(pairs) :], strict=True):
            for one, theirs in zip(ours, holm(p), strict=True):
                self.close(one, theirs, "Holm")
