"""How the JSON lines of a described agent become events. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from ostinato.domain.agents.events import AgentEvent, EventKind, TokenUse
from ostinato.domain.base import Authored

MOST_TEXT = 4_000
_MILLISECONDS = 100_000_000_000
"""A moment that is greater is one in milliseconds."""
Place = Annotated[str, StringConstraints(pattern=r"^$|^[^.]+(\.[^.]+)*$", max_length=200)]
"""Names and numbers of list items with points between: message.content.0.text."""


class LineRule(Authored):
    """A line is the event of the first rule that fits it."""

    when: dict[Place, str | int | bool] = Field(default_factory=dict)
    """What must stand in which place."""
    kind: Literal[
        "started", "text", "thought", "tool_began", "tool_ended", "usage", "retrying", "compacting", "denied", "failed"
    ]
    session: Place = ""
    text: Place = ""
    tool: Place = ""
    call: Place = ""
    """The id that a tool's beginning and end share."""
    paths: Place = ""
    """A text or a list of texts."""
    ok: Place = ""
    """Of a tool that ended: whether it went well; an error's place may stand here with `!` before it."""
    code: Place = ""
    input: Place = ""
    output: Place = ""
    cache_read: Place = ""
    cache_write: Place = ""
    usd: Place = ""
    until: Place = ""
    """When a limit is lifted: a moment in ISO 8601, or seconds or milliseconds since 1970."""


def event_of(line: Mapping[str, Any], rules: tuple[LineRule, ...]) -> AgentEvent:
    """OTHER where no rule fits: it is alive."""
    for rule in rules:
        if all(_same(found_at(line, place), wanted) for place, wanted in rule.when.items()):
            return _event(line, rule)
    return AgentEvent(kind=EventKind.OTHER)


def found_at(value: Any, place: str) -> Any:
    for name in place.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def moment_of(value: Any) -> datetime | None:
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1_000 if seconds > _MILLISECONDS else seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _event(line: Mapping[str, Any], rule: LineRule) -> AgentEvent:
    def said(place: str) -> str:
        return _text(found_at(line, place)) if place else ""

    paths = found_at(line, rule.paths) if rule.paths else ()
    return AgentEvent(
        kind=EventKind(rule.kind),
        session_id=said(rule.session),
        text=said(rule.text)[:MOST_TEXT],
        tool=said(rule.tool),
        call_id=said(rule.call),
        paths=tuple(map(str, paths)) if isinstance(paths, list) else tuple(filter(None, (_text(paths),))),
        ok=_went_well(line, rule),
        code=said(rule.code),
        use=_use(line, rule),
        until=moment_of(found_at(line, rule.until)) if rule.until else None,
    )


def _went_well(line: Mapping[str, Any], rule: LineRule) -> bool | None:
    if rule.kind != "tool_ended":
        return None
    if not rule.ok:
        return True
    value = found_at(line, rule.ok.removeprefix("!"))
    return not value if rule.ok.startswith("!") else bool(value)


def _use(line: Mapping[str, Any], rule: LineRule) -> TokenUse | None:
    """Of this line alone; None where it counts nothing."""
    names = ("input", "output", "cache_read", "cache_write")
    counts = {name: _count(found_at(line, place)) for name in names if (place := str(getattr(rule, name)))}
    usd = found_at(line, rule.usd) if rule.usd else None
    is_money = isinstance(usd, int | float) and not isinstance(usd, bool)
    spent = round(float(usd) * 1_000_000) if usd is not None and is_money else None
    return TokenUse(**counts, micro_usd=spent) if any(counts.values()) or is_money else None


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0


def _text(value: Any) -> str:
    if value is None or value == ():
        return ""
    return value if isinstance(value, str) else str(value)


def _same(found: Any, wanted: str | int | bool) -> bool:
    return type(found) is type(wanted) and found == wanted
