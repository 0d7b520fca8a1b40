"""Secrets never become objects: known values and high-precision patterns are replaced before text is kept. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import quote

SHORTEST_KNOWN = 6
"""Known values shorter than this would eat ordinary words."""

LONGEST_SECRET = 16 * 1024
"""No pattern matches more bytes than this, so that much context is enough to recognise any secret in a stream."""

_WORD = re.compile(r"[A-Za-z]+(?:[._/-][A-Za-z]+)*")

Raw: TypeAlias = bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret lies: offsets into the text that was searched."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    kind: str
    hints: tuple[str, ...]
    """One of these occurs in every match: a plain search is a hundred times faster than an expression."""
    expression: str
    """A group named `secret` narrows what is replaced."""


_BEGINS = r"(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt])|(?<=\\u00[0-9a-f]{2})|(?<=[0-9;]m))"
"""Of a word; also one after a line break as JSON writes it, or after the colour of a terminal."""


def _token(kind: str, *hints: str, expression: str) -> _Pattern:
    return _Pattern(kind=kind, hints=hints, expression=_BEGINS + expression)


_PATTERNS = (
    _Pattern(
        kind="private-key",
        hints=("PRIVATE KEY",),
        # A whole block, or what is left of one that was cut short; the bare words in a source file are neither.
        expression=r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-(?!----)){0,16000}-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:[\s\\nr\"']{0,8}[A-Za-z0-9+/=]{30,100}){1,120})",
    ),
    _token("aws-access-key", "AKIA", "ASIA", expression=r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _Pattern(
        kind="aws-secret-key",
        hints=("ecret", "SECRET"),
        expression=r"(?i:secret_?access_?key)[\"']?\s{0,4}[=:]\s{0,4}[\"']?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
    ),
    _token("github-token", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", expression=r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _token("github-token", "github_pat_", expression=r"github_pat_[A-Za-z0-9_]{22,255}"),
    _token("gitlab-token", "gl", expression=r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|imt|agent)-[A-Za-z0-9_-]{20,300}"),
    _token("slack-token", "xox", "xapp-", expression=r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,300}"),
    _Pattern(
        kind="slack-webhook",
        hints=("hooks.slack.com",),
        expression=r"hooks\.slack\.com/(?P<secret>(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,200})",
    ),
    _token("anthropic-key", "sk-ant-", expression=r"sk-ant-[A-Za-z0-9_-]{20,300}"),
    _token("openai-key", "sk-", expression=r"sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,300}"),
    _token("openai-key", "sk-", expression=r"sk-[A-Za-z0-9]{40,100}(?![A-Za-z0-9-])"),
    _token("google-key", "AIza", expression=r"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    _token("stripe-key", "k_live_", expression=r"[rs]k_live_[A-Za-z0-9]{16,200}"),
    _token("npm-token", "npm_", expression=r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _token("pypi-token", "pypi-", expression=r"pypi-[A-Za-z0-9_-]{80,1000}"),
    _token("hugging-face-token", "hf_", expression=r"hf_[A-Za-z0-9]{34,80}(?![A-Za-z0-9])"),
    _token("jwt", "eyJ", expression=r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{10,2000}"),
    _Pattern(
        kind="authorization",
        hints=("uthorization", "UTHORIZATION"),
        expression=r"(?i:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?i:bearer|basic|token)\s{1,4}"
        r"(?P<secret>[A-Za-z0-9._~+/=-]{8,4000})",
    ),
    _Pattern(
        kind="url-password",
        hints=("://",),
        # Placeholders ($NAME, {name}, <name>, %s, ***) are documentation, not secrets.
        expression=r"://[^\s/:@\"'<>]{0,200}:(?P<secret>[^\s/@\"'$\{<*%\[][^\s/@\"'<>]{2,500})@",
    ),
)

_COMPILED = tuple((pattern, re.compile(pattern.expression, re.ASCII)) for pattern in _PATTERNS)


class Redactor:
    """Replaces secrets by `[redacted:<kind>]`. Random-looking text such as a commit id is left alone."""

    __slots__ = ("_known", "_values")

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._values = known = frozenset(known)
        spellings = {spelling for value in known for spelling in _spellings(value)}
        longest_first = sorted(spellings, key=lambda value: (-len(value), value))
        self._known = re.compile("|".join(re.escape(value) for value in longest_first)) if longest_first else None

    def knowing(self, more: Iterable[str]) -> "Redactor":
        """One that knows these values as well."""
        added = frozenset(more) - self._values
        return Redactor(self._values | added) if added else self

    def precise(self) -> "Redactor":
        """One that does not know those values which are ordinary words and may stand for something else."""
        kept = {value for value in self._values if not _WORD.fullmatch(value)}
        return self if len(kept) == len(self._values) else Redactor(kept)

    def value(self, value: Any) -> Any:
        """Of JSON, with every text in it redacted, names included; what holds no secret comes back as it is."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(str(name)): self.value(inner) for name, inner in value.items()}
            case list() | tuple():
                return [self.value(inner) for inner in value]
            case _:
                return value

    def secrets(self, text: str) -> tuple[Secret, ...]:
        """Every secret in the text, in order, none overlapping another."""
        return tuple(_merged(self._found(text)))

    def text(self, text: str) -> str:
        return _replaced(text, self.secrets(text))

    def bytes(self, data: Raw) -> Raw:
        """Whatever the encoding, everything but the secrets comes back byte for byte."""
        return _encoded(self.text(_decoded(data)))

    def split(self, data: Raw) -> tuple[Raw, Raw]:
        """For streams: the redacted start, and the raw rest (to go on with) in which a secret may still be growing."""
        text = _decoded(data)
        secrets = self.secrets(text)
        limit = max(len(text) - LONGEST_SECRET, 0)
        cut = text.rfind("\n", 0, limit) + 1 or limit
        crossing = next((secret for secret in secrets if secret.start < cut < secret.end), None)
        if crossing is not None:
            cut = crossing.start or crossing.end
        before = (secret for secret in secrets if secret.end <= cut)
        return _encoded(_replaced(text[:cut], before)), _encoded(text[cut:])

    def end_of(self, data: Raw, size: int) -> Raw:
        """The last `size` bytes, redacted with all of `data` as context: half a secret is never shown."""
        text = _decoded(data)
        secrets = self.secrets(text)
        cut = max(len(text) - size, 0)
        cut = next((secret.end for secret in secrets if secret.start < cut < secret.end), cut)
        after = (replace(each, start=each.start - cut, end=each.end - cut) for each in secrets if each.start >= cut)
        return _encoded(_replaced(text[cut:], after))

    def _found(self, text: str) -> Iterator[Secret]:
        if self._known is not None:
            for match in self._known.finditer(text):
                yield Secret(kind="known-value", start=match.start(), end=match.end())
        for pattern, expression in _COMPILED:
            if any(hint in text for hint in pattern.hints):
                group = "secret" if "secret" in expression.groupindex else 0
                for match in expression.finditer(text):
                    yield Secret(kind=pattern.kind, start=match.start(group), end=match.end(group))


