"""How plans that change something end: checks of the level, review, repair, the way back, the record."""

from collections.abc import Iterator
from dataclasses import replace

from ostinato.domain.plan import Strategy
from ostinato.domain.planning.parts import ALL, FORMAL, PHASES, THOROUGH, Part, ask, think, tool, verify, work
from ostinato.domain.planning.strategies import LEVEL_CHECKS, STRATEGY

_BACK = (
    "Rehearse the way back in a scratch worktree: revert the commits of this run, run the tests, and say what would not "
    "come back by itself."
)
_RECORD = "Record the change for those who use and run it: changelog, upgrade notes, whatever they have to do."


def closing(
    built: str | tuple[str, ...],
    *proofs: str,
    judge: str,
    has: tuple[str, ...] = (),
    back: str = _BACK,
    record: str = _RECORD,
    review_on: frozenset[Strategy] = THOROUGH,
    when: tuple[str, ...] = (),
) -> tuple[Part, ...]:
    """`built` are the last writing parts, `proofs` what looked at them, `has` the tools among these."""
    built = (built,) if isinstance(built, str) else built
    checks = tuple(_level_checks(built, has))
    parts = (
        *checks,
        think(
            "review",
            "Review the change",
            judge,
            *built,
            *proofs,
            *(part.key for part in checks),
            on=review_on,
            phase="prove",
        ),
        work(
            "address",
            "Address the review",
            "Repair what the review found, and nothing else.",
            "review",
            on=PHASES,
            phase="close",
            minutes=10,
        ),
        verify("retest", "address", called="Verify once more", on=PHASES, phase="close"),
        work(
            "record",
            "Record the change",
            record,
            "retest",
            on=PHASES,
            phase="close",
            writes=("docs",),
            reads=("docs",),
            minutes=8,
        ),
        tool("record-check", "docs.check", "record", called="Check the record", on=PHASES, phase="close"),
        think("way-back", "Rehearse the way back", back, "retest", on=PHASES, phase="close", reads=()),
        *signing("way-back", "record-check"),
    )
    return tuple(replace(part, when=(*part.when, *when)) for part in parts)


def signing(*after: str) -> tuple[Part, ...]:
    """The record of what was decided, and the person who takes the result."""
    return (
        think(
            "account",
            "Account for the decisions",
            "List what was decided, by whom, on what evidence, which risks remain and who owns them.",
            *after,
            on=FORMAL,
            phase="close",
        ),
        ask(
            "accept",
            "Accept the result",
            "The work is done, proved and accounted for. Do you accept it?",
            "account",
            on=FORMAL,
            phase="close",
        ),
    )


def _level_checks(built: tuple[str, ...], has: tuple[str, ...]) -> Iterator[Part]:
    for name in LEVEL_CHECKS["enterprise"]:
        asking = frozenset(strategy for strategy, level in STRATEGY.values() if name in LEVEL_CHECKS[level])
        if name not in has and asking:
            yield tool(f"final-{name.partition('.')[0]}", name, *built, on=asking & ALL, phase="prove")
