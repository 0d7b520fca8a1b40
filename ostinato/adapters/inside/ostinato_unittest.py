"""Discover and run unittest tests; witness of every outcome. Arguments: the folders to start from."""
# ruff: noqa: N802  (the names are unittest's)

import sys
import unittest
from pathlib import Path
from typing import Any

import ostinato_witness as witness  # type: ignore[import-not-found]


class _Witness(unittest.TextTestResult):
    tests: dict[str, dict[str, object]] = {}

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self.tests.setdefault(test.id(), witness.entry("passed"))

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, err, "failed")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._note(test, err, "error")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self.tests[test.id()] = witness.entry("skipped", reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self.tests[test.id()] = witness.entry("skipped", "expected failure")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.tests[test.id()] = witness.entry("failed", "unexpected success")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, err, "failed")

    def _note(self, test: Any, err: Any, outcome: str) -> None:
        module = sys.modules.get(type(test).__module__)
        path = str(getattr(module, "__file__", "") or "")
        reason = f"{err[0].__name__}: {err[1]}"
        self.tests[test.id()] = witness.entry(outcome, reason, "" if "unittest" in Path(path).parts else path)


def _suite(start: str) -> unittest.TestSuite:
    top = str(Path.cwd()) if Path(start, "__init__.py").exists() else start
    return unittest.TestLoader().discover(start, top_level_dir=top)


def main() -> int:
    folders = sys.argv[1:] or ["."]
    suites = unittest.TestSuite(_suite(str(Path(folder).absolute())) for folder in folders)
    runner: Any = unittest.TextTestRunner
    result = runner(resultclass=_Witness, verbosity=1).run(suites)
    witness.write(_Witness.tests)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