def _spellings(value: str) -> Iterator[str]:
    """A value as it may be printed: whole, line by line, percent-encoded, escaped as in JSON."""
    for part in {value.strip(), *(line.strip() for line in value.splitlines())}:
        if SHORTEST_KNOWN <= len(part) <= LONGEST_SECRET // 4:
            for spelling in (part, quote(part, safe=""), part.replace("\\", "\\\\").replace('"', '\\"')):
                yield _decoded(spelling.encode("utf-8", "surrogateescape"))
                yield spelling


def _merged(secrets: Iterable[Secret]) -> Iterator[Secret]:
    last: Secret | None = None
    for secret in sorted(secrets, key=lambda each: (each.start, -each.end)):
        if last is None:
            last = secret
        elif secret.start < last.end:
            last = replace(last, end=max(last.end, secret.end))
        else:
            yield last
            last = secret
    if last is not None:
        yield last


def _replaced(text: str, secrets: Iterable[Secret]) -> str:
    parts: list[str] = []
    position = 0
    for secret in secrets:
        parts += (text[position : secret.start], f"[redacted:{secret.kind}]")
        position = secret.end
    parts.append(text[position:])
    return "".join(parts)


def _decoded(data: bytes) -> str:
    return data.decode("latin-1")


def _encoded(text: str) -> bytes:
    return text.encode("latin-1")
