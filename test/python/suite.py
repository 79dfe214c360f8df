"""Runs one suite (a unittest module) and writes how many of its tests passed, failed and were skipped as JSON.

Apart from `python -m unittest` because run.mjs needs the counts of a suite, not a sentence to parse.
Usage: suite.py SUITE.py RESULT.json
"""

import importlib.util
import json
import sys
import unittest


class Counting(unittest.TextTestResult):
    """Counts tests, not subtests: a test with three failing subtests is one failed test."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.run_ids: set[str] = set()

    def stopTest(self, test):
        super().stopTest(test)
        self.run_ids.add(test.id())

    def counts(self) -> dict[str, int]:
        # An error in setUpClass belongs to no test: it counts as a failed one of its own.
        failed = {getattr(case, "test_case", case).id() for case, _ in self.failures + self.errors}
        failed |= {case.id() for case in self.unexpectedSuccesses}
        skipped = {case.id() for case, _ in self.skipped}
        if not self.run_ids and not failed:
            failed = {"a suite without tests"}
        return {"passed": len(self.run_ids - failed - skipped), "failed": len(failed), "skipped": len(skipped - failed)}


def main(path: str, result_path: str) -> None:
    spec = importlib.util.spec_from_file_location("suite_under_test", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["suite_under_test"] = module
    spec.loader.exec_module(module)
    tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Counting).run(tests)
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump(result.counts(), file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
