"""How a project's test command is made to write its machine report, and how one test is run alone."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ostinato.domain.base import Fact
from ostinato.domain.test_reports.model import TestCase
from ostinato.domain.test_reports.reading import ReportKind

BY_WORDS = "tests_by_words"
"""Counts come from what was printed."""
BY_EXIT = "tests_by_exit"
"""Only the exit code is known."""
_SHELL = ("/bin/sh", "-c")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_TANGLED = re.compile(r"[|;<>$`(){}\n]|(?<!&)&(?!&)")
_WRAPPERS = (
    *(("npx",), ("bunx",), ("pnpm", "exec"), ("yarn", "exec"), ("npm", "exec"), ("cross-env",), ("env",), ("exec",)),
    *(("c8",), ("nyc",), ("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"), ("hatch", "run")),
    ("coverage", "run", "-m"),
)
_GO_FLAGS = frozenset(("-race", "-short", "-v", "-failfast", "-msan", "-asan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runner:
    """A runner that we know: what makes it report, and in which form."""

    kind: ReportKind
    words: tuple[str, ...] = ()
    """Appended; {report} is the file that it is to write."""
    env: Mapping[str, str] | None = None
    report: str = ""
    from_output: bool = False
    with_errors: bool = False
    in_tree: tuple[str, ...] = ()
    weak: str = ""


RUNNERS: Mapping[str, _Runner] = {
    "jest": _Runner(kind=ReportKind.JEST, words=("--json", "--outputFile={report}"), report="jest.json"),
    "vitest": _Runner(
        kind=ReportKind.JEST, words=("--run", "--reporter=json", "--outputFile.json={report}"), report="vitest.json"
    ),
    "mocha": _Runner(
        kind=ReportKind.MOCHA, words=("--reporter", "json", "--reporter-option", "output={report}"), report="mocha.json"
    ),
    "node": _Runner(
        kind=ReportKind.TAP,
        env={"NODE_OPTIONS": "--test-reporter=tap --test-reporter-destination={report}"},
        report="node.tap",
    ),
    "go": _Runner(kind=ReportKind.GO, words=("-json",), report="go.jsonl", from_output=True),
    "cargo": _Runner(kind=ReportKind.CARGO, report="cargo.txt", from_output=True, with_errors=True),
    "pytest": _Runner(kind=ReportKind.JUNIT, words=("--junitxml={report}",), report="pytest.xml"),
    "unittest": _Runner(
        kind=ReportKind.UNITTEST_TEXT, report="unittest.txt", from_output=True, with_errors=True, weak=BY_WORDS
    ),
    "tox": _Runner(kind=ReportKind.PYTEST_TEXT, report="tox.txt", from_output=True, with_errors=True, weak=BY_WORDS),
    "nox": _Runner(kind=ReportKind.PYTEST_TEXT, report="nox.txt", from_output=True, with_errors=True, weak=BY_WORDS),
    "maven": _Runner(
        kind=ReportKind.JUNIT,
        words=("--batch-mode", "--fail-at-end"),
        in_tree=("**/target/surefire-reports/TEST-*.xml", "**/target/failsafe-reports/TEST-*.xml"),
    ),
    "gradle": _Runner(
        kind=ReportKind.JUNIT, words=("--continue", "--console=plain"), in_tree=("**/build/test-results/**/TEST-*.xml",)
    ),
}
_NAMED = {
    "jest": "jest", "vitest": "vitest", "mocha": "mocha", "_mocha": "mocha", "pytest": "pytest", "py.test": "pytest",
    "tox": "tox", "nox": "nox", "mvn": "maven", "mvnw": "maven", "mvnd": "maven", "gradle": "gradle", "gradlew": "gradle",
}  # fmt: skip


class Variation(Fact):
    """A test command as it is run by the gate."""

    runner: str
    """Empty when it is not known which one the command starts."""
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    kind: ReportKind | None = None
    report: str = ""
    """The file that is written; empty where the tool writes into the tree, or nothing."""
    from_output: bool = False
    """The file is the standard output."""
    with_errors: bool = False
    in_tree: tuple[str, ...] = ()
    """Where in the tree the tool leaves its reports."""
    weak: str = ""
    """Code of the warning, where the proof is weaker."""


def vary(argv: Sequence[str], *, script: str = "", folder: str) -> Variation:
    """`script` is what the package manager's script holds; reports go into `folder`, which is no part of the tree."""
    line = script or (argv[2] if tuple(argv[:2]) == _SHELL and len(argv) == 3 else "")
    words = _last_command(line) if line else tuple(argv)
    name = runner_of(words or ())
    if not name:
        report = f"{folder}/output.txt"
        return Variation(runner="", argv=tuple(argv), report=report, from_output=True, with_errors=True, weak=BY_EXIT)
    runner = RUNNERS[name]
    report = f"{folder}/{runner.report}" if runner.report else ""
    extra = tuple(word.format(report=report) for word in runner.words)
    if name == "vitest" and {"run", "--run"} & set(words or ()):
        extra = extra[1:]
    return Variation(
        runner=name,
        argv=_with(argv, extra, runner=name, script=script),
        env={key: value.format(report=report) for key, value in (runner.env or {}).items()},
        kind=runner.kind,
        report=report,
        from_output=runner.from_output,
        with_errors=runner.with_errors,
        in_tree=runner.in_tree,
        weak=runner.weak,
    )


