"""Cron expressions as schedules take them: read, and everything wrong with them said in words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ostinato.domain.definition.model import TriggerSpec
from ostinato.domain.errors import Problem

NICKNAMES = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")
_FORM = 'Write five fields: minute, hour, day of the month, month, day of the week, like "0 3 * * *"; or ' + ", ".join(
    NICKNAMES
)
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,3}))?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    low: int
    high: int
    words: Mapping[str, int]


_FIELDS = (
    _Field(name="minute", low=0, high=59, words={}),
    _Field(name="hour", low=0, high=23, words={}),
    _Field(name="day of the month", low=1, high=31, words={}),
    _Field(name="month", low=1, high=12, words={name: index + 1 for index, name in enumerate(_MONTHS)}),
    _Field(name="day of the week", low=0, high=6, words={name: index for index, name in enumerate(_DAYS)}),
)


def cron_problems(text: str, field: str) -> Iterator[Problem]:
    """Nothing where Temporal can keep this schedule and there is a day on which it fires."""
    if text.strip().startswith("@"):
        if text.strip() not in NICKNAMES:
            yield _problem(field, f"{text!r} is no schedule", _FORM)
        return
    parts = text.split()
    if len(parts) != len(_FIELDS):
        yield _problem(field, f"a schedule has 5 fields, and {text[:80]!r} has {len(parts)}", _FORM)
        return
    found = [tuple(_field_problems(part, known, field)) for part, known in zip(parts, _FIELDS, strict=True)]
    yield from (each for some in found for each in some)
    if not any(found) and not _has_a_day(parts[2], parts[3]):
        yield _problem(field, f"no month has such a day: {parts[2]} in {parts[3]}", "Name a day that exists")


def trigger_texts(triggers: tuple[TriggerSpec, ...]) -> Iterator[tuple[str, TriggerSpec]]:
    return ((f"triggers[{index}]", trigger) for index, trigger in enumerate(triggers))


def _field_problems(text: str, known: _Field, field: str) -> Iterator[Problem]:
    cure = f"Use {known.low} to {known.high}" + (f" or {', '.join(known.words)}" if known.words else "")
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None or (match["first"] == "*" and match["last"]):
            said = f"{part!r} is no {known.name}"
            yield _problem(field, said, f"{cure}, ranges like 1-5, lists like 1,3 and steps like */2")
            continue
        ends = [_number(word, known) for word in (match["first"], match["last"]) if word and word != "*"]
        if None in ends or any(end is not None and not known.low <= end <= known.high for end in ends):
            yield _problem(field, f"{part!r} is no {known.name}", cure)
        elif len(ends) == 2 and (ends[0] or 0) > (ends[1] or 0):
            yield _problem(field, f"{part!r} ends before it begins", "Write the smaller one first, or two parts")
        elif match["step"] is not None and int(match["step"]) == 0:
            yield _problem(field, f"{part!r} has a step of 0", "Use a step of at least 1")


def _number(word: str, known: _Field) -> int | None:
    return known.words.get(word.lower()) if not word.isdigit() else int(word)


def _has_a_day(days: str, months: str) -> bool:
    longest = max(_DAYS_OF_MONTH[month - 1] for month in _members(months, _FIELDS[3]))
    return min(_members(days, _FIELDS[2])) <= longest


def _members(text: str, known: _Field) -> set[int]:
    members: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        assert match is not None
        first = known.low if match["first"] == "*" else _number(match["first"], known) or known.low
        open_end = match["first"] == "*" or match["step"] is not None
        last = _number(match["last"], known) if match["last"] else known.high if open_end else first
        members.update(range(first, (last or first) + 1, int(match["step"] or 1)))
    return members


def _problem(field: str, message: str, cure: str) -> Problem:
    return Problem(code="schedule_invalid", field=field, message=message, cure=cure)
