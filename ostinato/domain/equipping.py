"""What a step's agent is given of what the run was given, after a server or a skill of it has failed. Pure."""

import re
from collections.abc import Sequence

from ostinato.domain.resources import Activated, Activation, Kind

INSTEAD = "in place of one that failed"


def without(kind: Kind, name: str) -> str:
    """As it stands in a step's progress."""
    return f"{kind.value} {name}"


def equipped(activation: Activation, left_out: Sequence[str], instead: Sequence[str]) -> Activation:
    """The run's, without what failed this step, and with servers that stand in for those."""
    if not left_out and not instead:
        return activation
    added = tuple(
        Activated(name=each.name, tokens=each.tokens, fit=each.fit, because=INSTEAD)
        for each in activation.left_out
        if each.kind is Kind.SERVER and each.name in instead
    )
    servers = tuple(each for each in activation.servers if without(Kind.SERVER, each.name) not in left_out)
    skills = tuple(each for each in activation.skills if without(Kind.SKILL, each.name) not in left_out)
    return activation.model_copy(update={"servers": (*servers, *added), "skills": skills})


def stand_ins(activation: Activation | None, server: str) -> tuple[str, ...]:
    """Servers that were crowded out and offer the same, as far as their names tell: the first word is the same."""
    if activation is None or not server:
        return ()
    others = (each.name for each in activation.left_out if each.kind is Kind.SERVER and each.name != server)
    return tuple(name for name in others if _first_word(name) == _first_word(server))


def _first_word(name: str) -> str:
    return re.split(r"[^a-z0-9]+", name.lower(), maxsplit=1)[0]
