"""Who may come in, and what they ask for."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlencode

from ostinato.adapters.gateway.serving import Answer, Request
from ostinato.domain.agents.wires import Route

_HOST: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A request that came in."""

    request: Request
    answer: Answer
    route: Route
    until: datetime | None
    """Its account is at its limit."""


def stranger(request: Request) -> str:
    """Why it must not come in: a page in a browser that found a name for this machine, say. Empty where it may."""
    host = request.header(b"host")
    if not _HOST.fullmatch(host):
        return f"Ostinato's gateway is not {host[:100] or 'without a name'}."
    if request.header(b"origin"):
        return "Ostinato's gateway does not talk to pages in browsers."
    return ""


def path_of(request: Request) -> str:
    return request.target.partition("?")[0]


def query_of(request: Request) -> str:
    """Without the key, which some put there."""
    query = request.target.partition("?")[2]
    kept = [(name, each) for name, values in _query(query).items() if name != "key" for each in values]
    return f"?{urlencode(kept)}" if kept else ""


def key_of(request: Request) -> str:
    """Wherever the wire has it; empty where there is none."""
    bearer = request.header(b"authorization")
    token = bearer[7:] if bearer[:7].lower() == "bearer " else ""
    named = request.header(b"x-api-key") or request.header(b"x-goog-api-key") or token
    return named or next(iter(_query(request.target.partition("?")[2]).get("key", ())), "")


def _query(query: str) -> dict[str, list[str]]:
    return parse_qs(query, keep_blank_values=True) if query else {}
