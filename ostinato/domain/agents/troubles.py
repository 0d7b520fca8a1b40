"""What a provider's error means: by its status, its headers and its words. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ostinato.domain.base import Fact
from ostinato.domain.recovering.resets import reset_time

_TOLD_CHARS: Final = 300
_RESETS_AT = re.compile(r'"resets_at"\s*:\s*(\d{10})\b')
_RESETS_IN = re.compile(r'"resets_in_seconds"\s*:\s*(\d{1,7})\b')


class TroubleKind(StrEnum):
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    """Nothing is left, and nobody says until when."""
    OVERLOADED = "overloaded"
    AUTH = "auth"
    CONTEXT_OVERFLOW = "context_overflow"
    REFUSED = "refused"
    """The provider does not take the request as it is."""
    PROVIDER = "provider"


class Trouble(Fact):
    kind: TroubleKind
    status: int = 0
    message: str = ""
    until: datetime | None = None
    """When a limit is lifted, as far as anybody said."""

    @property
    def is_of_account(self) -> bool:
        return self.kind in (TroubleKind.RATE_LIMIT, TroubleKind.QUOTA)


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_BY_WORDS: Final = (
    (
        TroubleKind.CONTEXT_OVERFLOW,
        _words(
            "context_length_exceeded", "prompt is too long", "exceeds? (?:the )?context (?:window|limit|length)",
            "maximum context length", "input token count[^.]{0,20} exceeds", "request_too_large",
        ),
    ),
    (
        TroubleKind.QUOTA,
        _words("insufficient_quota", "credit balance is too low", "billing_error", "exceeded your current quota, please check your plan and billing"),
    ),
    (TroubleKind.AUTH, _words("authentication_error", "permission_error", "invalid_api_key", "API_KEY_INVALID", "API key not valid", "UNAUTHENTICATED")),
    (TroubleKind.RATE_LIMIT, _words("rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED", "usage_limit_reached")),
    (TroubleKind.OVERLOADED, _words("overloaded_error", "server_is_overloaded", "slow_down", '"UNAVAILABLE"')),
)  # fmt: skip
_BY_STATUS: Final = {
    401: TroubleKind.AUTH, 402: TroubleKind.QUOTA, 403: TroubleKind.AUTH, 408: TroubleKind.PROVIDER,
    413: TroubleKind.CONTEXT_OVERFLOW, 429: TroubleKind.RATE_LIMIT, 503: TroubleKind.OVERLOADED, 529: TroubleKind.OVERLOADED,
}  # fmt: skip


def trouble_of(status: int, headers: Mapping[str, str], body: str, *, now: datetime) -> Trouble:
    """`status` 0: an error in the middle of a stream that began well; its words alone say what it is."""
    kind = _by_words(body) or _BY_STATUS.get(status)
    if kind is TroubleKind.QUOTA and status == 429 and _reset(headers, body, now):
        kind = TroubleKind.RATE_LIMIT
    if kind is None:
        kind = TroubleKind.REFUSED if 400 <= status < 500 else TroubleKind.PROVIDER
    limited = kind in (TroubleKind.RATE_LIMIT, TroubleKind.QUOTA)
    until = _reset(headers, body, now) if limited else None
    return Trouble(kind=kind, status=status, message=message_of(body), until=until)


def message_of(body: str) -> str:
    """In one line."""
    found = _told(body)
    return " ".join(found.split())[:_TOLD_CHARS]


def _told(body: str) -> str:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body
    inner = document.get("error", document) if isinstance(document, dict) else document
    said = inner.get("message") if isinstance(inner, dict) else None
    return said if isinstance(said, str) else body


def _by_words(body: str) -> TroubleKind | None:
    return next((kind for kind, pattern in _BY_WORDS if pattern.search(body)), None)


def _reset(headers: Mapping[str, str], body: str, now: datetime) -> datetime | None:
    if match := _RESETS_AT.search(body):
        return max(datetime.fromtimestamp(int(match[1]), UTC), now)
    if match := _RESETS_IN.search(body):
        return now + timedelta(seconds=int(match[1]))
    lines = "\n".join(f"{name}: {value}" for name, value in headers.items())
    return reset_time(f"{lines}\n\n{body}", now=now)
