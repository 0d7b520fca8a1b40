"""`plan`: show what a run would do; changes nothing."""

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_work

if TYPE_CHECKING:
    from ostinato.domain.classification import Classification
    from ostinato.domain.plan import Plan

EXAMPLES = ('ostinato plan "fix the lint errors and format the code" --repo ~/projects/shop',)
VARIABLES = ("OSTINATO_HOME", "OSTINATO_INTERACTION", "OSTINATO_MAX_PARALLEL")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_work(parser)


def execute(call: Call) -> Exit:
    from ostinato.cli.foreseeing import foresee, foresight_lines

    seen = asyncio.run(foresee(call))
    for note in seen.notes:
        call.terminal.say(f"note: {note}")
    call.answer(
        {
            "request": seen.request.text,
            "repository": seen.request.repository,
            "classification": seen.classification.model_dump(mode="json"),
            "activation": seen.activation.model_dump(mode="json"),
            "plan": plan_data(seen.plan, seen.classification),
            "expectations": {
                name: {"seconds": found.seconds, "because": found.because} for name, found in seen.expectations.items()
            },
            "approval": {"needed": seen.approval.needed, "reason": seen.approval.reason},
            "needs_person": list(seen.needs_person),
            "missing": list(seen.missing),
            "budget": seen.budget.model_dump(mode="json"),
            "project": seen.project.model_dump(mode="json"),
        },
        foresight_lines(seen),
    )
    return Exit.OK


def plan_data(plan: "Plan", classification: "Classification") -> dict[str, Any]:
    from ostinato.domain.plan import critical_path, expected_duration_s, waves

    return {
        **plan.model_dump(mode="json"),
        "waves": waves(plan),
        "critical_path": critical_path(plan),
        "expected_s": expected_duration_s(plan),
        "risk": classification.risk,
    }
