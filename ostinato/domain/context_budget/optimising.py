"""What makes a session smaller: unused servers go, idle skills shrink, the step's context is compacted. Pure.

Each is really taken out of what is loaded, with the tokens before and after as the proof; by priority × savings, and no
more than it takes to be green again.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ostinato.domain.base import Fact
from ostinato.domain.budget.context import WINDOW_TOKENS, ContextBalance
from ostinato.domain.budget.context import Optimised as Optimised
from ostinato.domain.budget.zones import Zone
from ostinato.domain.context_budget.measuring import context_balance, tokens_of_context
from ostinato.domain.relevance import CAP_CHARS, StepContext, compacted
from ostinato.domain.resources import MOST_LEFT_OUT, Activated, Activation, Detail, Kind, NotActivated

What = Literal["drop server", "unload skill", "compact context", "unload skill to its name", "drop agent"]

PRIORITY: Final[Mapping[What, int]] = {
    "drop server": 4,
    "unload skill": 3,
    "compact context": 2,
    "unload skill to its name": 2,
    "drop agent": 1,
}
"""How little is lost by it: the more, the less."""
_AGGRESSIVE: Final[tuple[What, ...]] = ("unload skill to its name", "drop agent")
"""In red only."""
_CAP_CHARS: Final = {Zone.YELLOW: CAP_CHARS // 2, Zone.RED: CAP_CHARS // 4}


class Optimisation(Fact):
    activation: Activation
    context: StepContext
    steps: tuple[Optimised, ...] = ()
    before: ContextBalance
    after: ContextBalance

    @property
    def is_decision_due(self) -> bool:
        """Red although everything that could go is gone."""
        return self.after.zone is Zone.RED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    activation: Activation
    context: StepContext
    prompt_tokens: int
    system_tokens: int
    window: int

    @property
    def balance(self) -> ContextBalance:
        return context_balance(
            self.activation,
            self.context,
            prompt_tokens=self.prompt_tokens,
            system_tokens=self.system_tokens,
            window=self.window,
        )

    def with_(self, activation: Activation, context: StepContext) -> "_Session":
        return _Session(
            activation=activation,
            context=context,
            prompt_tokens=self.prompt_tokens,
            system_tokens=self.system_tokens,
            window=self.window,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chance:
    what: What
    name: str
    path: str = ""
    saves: int

    @property
    def worth(self) -> int:
        return PRIORITY[self.what] * self.saves


def optimised(
    activation: Activation,
    context: StepContext,
    zone: Zone,
    *,
    in_use: Collection[str] = (),
    prompt_tokens: int = 0,
    system_tokens: int = 0,
    window: int = WINDOW_TOKENS,
) -> Optimisation:
    """Smaller by what the zone asks for, until the session is green; nothing in green.

    `in_use`: names of servers, skills and agents that the step needs; they stay as they are.
    """
    session = _Session(
        activation=activation,
        context=context,
        prompt_tokens=prompt_tokens,
        system_tokens=system_tokens,
        window=window,
    )
    before = session.balance
    steps: list[Optimised] = []
    tried: set[tuple[What, str, str]] = set()
    while zone is not Zone.GREEN and (not steps or session.balance.zone is not Zone.GREEN):
        chances = [each for each in _chances(session, zone, in_use) if (each.what, each.name, each.path) not in tried]
        best = max(chances, key=lambda each: (each.worth, each.name), default=None)
        if best is None:
            break
        tried.add((best.what, best.name, best.path))
        was, session = session, _taken(session, best, zone)
        steps.append(Optimised(what=best.what, name=best.name, before=was.balance.used, after=session.balance.used))
    return Optimisation(
        activation=session.activation, context=session.context, steps=tuple(steps), before=before, after=session.balance
    )


def _chances(session: _Session, zone: Zone, in_use: Collection[str]) -> Iterator[_Chance]:
    """What would save something now."""
    for each in _all_chances(session, zone, in_use):
        if each.saves > 0 and (zone is Zone.RED or each.what not in _AGGRESSIVE):
            yield each


def _all_chances(session: _Session, zone: Zone, in_use: Collection[str]) -> Iterator[_Chance]:
    given = session.activation
    for server in given.servers:
        if server.name not in in_use:
            yield _Chance(what="drop server", name=server.name, path=server.path, saves=server.tokens)
    for skill in given.skills:
        if skill.name in in_use:
            continue
        described, named = skill.described_tokens, skill.named_tokens
        if skill.level is Detail.FULL and described is not None:
            yield _Chance(what="unload skill", name=skill.name, path=skill.path, saves=skill.tokens - described)
        elif skill.level is not Detail.NAME and named is not None:
            saves = skill.tokens - named
            yield _Chance(what="unload skill to its name", name=skill.name, path=skill.path, saves=saves)
    for agent in given.agents:
        if agent.name not in in_use:
            yield _Chance(what="drop agent", name=agent.name, path=agent.path, saves=agent.tokens)
    smaller = compacted(session.context, _CAP_CHARS[zone])
    saves = tokens_of_context(session.context) - tokens_of_context(smaller)
    yield _Chance(what="compact context", name="of the step", saves=saves)


def _taken(session: _Session, chance: _Chance, zone: Zone) -> _Session:
    given = session.activation
    match chance.what:
        case "compact context":
            return session.with_(given, compacted(session.context, _CAP_CHARS[zone]))
        case "drop server":
            kept = tuple(each for each in given.servers if not _is(each, chance))
            gone = next(each for each in given.servers if _is(each, chance))
            changed = given.model_copy(update={"servers": kept, **_left(given, Kind.SERVER, gone)})
        case "drop agent":
            kept = tuple(each for each in given.agents if not _is(each, chance))
            gone = next(each for each in given.agents if _is(each, chance))
            changed = given.model_copy(update={"agents": kept, **_left(given, Kind.AGENT, gone)})
        case "unload skill" | "unload skill to its name":
            level = Detail.DESCRIPTION if chance.what == "unload skill" else Detail.NAME
            skills = tuple(_at(each, level) if _is(each, chance) else each for each in given.skills)
            changed = given.model_copy(update={"skills": skills})
    return session.with_(_recounted(changed), session.context)


def _is(each: Activated, chance: _Chance) -> bool:
    return (each.name, each.path) == (chance.name, chance.path)


def _left(given: Activation, kind: Kind, gone: Activated) -> dict[str, object]:
    note = NotActivated(
        kind=kind, name=gone.name, tokens=gone.tokens, fit=gone.fit, reason="dropped: the context was nearly full"
    )
    return {"left_out": (note, *given.left_out)[:MOST_LEFT_OUT], "left_out_count": given.left_out_count + 1}


def _at(skill: Activated, level: Detail) -> Activated:
    """The rest of it stays on demand."""
    tokens = skill.described_tokens if level is Detail.DESCRIPTION else skill.named_tokens
    assert tokens is not None
    return skill.model_copy(
        update={
            "level": level,
            "tokens": tokens,
            "on_demand_tokens": skill.on_demand_tokens + skill.tokens - tokens,
            "because": f"{skill.because}; unloaded, as the context was nearly full",
        }
    )


def _recounted(given: Activation) -> Activation:
    command = (given.command,) if given.command else ()
    dynamic = (*given.skills, *given.servers, *command, *given.agents)
    return given.model_copy(
        update={
            "tokens": given.mode_tokens + sum(each.tokens for each in dynamic),
            "on_demand_tokens": sum(each.on_demand_tokens for each in dynamic),
        }
    )
