"""Comments and attributes that silence a finding where it stands."""

import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator

from ostinato.domain.integrity.model import Change, Weakening

_PYTHON = r"noqa\b|type:\s*ignore|pyright:\s*(?:ignore|basic|\w+\s*=\s*(?:false|none))|pylint:\s*(?:disable|skip-file)|nosec\b|mypy:\s*(?:ignore-errors|disable-error-code|allow-\w+)|pragma:\s*no\s*cover|ruff:\s*noqa|flake8:\s*noqa|nosemgrep|pragma:\s*allowlist"
_SCRIPT = r"eslint-disable(?:-next-line|-line)?|@ts-(?:ignore|nocheck|expect-error)|istanbul\s+ignore|c8\s+ignore|v8\s+ignore|biome-ignore|tslint:disable|deno-lint-ignore"
PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    ((".py", ".pyi"), re.compile(rf"#[^\n]*?(?P<what>{_PYTHON})[^\n]*", re.IGNORECASE)),
    (
        (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"),
        re.compile(rf"(?://|/\*)[^\n]*?(?P<what>{_SCRIPT})[^\n]*"),
    ),
    ((".go",), re.compile(r"//\s*(?P<what>nolint|#nosec|lint:ignore)[^\n]*")),
    ((".rs",), re.compile(r"(?P<what>#!?\[(?:allow|expect)\([^\]]*\)\]|#!?\[cfg_attr\([^\]]*allow\([^\]]*\])")),
    ((".java", ".kt", ".kts", ".scala"), re.compile(r"(?P<what>@Suppress(?:Warnings|FBWarnings)?\s*\([^)]*\)|//\s*(?:NOSONAR|noinspection)[^\n]*)")),
    ((".sh", ".bash"), re.compile(r"#\s*(?P<what>shellcheck\s+disable)[^\n]*")),
)  # fmt: skip


def suppression_findings(change: Change) -> Iterator[Weakening]:
    """A line that was only moved, within its file or to another, is not added."""
    gone: Counter[str] = Counter()
    for file in change.files:
        gone.update(shown for _, shown in _found(file.path, file.before))
    for file in change.files:
        for line, shown in _found(file.path, file.after):
            if gone[shown] > 0:
                gone[shown] -= 1
            else:
                yield Weakening(code="suppression_added", path=file.path, line=line, what=shown, subject=shown)


def _found(path: str, text: str | None) -> Iterator[tuple[int, str]]:
    """(line, the suppression as it is written)."""
    for suffixes, pattern in PATTERNS:
        if text and path.endswith(suffixes):
            comments = _comments(text) if path.endswith((".py", ".pyi")) else enumerate(text.split("\n"), start=1)
            for line, comment in comments:
                if match := pattern.search(comment):
                    yield line, match[0].strip()[:160]


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Of Python, by its tokens: the same words in a string silence nothing."""
    try:
        tokens = list(tokenize.generate_tokens(_reader(text)))
    except (tokenize.TokenError, SyntaxError, ValueError):
        yield from ((number, line) for number, line in enumerate(text.split("\n"), start=1) if "#" in line)
        return
    yield from ((token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT)


def _reader(text: str) -> Callable[[], str]:
    lines = iter(text.splitlines(keepends=True))
    return lambda: next(lines, "")
