"""What the gateway answers itself, in each wire's own form, so that agents understand it and stop. Pure."""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ostinato.domain.agents.wires import Wire
from ostinato.domain.base import Fact

SOON: Final = timedelta(seconds=30)
"""For so long an agent may wait by itself; later it is to end its turn."""


class RefusalKind(StrEnum):
    CAP = "cap"
    LIMITED = "limited"
    """The account is, and the provider need not be asked."""
    KEY = "key"
    HOST = "host"
    PLACE = "place"
    SHAPE = "shape"
    LARGE = "large"
    MISMATCH = "mismatch"
    """Of a replay."""
    UPSTREAM = "upstream"
    LEDGER = "ledger"
    """Nothing can be written down, so nothing is spent."""


class Refusal(Fact):
    status: int
    headers: dict[str, str]
    body: bytes


_STATUS: Final = {
    RefusalKind.CAP: 400, RefusalKind.LIMITED: 429, RefusalKind.KEY: 401, RefusalKind.HOST: 403, RefusalKind.PLACE: 404,
    RefusalKind.SHAPE: 400, RefusalKind.LARGE: 413, RefusalKind.MISMATCH: 400, RefusalKind.UPSTREAM: 502, RefusalKind.LEDGER: 400,
}  # fmt: skip
_FINAL: Final = frozenset((RefusalKind.CAP, RefusalKind.MISMATCH, RefusalKind.LEDGER))
"""As tried with the agents themselves: on 402 Claude Code ends its turn after one request, where 400 takes six, and 403 is told
as a failed login; Codex asks six times on 402 and once on 400; opencode and Gemini CLI end on either."""
_TYPES: Final = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "invalid_request_error", 429: "rate_limit_error", 502: "api_error",
}  # fmt: skip
_GOOGLE: Final = {
    400: "FAILED_PRECONDITION", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 502: "INTERNAL",
}  # fmt: skip


def refusal_of(wire: Wire, kind: RefusalKind, message: str, *, until: datetime | None = None, now: datetime) -> Refusal:
    """`until`: of a limit. What would not get better is marked as not to be asked again."""
    status = 402 if wire is Wire.ANTHROPIC and kind in _FINAL else _STATUS[kind]
    wait = math.ceil((until - now).total_seconds()) if until else 0
    lasting = kind is not RefusalKind.UPSTREAM and not (kind is RefusalKind.LIMITED and wait <= SOON.total_seconds())
    headers = {"content-type": "application/json", "x-ostinato-refusal": kind.value}
    if lasting:
        headers["x-should-retry"] = "false"
    if until:
        headers |= _resets(wire, until, wait)
    document = _BODIES[wire.provider](status, kind, message, until, wait, lasting)
    return Refusal(status=status, headers=headers, body=json.dumps(document).encode())


def _resets(wire: Wire, until: datetime, wait: int) -> Mapping[str, str]:
    said = {"retry-after": str(wait)}
    if wire is Wire.ANTHROPIC:
        said["anthropic-ratelimit-unified-reset"] = str(math.ceil(until.timestamp()))
    elif wire is not Wire.GEMINI:
        said |= {"x-ratelimit-reset-requests": f"{wait}s", "x-ratelimit-remaining-requests": "0"}
    return said


def _anthropic(
    status: int, kind: RefusalKind, message: str, until: datetime | None, wait: int, lasting: bool
) -> dict[str, Any]:
    return {"type": "error", "error": {"type": _TYPES[status], "message": message}, "request_id": f"ostinato_{kind}"}


def _openai(
    status: int, kind: RefusalKind, message: str, until: datetime | None, wait: int, lasting: bool
) -> dict[str, Any]:
    """A usage limit ends the turn of agents that would ask again on a rate limit."""
    error: dict[str, Any] = {"message": message, "type": _TYPES[status], "code": f"ostinato_{kind}", "param": None}
    if kind is RefusalKind.LIMITED and lasting and until:
        error |= {"type": "usage_limit_reached", "resets_at": math.ceil(until.timestamp()), "resets_in_seconds": wait}
    return {"error": error}


def _gemini(
    status: int, kind: RefusalKind, message: str, until: datetime | None, wait: int, lasting: bool
) -> dict[str, Any]:
    """A daily quota ends the turn of agents that would ask again on a rate limit."""
    error: dict[str, Any] = {"code": status, "message": message, "status": _GOOGLE[status]}
    if kind is RefusalKind.LIMITED:
        google = "type.googleapis.com/google.rpc."
        quota = {"quotaMetric": "ostinato/account", "quotaId": "AccountPerDay" if lasting else "AccountPerMinute"}
        error["details"] = [
            {"@type": f"{google}QuotaFailure", "violations": [quota]},
            {"@type": f"{google}RetryInfo", "retryDelay": f"{wait}s"},
        ]
    return {"error": error}


_BODIES: Final = {"anthropic": _anthropic, "openai": _openai, "gemini": _gemini}