def alone(argv: Sequence[str], case: TestCase, *, script: str = "", folder: str) -> Variation | None:
    """The variation that runs one test and reports in the same way; None where that cannot be said."""
    varied = vary(argv, script=script, folder=folder)
    pattern = f"^{re.escape(case.chosen_by)}$"
    match varied.runner:
        case "jest" if case.path and case.selector:
            extra: tuple[str, ...] = ("-t", pattern, "--runTestsByPath", case.path)
        case "vitest" if case.path and case.selector:
            extra = (case.path, "-t", pattern)
        case "mocha":
            extra = ("--grep", pattern)
        case "go":
            return _go_alone(varied, case)
        case "cargo" if tuple(argv[:2]) == ("cargo", "test") and case.selector:
            gap = () if "--" in argv else ("--",)
            return varied.model_copy(update={"argv": (*varied.argv, *gap, "--exact", case.selector)})
        case _:
            return None
    return varied.model_copy(
        update={"argv": _with(varied.argv, extra, runner=varied.runner, script=script, again=True)}
    )


def _go_alone(varied: Variation, case: TestCase) -> Variation | None:
    package, _, test = case.selector.partition(" ")
    if not test or tuple(varied.argv[:2]) != ("go", "test"):
        return None
    pattern = "/".join(f"^{re.escape(part)}$" for part in test.split("/"))
    flags = [word for word in varied.argv[2:] if word in _GO_FLAGS or (word.startswith("-") and "=" in word)]
    return varied.model_copy(update={"argv": ("go", "test", "-json", "-count=1", *flags, "-run", pattern, package)})


def runner_of(words: Sequence[str]) -> str:
    """Which runner these words start themselves; empty when they start something else."""
    words = _unwrapped(words)
    if not words:
        return ""
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program in ("go", "cargo") and rest[:1] == ("test",):
        return program
    if program == "node" and "--test" in rest:
        return "node"
    if program.startswith("python") and rest[:1] == ("-m",):
        return rest[1] if rest[1:2] in (("pytest",), ("unittest",)) else ""
    if program == "yarn" and rest[:1] != ("run",):
        return _NAMED.get(rest[0], "") if rest else ""
    return _NAMED.get(program, "")


def _unwrapped(words: Sequence[str]) -> tuple[str, ...]:
    words = tuple(words)
    while words:
        length = next((len(w) for w in _WRAPPERS if words[: len(w)] == w), 1 if _ASSIGNED.match(words[0]) else 0)
        if not length:
            return words
        words = words[length:]
        while words and words[0].startswith("-"):
            words = words[1:]
    return ()


def _last_command(line: str) -> tuple[str, ...]:
    """Of a chain joined by &&, whose end gets what is appended; nothing where another also tests or the shell does more."""
    if _TANGLED.search(line):
        return ()
    try:
        parts = [tuple(shlex.split(part)) for part in line.split("&&")]
    except ValueError:
        return ()
    return () if any(runner_of(part) for part in parts[:-1]) else parts[-1]


def _with(
    argv: Sequence[str], extra: Sequence[str], *, runner: str, script: str, again: bool = False
) -> tuple[str, ...]:
    """By the package manager's rules: npm wants a separator, the others would pass it on."""
    argv = tuple(argv)
    if not extra:
        return argv
    if script:
        gap = ("--",) if argv[0] == "npm" and "--" not in argv else ()
        return (*argv, *gap, *extra)
    if argv[:2] == _SHELL:
        return (*_SHELL, f"{argv[2]} {shlex.join(extra)}")
    if runner == "go":
        return (*argv[:2], *extra, *argv[2:])
    if "--" in argv and not again:
        at = argv.index("--")
        return (*argv[:at], *extra, *argv[at:])
    return (*argv, *extra)
