"""When a limit is lifted: the many ways in which services say so, as one moment in UTC. Pure: `now` and the zone are given."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

Zones = Callable[[str], tzinfo | None]
"""A time zone by its IANA name; the data of time zones is not the domain's."""

MOST_WAIT = timedelta(days=32)
"""Later than that is a misreading: the longest quotas are monthly."""
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LENGTH = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])",
    re.IGNORECASE,
)
_LENGTHS = r"((?:\d+(?:\.\d+)?\s*(?:ms|[a-z]+)[\s,]*(?:and\s+)?)+)"
_HEADER = re.compile(
    r"(?:^|[\s<*>{,\"'])(retry-after(?:-ms)?|(?:anthropic|x)-rate-?limit-[a-z-]*reset[a-z-]*|rate-?limit-reset)[\"']?\s*[:=]\s*"
    r"[\"']?([^\"'\r\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_IN = (
    re.compile(r"(?:try again|retry|available|resets?|lifted)\s+(?:after|in)\s*:?\s*" + _LENGTHS, re.IGNORECASE),
    re.compile(r"\"retryDelay\"\s*:\s*\"" + _LENGTHS + r"\"", re.IGNORECASE),
)
_EPOCH = re.compile(r"limit reached\|(\d{10})(\d{3})?\b", re.IGNORECASE)
_STAMP = re.compile(
    r"(?:try again|retry|resets?|available|lifted|regain access|limit until)\s*(?:again\s*)?(?:at|on|after)?[:\s]*"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|UTC|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?:resets?|try again|available again)\s*(?:at|on)?\s+"
    r"(?:(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?"
    r"(?:\s+(?P<year>\d{4}),?)?\s*(?:at\s+)?)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?P<half>am|pm)?\b(?!\s*(?:s|m|h|d|sec|min|hour|day)\b)"
    r"(?:\s*\(?(?P<zone>UTC|GMT|[A-Z][A-Za-z_]+/[A-Za-z_+\-/0-9]+)\)?)?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def no_zones(_name: str) -> tzinfo | None:
    """Where none is known, clock times are read in the zone given."""
    return None


def reset_time(text: str, *, now: datetime, zone: tzinfo = UTC, zones: Zones = no_zones) -> datetime | None:
    """The latest moment that the text names for the end of a limit; `zone` is that of clock times that name none.

    Headers (one a line, `name: value`), bodies and sentences. None where nothing is said, or nothing that can be true.
    """
    for read in (_of_headers, _of_lengths, _of_epoch, _of_stamp):
        if (found := read(text, now)) is not None:
            return _plausible(found, now)
    return _plausible(_of_clock(text, now, zone, zones), now)


def reset_of_headers(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """By headers alone."""
    return _plausible(_of_headers("\n".join(f"{name}: {value}" for name, value in headers.items()), now), now)


def _of_headers(text: str, now: datetime) -> datetime | None:
    """What the server asks for comes first; a limit's own reset only where that limit is used up, or all are unknown."""
    found = {match[1].lower(): match[2].strip().rstrip(",}") for match in _HEADER.finditer(text)}
    if "retry-after-ms" in found:
        return _after(found["retry-after-ms"], now, 0.001)
    if "retry-after" in found:
        return _after(found["retry-after"], now)
    used_up = [name for name in found if _is_used_up(name, text)] or list(found)
    moments = [moment for name in used_up if (moment := _after(found[name], now)) is not None]
    return max(moments, default=None)


def _is_used_up(reset: str, text: str) -> bool:
    remaining = re.escape(reset).replace("reset", "remaining")
    return re.search(rf"{remaining}[\"']?\s*[:=]\s*[\"']?0(?![\d.])", text, re.IGNORECASE) is not None


def _after(value: str, now: datetime, unit_s: float = 1.0) -> datetime | None:
    """Seconds, a moment since 1970, an ISO time, an HTTP date, or a length like 6m0s."""
    if re.fullmatch(r"\d+(\.\d+)?", value):
        number = float(value)
        return datetime.fromtimestamp(number, UTC) if number > 1e9 else now + timedelta(seconds=number * unit_s)
    for parse in (_iso, _http_date):
        if (moment := parse(value)) is not None:
            return moment
    length = _length(value)
    return now + length if length is not None else None


def _of_lengths(text: str, now: datetime) -> datetime | None:
    found = [length for pattern in _IN for match in pattern.finditer(text) if (length := _length(match[1])) is not None]
    return now + max(found) if found else None


def _of_epoch(text: str, now: datetime) -> datetime | None:
    found = [datetime.fromtimestamp(int(match[1]), UTC) for match in _EPOCH.finditer(text)]
    return max(found, default=None)


def _of_stamp(text: str, now: datetime) -> datetime | None:
    found = [_iso(match[1] + (match[2] or "").upper().replace("UTC", "Z")) for match in _STAMP.finditer(text)]
    return max((moment for moment in found if moment is not None), default=None)


def _of_clock(text: str, now: datetime, zone: tzinfo, zones: Zones) -> datetime | None:
    found = (_clock(match, now, _named(match["zone"], zones) or zone) for match in _CLOCK.finditer(text))
    return max((moment for moment in found if moment is not None), default=None)


def _clock(match: re.Match[str], now: datetime, zone: tzinfo) -> datetime | None:
    """The next time that the clock there shows this."""
    if not (match["half"] or match["minute"] or match["month"]):
        return None
    hour = (
        int(match["hour"]) % 12 + (12 if match["half"].lower() == "pm" else 0) if match["half"] else int(match["hour"])
    )
    local = now.astimezone(zone)
    try:
        shown = local.replace(hour=hour, minute=int(match["minute"] or 0), second=0, microsecond=0)
        if not match["month"]:
            return shown if shown > local else shown + timedelta(days=1)
        dated = shown.replace(
            year=int(match["year"] or local.year),
            month=_MONTHS.index(match["month"][:3].lower()) + 1,
            day=int(match["day"]),
        )
    except ValueError:
        return None
    return dated if dated > local or match["year"] else dated.replace(year=dated.year + 1)


def _named(name: str | None, zones: Zones) -> tzinfo | None:
    return UTC if name and name.upper() in ("UTC", "GMT") else zones(name) if name else None


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _length(text: str) -> timedelta | None:
    parts: list[tuple[str, str]] = _LENGTH.findall(text)
    if not parts:
        return None
    return timedelta(seconds=sum(float(number) * _UNITS_S[_unit(unit.lower())] for number, unit in parts))


def _unit(word: str) -> str:
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _plausible(moment: datetime | None, now: datetime) -> datetime | None:
    """In UTC, and never before now."""
    if moment is None or moment - now > MOST_WAIT:
        return None
    return max(moment, now).astimezone(UTC)
