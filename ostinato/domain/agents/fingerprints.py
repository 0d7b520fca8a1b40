"""What a request asks, without what differs from one time to the next: ids, dates, keys, temporary paths. Pure."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ostinato.domain.base import Fact

_HEAD_CHARS: Final = 80
_TOLD: Final = 5
_DROPPED: Final = frozenset(
    ("id", "call_id", "tool_use_id", "tool_call_id", "item_id", "response_id", "previous_response_id", "request_id",
     "user_id", "session_id", "user_prompt_id", "prompt_cache_key", "safety_identifier", "metadata", "client_metadata",
     "signature", "thoughtSignature", "thought_signature", "encrypted_content", "created", "created_at", "cache_control")
)  # fmt: skip
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?"
_PATTERNS: Final = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "<id>"),
        (r"\b(?:toolu|call|msg|resp|fc|ctc|rs|req|chatcmpl|ses|thread|ostinato-step)[_-][A-Za-z0-9_-]{6,}", "<id>"),
        (r"/(?:private/)?(?:tmp|var/tmp|var/folders)/[^\s\"'`<>)\]\\,;:]*", "<path>"),
        (r"\b(?:127\.0\.0\.1|localhost|\[::1\]):\d+", "<address>"),
        (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", "<date>"),
        (rf"(?:{_DAY}\s+)?{_MONTH}\s+\d{{1,2}},?\s+(?:\d\d:\d\d:\d\d\s+(?:[A-Z]{{3,4}}\s+)?)?\d{{4}}\b", "<date>"),
        (r"\b\d{1,2}/\d{1,2}/\d{4}\b", "<date>"),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
        (r"\b1[6-9]\d{8}(?:\d{3})?\b", "<time>"),
        (r"\b\d+(?:\.\d+)?\s?(?:ms|s|seconds)\b", "<length>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b", "<hex>"),
    )
)


class Fingerprint(Fact):
    """Every value of a request by its place: a hash of it, and how it begins."""

    digest: str
    parts: dict[str, str]


def fingerprint(document: Mapping[str, Any], *, model: str, places: Mapping[str, str]) -> Fingerprint:
    """`places`: paths by the word that stands for each, the worktree say. Redact the document first."""
    ordered = sorted(((path, word) for word, path in places.items() if path), key=lambda each: -len(each[0]))
    spelled = [(spelling, word) for path, word in ordered for spelling in (path, _slug(path))]
    parts = dict(_parts("", {**document, "model": model}, spelled))
    told = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return Fingerprint(digest=_digest(told), parts=parts)


def differences(recorded: Fingerprint, asked: Fingerprint) -> tuple[str, ...]:
    """The first few places where two requests differ, in words; empty where they ask the same."""
    names = sorted({*recorded.parts, *asked.parts}, key=_by_place)
    different = [name for name in names if recorded.parts.get(name) != asked.parts.get(name)]
    told = [f"{name}: recorded {_shown(recorded, name)}, asked {_shown(asked, name)}" for name in different[:_TOLD]]
    return (*told, f"and {len(different) - _TOLD} more") if len(different) > _TOLD else tuple(told)


def _parts(place: str, value: Any, places: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for name, inner in value.items():
                if name not in _DROPPED:
                    yield from _parts(f"{place}.{name}" if place else str(name), inner, places)
        case list():
            for number, inner in enumerate(value):
                yield from _parts(f"{place}[{number}]", inner, places)
        case str():
            text = _plain(value, places)
            yield place, f"{_digest(text)[:16]} {text[:_HEAD_CHARS]}"
        case _:
            yield place, json.dumps(value)


def _plain(text: str, places: list[tuple[str, str]]) -> str:
    for spelling, word in places:
        text = text.replace(spelling, word)
    for pattern, word in _PATTERNS:
        text = pattern.sub(word, text)
    return text


def _slug(path: str) -> str:
    """As agents name folders after a path."""
    return re.sub(r"[^A-Za-z0-9]", "-", path)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(found: Fingerprint, name: str) -> str:
    said = found.parts.get(name)
    if said is None:
        return "nothing"
    digest, _, head = said.partition(" ")
    return repr(head) if len(digest) == 16 and head else said


def _by_place(name: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers as numbers: the tenth message after the second."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.\[\]]+", name) if part)
