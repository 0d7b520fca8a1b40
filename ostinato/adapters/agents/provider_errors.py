"""What an agent passes on of its provider's errors, as the way it ended: by name, then by words, then by status."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ostinato.adapters.agents.reading import read_object
from ostinato.adapters.zones import find_zone
from ostinato.domain.agents import EndKind, LimitKind
from ostinato.domain.recovering.resets import reset_of_headers, reset_time

_OF_NAME: Mapping[str, EndKind] = {
    "contextwindowexceeded": EndKind.CONTEXT_OVERFLOW,
    "contextlengthexceeded": EndKind.CONTEXT_OVERFLOW,
    "contextoverflowerror": EndKind.CONTEXT_OVERFLOW,
    "usagelimitexceeded": EndKind.RATE_LIMIT,
    "usagelimitreached": EndKind.RATE_LIMIT,
    "insufficientquota": EndKind.RATE_LIMIT,
    "ratelimiterror": EndKind.RATE_LIMIT,
    "resourceexhausted": EndKind.RATE_LIMIT,
    "unauthorized": EndKind.AUTH,
    "unauthenticated": EndKind.AUTH,
    "permissiondenied": EndKind.AUTH,
    "authenticationerror": EndKind.AUTH,
    "providerautherror": EndKind.AUTH,
    "fatalauthenticationerror": EndKind.AUTH,
    "serveroverloaded": EndKind.PROVIDER,
    "internalservererror": EndKind.PROVIDER,
    "contentfilter": EndKind.REFUSED,
    "cyberpolicy": EndKind.REFUSED,
    "biopolicy": EndKind.REFUSED,
    "messageoutputlengtherror": EndKind.GAVE_UP,
    "fatalturnlimitederror": EndKind.LIMIT,
}
"""Names of errors, without their case and underscores."""

_OF_WORDS: tuple[tuple[re.Pattern[str], EndKind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (
            r"context[ _](?:window|length|size)|(?:prompt|input|request) (?:is )?too (?:long|large)|maximum context"
            r"|(?:input )?token count .{0,40}exceeds|input exceeds|too many (?:input )?tokens",
            EndKind.CONTEXT_OVERFLOW,
        ),
        (
            r"usage limit|at its limit|rate[ _-]?limit|too many requests|quota|out of credits|credit balance|resource[ _]exhausted"
            r"|insufficient (?:balance|credits|funds)",
            EndKind.RATE_LIMIT,
        ),
        (
            r"unauthori[sz]ed|unauthenticated|invalid (?:x-)?api[ -]?key|incorrect api key|api key not valid|not logged in"
            r"|(?:log|sign) in again|missing environment variable|authentication (?:failed|error|required)|forbidden",
            EndKind.AUTH,
        ),
        (r"reason: (?:refusal|content_filter)|has been flagged|content filter|safety", EndKind.REFUSED),
        (r"reason: max_(?:output_)?tokens", EndKind.GAVE_UP),
        (
            r"high demand|overloaded|at capacity|high load|stream (?:disconnected|closed)|idle timeout|timed out|time-?out"
            r"|unavailable|bad gateway|internal server error|error sending request|connection|ECONN|fetch failed|terminated"
            r"|socket",
            EndKind.PROVIDER,
        ),
    )
)
_STATUS = re.compile(
    r"(?:status(?:[ _]code)?|HTTP(?:/\d(?:\.\d)?)?|[\"']?code[\"']?)\"?\s*[:=]?\s*([45]\d\d)\b", re.IGNORECASE
)
_CAPPED = re.compile(r"Ostinato stopped this step: it may use (?:\$|[\d,]+ (?P<what>token|request))")
"""So the gateway says that a cap of the step is reached."""
_OF_STATUS: Mapping[int, EndKind] = {
    401: EndKind.AUTH,
    402: EndKind.RATE_LIMIT,
    403: EndKind.AUTH,
    413: EndKind.CONTEXT_OVERFLOW,
    429: EndKind.RATE_LIMIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    kind: EndKind
    message: str = ""
    status: int | None = None
    until: datetime | None = None
    limit: LimitKind | None = None


def judged(
    message: str,
    *,
    now: datetime,
    names: Iterable[str] = (),
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    otherwise: EndKind = EndKind.CRASH,
) -> Judged:
    """`now` is in the zone of clock times that name none. `otherwise`: where nothing known is said."""
    status = status if status is not None else status_in(message)
    if capped := _CAPPED.search(message):
        limit = {"token": LimitKind.TOKENS, "request": LimitKind.REQUESTS}.get(capped["what"], LimitKind.MONEY)
        return Judged(kind=EndKind.LIMIT, message=in_one_line(message), status=status, limit=limit)
    kind = _kind(message, names, status) or otherwise
    until = None
    if kind is EndKind.RATE_LIMIT:
        until = reset_of_headers(headers or {}, now=now) or reset_time(
            message, now=now, zone=now.tzinfo or UTC, zones=find_zone
        )
    return Judged(kind=kind, message=in_one_line(message), status=status, until=until)


def status_in(text: str) -> int | None:
    """The HTTP status that a sentence or a body names."""
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def in_one_line(text: str, most: int = 400) -> str:
    """For a person: of a provider's body its own message."""
    told = _message_in(read_object(text)) or text
    line = " ".join(told.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _kind(message: str, names: Iterable[str], status: int | None) -> EndKind | None:
    named = (_OF_NAME.get(re.sub(r"[^a-z]", "", name.lower())) for name in names)
    said = (kind for pattern, kind in _OF_WORDS if pattern.search(message))
    of_status = _OF_STATUS.get(status or 0) or (EndKind.PROVIDER if status else None)
    if first := next((kind for kind in named if kind), None):
        return first
    worded = next(said, None)
    is_finer = worded in (EndKind.CONTEXT_OVERFLOW, EndKind.RATE_LIMIT, EndKind.REFUSED) and status not in (401, 403)
    return worded if is_finer or of_status is None else of_status


def _message_in(value: Any) -> str:
    """Errors are wrapped in errors."""
    for _ in range(4):
        if not isinstance(value, dict):
            break
        inner = value.get("error", value.get("message"))
        value = (read_object(inner) or inner) if isinstance(inner, str) else inner
    return value if isinstance(value, str) else ""
