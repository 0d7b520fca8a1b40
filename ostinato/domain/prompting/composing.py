"""Parts to a prompt and its record. Whatever is not from our template files stands between marks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ostinato.domain.base import Fact
from ostinato.domain.prompting.fences import cleaned, fenced, mark_for, one_line
from ostinato.domain.prompting.shares import ALL_OR_NOTHING, BY_WORTH, WHOLE, PartName, Shares, beginning
from ostinato.domain.prompting.templates import Templates, TurnName, filled, shipped_templates
from ostinato.domain.redaction import Redactor
from ostinato.domain.tokens import estimated_tokens

MOST_RECORDED = 100
"""Of what is included, and of what is not."""
MOST_NAMED = 10
"""In the prompt itself, of what was left out of a part."""
TOO_LARGE = "too large"
SAID_BEFORE = "said before"


class Item(Fact):
    """One piece of a part."""

    part: PartName
    source: str
    """Where it is from: a path, a step, a person."""
    text: str


class Included(Fact):
    part: PartName
    source: str
    tokens: int
    sha256: str
    """Of the text as it stands in the prompt."""
    cut_from: int | None = None
    """Its tokens, where not all of it came along."""


class NotIncluded(Fact):
    part: PartName
    source: str
    reason: str
    tokens: int = 0


class PromptRecord(Fact):
    """What a call was given, without the words."""

    turn: TurnName
    tokens: int
    sha256: str
    templates_sha256: str
    included: tuple[Included, ...] = ()
    included_count: int = 0
    left_out: tuple[NotIncluded, ...] = ()
    left_out_count: int = 0


class Prompt(Fact):
    text: str
    record: PromptRecord


def compose(
    items: Sequence[Item],
    *,
    turn: TurnName = TurnName.FIRST,
    shares: Shares | None = None,
    templates: Templates | None = None,
    redactor: Redactor | None = None,
    left_out: Sequence[NotIncluded] = (),
) -> Prompt:
    """The same items give the same prompt. `left_out`: what the caller did not bring along, to be named with the rest."""
    used = templates or shipped_templates()
    told = _chosen(_prepared(items, redactor or Redactor()), shares or Shares())
    told.left_out[:0] = left_out
    mark = mark_for(told.texts())
    sections = [_section(used.parts[name], name, told, mark) for name in PartName if told.has(name)]
    text = filled(used.turns[turn], mark=mark, sections="\n\n".join(sections)) + "\n"
    return Prompt(text=text, record=_record(turn, text, used, told))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    item: Item
    """Its text is what came along."""
    tokens: int
    whole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    taken: dict[PartName, list[_Taken]] = field(default_factory=dict)
    left_out: list[NotIncluded] = field(default_factory=list)

    def has(self, name: PartName) -> bool:
        return bool(self.taken.get(name)) or any(each.part is name for each in self.left_out)

    def all_taken(self) -> Iterator[_Taken]:
        return (each for name in PartName for each in self.taken.get(name, ()))

    def texts(self) -> Iterator[str]:
        """All that is not ours."""
        for taken in self.all_taken():
            yield from (taken.item.text, taken.item.source)
        for left in self.left_out:
            yield from (left.reason, left.source)


def _prepared(items: Sequence[Item], redactor: Redactor) -> list[Item]:
    """As they may be shown; without those that say nothing."""
    clean = (
        Item(
            part=item.part, source=redactor.text(one_line(item.source)), text=redactor.text(cleaned(item.text)).strip()
        )
        for item in items
    )
    return [item for item in clean if item.text]


def _chosen(items: Sequence[Item], shares: Shares) -> _Told:
    """Part by part, the worthiest first, each within its own share and what is left of the whole."""
    told, left = _Told(), shares.total
    for name in BY_WORTH:
        room = min(shares.parts.get(name, 0), max(left, 0))
        seen = set[str]()
        for item in (each for each in items if each.part is name):
            taken = _fitted(item, room)
            if item.text in seen:
                told.left_out.append(_not_included(item, SAID_BEFORE))
            elif taken is None:
                told.left_out.append(_not_included(item, TOO_LARGE))
            else:
                told.taken.setdefault(name, []).append(taken)
                room, left = room - taken.tokens, left - taken.tokens
            seen.add(item.text)
    return told


def _fitted(item: Item, room: int) -> _Taken | None:
    whole = estimated_tokens(item.text)
    if item.part in WHOLE or whole <= room:
        return _Taken(item=item, tokens=whole, whole=whole)
    text = "" if item.part in ALL_OR_NOTHING else beginning(item.text, room)
    if not text.strip():
        return None
    return _Taken(item=item.model_copy(update={"text": text}), tokens=estimated_tokens(text), whole=whole)


def _not_included(item: Item, reason: str) -> NotIncluded:
    return NotIncluded(part=item.part, source=item.source, reason=reason, tokens=estimated_tokens(item.text))


def _section(template: str, name: PartName, told: _Told, mark: str) -> str:
    shown = [_shown(each, mark) for each in told.taken.get(name, ())]
    missing = [each for each in told.left_out if each.part is name]
    return filled(template, items="\n\n".join(shown), left_out=_missing(missing)).rstrip()


def _shown(taken: _Taken, mark: str) -> str:
    text = fenced(taken.item.text, taken.item.source, mark)
    return text if taken.tokens == taken.whole else f"{text}\n(cut: the first {taken.tokens} of {taken.whole} tokens)"


def _missing(left_out: Sequence[NotIncluded]) -> str:
    if not left_out:
        return ""
    named = [f'"{one_line(each.source)}" ({one_line(each.reason)})' for each in left_out[:MOST_NAMED]]
    more = f" and {len(left_out) - MOST_NAMED} more" if len(left_out) > MOST_NAMED else ""
    return f"Left out here: {', '.join(named)}{more}."


def _record(turn: TurnName, text: str, templates: Templates, told: _Told) -> PromptRecord:
    included = [
        Included(
            part=each.item.part,
            source=each.item.source,
            tokens=each.tokens,
            sha256=_digest(each.item.text),
            cut_from=each.whole if each.whole != each.tokens else None,
        )
        for each in told.all_taken()
    ]
    return PromptRecord(
        turn=turn,
        tokens=estimated_tokens(text),
        sha256=_digest(text),
        templates_sha256=_digest_of_templates(turn, templates.turns[turn], templates.parts),
        included=tuple(included[:MOST_RECORDED]),
        included_count=len(included),
        left_out=tuple(told.left_out[:MOST_RECORDED]),
        left_out_count=len(told.left_out),
    )


def _digest_of_templates(turn: TurnName, text: str, parts: Mapping[PartName, str]) -> str:
    return _digest("\0".join((turn, text, *(f"{name}\0{parts[name]}" for name in PartName))))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
