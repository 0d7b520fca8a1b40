"""What a command line is for: which job, by which tool. Names are all that is looked at."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ostinato.domain.project import Purpose

T, L, F, Y, B = Purpose.TEST, Purpose.LINT, Purpose.FORMAT, Purpose.TYPES, Purpose.BUILD
NAMES = {
    T: ("test", "tests", "unit", "unittest", "unit-test", "test-unit", "test:unit", "unit-tests", "pytest", "test-all"),
    L: ("lint", "lint:check", "lint-check", "eslint", "ruff", "flake8", "pylint", "clippy", "vet", "checkstyle"),
    F: (
        "format",
        "fmt",
        "format:write",
        "format:fix",
        "prettier",
        "black",
        "format:check",
        "format-check",
        "fmt-check",
    ),
    Y: (
        *("types", "typecheck", "type-check", "type_check", "check-types", "check:types", "types:check", "test:types"),
        *("type", "typing", "mypy", "pyright", "tsc"),
    ),
    B: ("build", "compile", "dist"),
}
"""What scripts and targets are called, the likeliest first."""
_BY_NAME = {name: purpose for purpose, names in NAMES.items() for name in names}
_PREFIXES = {"test": T, "lint": L, "format": F, "fmt": F}
_PY, _JS, _GO, _RUST, _JAVA = "Python", "JavaScript", "Go", "Rust", "Java"
_TOOLS: dict[tuple[str, ...], tuple[Purpose, str]] = {
    **dict.fromkeys([("pytest",), ("py.test",), ("unittest",), ("hatch", "test"), ("trial",), ("nose2",)], (T, _PY)),
    **dict.fromkeys([("ruff",), ("ruff", "check"), ("flake8",), ("pylint",), ("bandit",)], (L, _PY)),
    **dict.fromkeys([("black",), ("ruff", "format"), ("isort",), ("yapf",), ("hatch", "fmt")], (F, _PY)),
    **dict.fromkeys([("mypy",), ("pyright",), ("basedpyright",), ("ty", "check"), ("pytype",), ("pyre",)], (Y, _PY)),
    **dict.fromkeys([("build",), ("uv", "build"), ("poetry", "build"), ("pdm", "build"), ("hatch", "build")], (B, _PY)),
    **dict.fromkeys([("jest",), ("vitest",), ("mocha",), ("ava",), ("tap",), ("karma",), ("tape",)], (T, _JS)),
    **dict.fromkeys([("react-scripts", "test"), ("ng", "test"), ("bun", "test"), ("c8",), ("nyc",)], (T, _JS)),
    **dict.fromkeys([("eslint",), ("biome", "lint"), ("biome", "check"), ("biome", "ci"), ("oxlint",)], (L, _JS)),
    **dict.fromkeys([("xo",), ("standard",), ("tslint",), ("next", "lint"), ("ng", "lint")], (L, _JS)),
    **dict.fromkeys([("prettier",), ("biome", "format"), ("dprint",)], (F, _JS)),
    **dict.fromkeys([("tsc",), ("vue-tsc",), ("svelte-check",), ("flow",)], (Y, _JS)),
    **dict.fromkeys([("vite", "build"), ("next", "build"), ("webpack",), ("rollup",), ("tsup",), ("esbuild",)], (B, _JS)),
    **dict.fromkeys([("go", "test"), ("gotestsum",), ("ginkgo",)], (T, _GO)),
    **dict.fromkeys([("golangci-lint", "run"), ("golangci-lint",), ("go", "vet"), ("staticcheck",)], (L, _GO)),
    **dict.fromkeys([("gofmt",), ("gofumpt",), ("goimports",), ("go", "fmt"), ("golangci-lint", "fmt")], (F, _GO)),
    ("go", "build"): (B, _GO),
    **dict.fromkeys([("cargo", "test"), ("cargo", "nextest")], (T, _RUST)),
    ("cargo", "clippy"): (L, _RUST),
    **dict.fromkeys([("cargo", "fmt"), ("rustfmt",)], (F, _RUST)),
    ("cargo", "check"): (Y, _RUST),
    ("cargo", "build"): (B, _RUST),
    ("pre-commit", "run"): (L, ""),
}  # fmt: skip
_JVM = {
    **dict.fromkeys(("test", "verify", "integration-test", "check"), T),
    **dict.fromkeys(("package", "compile", "install", "build", "assemble", "jar"), B),
    **dict.fromkeys(("checkstyle:check", "spotbugs:check", "pmd:check", "detekt", "ktlintCheck", "lint"), L),
    **dict.fromkeys(("checkstyleMain", "spotbugsMain", "pmdMain"), L),
    **dict.fromkeys(
        ("spotless:check", "spotless:apply", "spotlessCheck", "spotlessApply", "fmt:check", "fmt:format"), F
    ),
    **dict.fromkeys(("formatter:format", "formatter:validate", "ktlintFormat"), F),
}
_SCRIPT_RUNNERS = frozenset(["npm", "yarn", "pnpm", "bun", "turbo", "nx", "lerna"])
_TARGET_RUNNERS = frozenset(["make", "gmake", "just", "task", "poe", "tox", "nox", "hatch", "rye", "pdm"])
_WRAPPERS = (
    *(("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"), ("rye", "run"), ("pixi", "run")),
    *(("pnpm", "exec"), ("pnpm", "dlx"), ("yarn", "exec"), ("yarn", "dlx"), ("npm", "exec"), ("npx",), ("bunx",)),
    *(("sudo",), ("time",), ("env",), ("exec",), ("xvfb-run",), ("cross-env",), ("dotenv",), ("bundle", "exec")),
    *(("coverage", "run"), ("hatch", "run"), ("python", "-m"), ("python3", "-m"), ("-m",)),
)  # fmt: skip
_TAKE_VALUES = frozenset(
    ["--extra", "--group", "--with", "--python", "-p", "--frozen-lockfile", "--package", "--directory"]
)
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_SHELL_WORDS = frozenset(
    (
        *("if", "then", "else", "elif", "fi", "for", "do", "done", "while", "until", "case", "esac", "function"),
        *("{", "}", "!", "[", "[[", "test", "echo", "set"),
    )
)
_UNCERTAIN = re.compile(r"[$`]|<<")
_NEEDS_SHELL = re.compile(r"[|<>*?&(){}\[\]~]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a command line was recognised as."""

    purpose: Purpose
    tool: str
    language: str = ""
    """Empty when the name does not tell."""
    key: str
    """Lines of equal keys do the same."""
    is_declared: bool = False
    """It only calls a script or a target, which must be declared elsewhere."""


