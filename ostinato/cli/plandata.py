"""What a run would do, as data: everything that the text shows, under names that stay."""

from dataclasses import asdict
from typing import Any

from ostinato.cli.foreseeing import Foresight
from ostinato.cli.prospects import machine_s, risks_of
from ostinato.domain.classification import Classification
from ostinato.domain.critical_path import critical_path, expected_duration_s, waves
from ostinato.domain.plan import Plan


def foresight_data(seen: Foresight) -> dict[str, Any]:
    asks = [asdict(ask) for ask in seen.asks]
    return {
        "request": seen.request.text,
        "repository": seen.request.repository,
        "base": {"commit": seen.base_commit, "branch": seen.base_branch},
        "trusted": seen.trusted,
        "classification": seen.classification.model_dump(mode="json"),
        "risks": list(risks_of(seen.classification)),
        "escalation": seen.escalation.model_dump(mode="json") if seen.escalation else None,
        "activation": seen.activation.model_dump(mode="json"),
        "plan": plan_data(seen.plan, seen.classification),
        "estimate": _estimate(seen),
        "expectations": {
            name: {"seconds": found.seconds, "because": found.because} for name, found in seen.expectations.items()
        },
        "approval": {
            "needed": seen.approval.needed,
            "reason": seen.approval.reason,
            "in_advance": seen.approval.in_advance,
        },
        "asks": asks,
        "needs_person": [f"{ask.kind}: {ask.what}" for ask in seen.asks],
        "missing": [asdict(lack) for lack in seen.lacks],
        "gates": [gate.model_dump(mode="json") for gate in seen.gates],
        "cost": asdict(seen.cost),
        "project": seen.project.model_dump(mode="json"),
        "notes": list(seen.notes),
    }


def plan_data(plan: Plan, classification: Classification) -> dict[str, Any]:
    return {
        **plan.model_dump(mode="json"),
        "waves": waves(plan),
        "critical_path": critical_path(plan),
        "expected_s": expected_duration_s(plan),
        "risk": classification.risk,
    }


def _estimate(seen: Foresight) -> dict[str, Any]:
    """Null where nothing was estimated; `machine_s` is what tools and commands take."""
    found = seen.classification.estimate
    return {**(found.model_dump(mode="json") if found else {}), "machine_s": machine_s(seen.plan)}
