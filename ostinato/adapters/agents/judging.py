"""What an agent's own words of failure mean: names and statuses in them are believed, then what they say."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ostinato.adapters.agents.provider_errors import Judged
from ostinato.adapters.zones import find_zone, own_zone
from ostinato.domain.agents import EndKind
from ostinato.domain.recovering.diagnosing import AgentEvent as Reported
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.recovering.resets import reset_time

AUTH_REQUIRED = -32000
"""Of the Agent Client Protocol."""
OF_CODE: Mapping[str, EndKind] = {
    "rate_limited": EndKind.RATE_LIMIT,
    "quota_exhausted": EndKind.RATE_LIMIT,
    "context_overflow": EndKind.CONTEXT_OVERFLOW,
    "unauthorized": EndKind.AUTH,
    "service_error": EndKind.PROVIDER,
    "service_overloaded": EndKind.PROVIDER,
    "network_dns": EndKind.PROVIDER,
    "network_refused": EndKind.PROVIDER,
    "network_lost": EndKind.PROVIDER,
    "network_timeout": EndKind.PROVIDER,
    "tls_failed": EndKind.PROVIDER,
    "turns_used_up": EndKind.GAVE_UP,
}
"""By the code of a diagnosis."""
OF_WORDS: tuple[tuple[re.Pattern[str], EndKind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"context[ _](?:window|length)|(?:prompt|input) (?:is )?too (?:long|large)", EndKind.CONTEXT_OVERFLOW),
        (r"rate[ _-]?limit|usage limit|too many requests|quota|credit balance", EndKind.RATE_LIMIT),
        (r"unauthori[sz]ed|api[ _-]?key|not logged in|(?:log|sign) in again|authenticat", EndKind.AUTH),
        (r"overloaded|high demand|internal server error|service unavailable|bad gateway", EndKind.PROVIDER),
    )
)
"""Of a sentence that is known to tell an error, so that it may be looked at less strictly than any output."""


def of_error(code: int | None, message: str, data: object, *, now: datetime, otherwise: EndKind) -> Judged:
    """Of an error with a code of JSON-RPC or HTTP, or none, and with data of any shape."""
    if code == AUTH_REQUIRED:
        return Judged(kind=EndKind.AUTH, message=message)
    names, statuses, words = _said(data)
    if code is not None and 400 <= code <= 599:
        statuses.append(code)
    status = statuses[0] if statuses else None
    text = "\n".join((message, *words))
    reported = tuple(Reported(error=name, status=status, message=text) for name in (*reversed(names), ""))
    facts = FailureFacts(message=text, events=reported)
    diagnosis = classify_failure(facts, now=now, zone=own_zone(), zones=find_zone)
    named = " ".join(names).replace("_", " ")
    worded = next((kind for pattern, kind in OF_WORDS if pattern.search(f"{text}\n{named}")), None)
    of_provider = EndKind.PROVIDER if status or any("api" in name.replace("_", "") for name in names) else otherwise
    kind = OF_CODE.get(diagnosis.code) or worded or of_provider
    until = diagnosis.reset_at or reset_time(text, now=now, zone=own_zone(), zones=find_zone)
    lifted = until if kind is EndKind.RATE_LIMIT else None
    return Judged(kind=kind, message=_line(message, words) or named, status=status, until=lifted)


def _said(data: object) -> tuple[list[str], list[int], list[str]]:
    """Names, statuses and sentences anywhere in the data of an error."""
    names, statuses, words = [], [], []
    for key, value in _leaves(data):
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 and "tatus" in key + "tatus":
            statuses.append(value)
        elif isinstance(value, str) and " " not in value and len(value) < 60:
            names.append(_snake(value))
        elif isinstance(value, str):
            words.append(f"{key}: {value[:2_000]}" if key.lower().startswith("retry") else value[:2_000])
    return names, statuses, words


def _leaves(data: object, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > 6:
        return
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield from _leaves(value, str(name), depth + 1)
    elif isinstance(data, list):
        for value in data[:20]:
            yield from _leaves(value, key, depth + 1)
    elif data is not None:
        yield key, data


def _snake(name: str) -> str:
    """usageLimitExceeded and usage_limit_exceeded are one name."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _line(message: str, words: list[str]) -> str:
    told = message if not words or message not in ("", "Internal error") else words[0]
    return " ".join(told.split())[:300]