def purpose_of(name: str) -> Purpose | None:
    """Of a script or a target, by its name."""
    return _BY_NAME.get(name) or _PREFIXES.get(re.split(r"[:_-]", name, maxsplit=1)[0])


def split(line: str) -> list[str] | None:
    """Words of a line; None when no shell would take it."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return None


def argv_of(line: str) -> tuple[str, ...] | None:
    """How to run a line as it stands; None when it depends on variables or is shell syntax of its own."""
    words = split(line)
    if not words or _UNCERTAIN.search(line) or words[0] in _SHELL_WORDS:
        return None
    needs_shell = _NEEDS_SHELL.search(line) or _ASSIGNED.match(words[0])
    return ("/bin/sh", "-c", line.strip()) if needs_shell else tuple(words)


def recognise(words: Sequence[str]) -> Job | None:
    words = _unwrapped(words)
    if not words or words[0] in _SHELL_WORDS:
        return None
    program, rest = words[0].rpartition("/")[2], [word for word in words[1:] if not word.startswith(("-", "+"))]
    if program in ("mvn", "mvnw", "mvnd", "gradle", "gradlew"):
        return _jvm(program, rest, skips_tests=any(word.startswith("-DskipTests") for word in words))
    if program == "node" and "--test" in words:
        return Job(purpose=T, tool="node", language=_JS, key="node --test")
    if program.startswith("python") and "manage.py" in rest[:1] and "test" in rest:
        return Job(purpose=T, tool="django", language=_PY, key="manage.py test")
    found = _tool(program, rest)
    if found or program not in _SCRIPT_RUNNERS | _TARGET_RUNNERS:
        return found
    return _runner(program, rest)


def recognise_line(line: str) -> Job | None:
    """The first part of a shell line that is recognised."""
    parts = re.split(r"&&|\|\||;|\|", line)
    return next((job for part in parts if (job := recognise(split(part) or ()))), None)


def _tool(program: str, rest: Sequence[str]) -> Job | None:
    for key in ((program, *rest[:1]), (program,)):
        if key in _TOOLS:
            purpose, language = _TOOLS[key]
            return Job(purpose=purpose, tool=program, language=language, key=" ".join(key))
    return None


def _runner(program: str, rest: Sequence[str]) -> Job | None:
    """A script or target by its name; an environment manager alone runs the tests."""
    named = next(((purpose, word) for word in rest if (purpose := purpose_of(word.rpartition(":")[2] or word))), None)
    is_script = program in _SCRIPT_RUNNERS
    if named:
        kind = "script" if is_script else program
        return Job(
            purpose=named[0],
            tool=program,
            language=_JS if is_script else "",
            key=f"{kind} {named[1]}",
            is_declared=True,
        )
    if program in ("tox", "nox"):
        return Job(purpose=T, tool=program, language=_PY, key=program)
    return _tool(rest[0], rest[1:]) if is_script and rest else None


def _jvm(program: str, rest: Sequence[str], *, skips_tests: bool) -> Job | None:
    tool = "maven" if program.startswith("m") else "gradle"
    goals = rest if tool == "maven" else [word.rpartition(":")[2] for word in rest]
    known = [goal for goal in goals if goal in _JVM]
    if not known:
        return None
    purpose = B if skips_tests and _JVM[known[-1]] is T else _JVM[known[-1]]
    return Job(purpose=purpose, tool=tool, language=_JAVA, key=f"{tool} {purpose}")


def _unwrapped(words: Sequence[str]) -> Sequence[str]:
    """Without assignments and without the programs that only start another."""
    words = list(words)
    while words:
        length = next((len(w) for w in _WRAPPERS if tuple(words[: len(w)]) == w), 0)
        if _ASSIGNED.match(words[0]):
            length = 1
        if not length or len(words) == length or _is_target(words, length):
            return words
        words = words[length:]
        while words and words[0].startswith("-") and words[0] != "-m":
            words = words[2 if words[0] in _TAKE_VALUES else 1 :]
    return words


def _is_target(words: Sequence[str], length: int) -> bool:
    """`hatch run test` and `pdm run lint` name a script, no program."""
    return (
        words[0] in ("hatch", "pdm", "rye") and purpose_of(words[length]) is not None and (words[length],) not in _TOOLS
    )
