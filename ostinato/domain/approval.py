"""Whether a plan needs a person's consent before it is executed."""

from dataclasses import dataclass

from ostinato.domain.classification import Classification, Risk
from ostinato.domain.plan import Plan
from ostinato.domain.request import Interaction, RunOptions
from ostinato.domain.risk import risk_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    needed: bool
    reason: str = ""
    in_advance: bool = False
    """The user said yes at the start and policy lets that count: never for critical risk, lowered or not."""


def approval_for(options: RunOptions, classification: Classification) -> Approval:
    reasons = []
    if classification.risk in (Risk.HIGH, Risk.CRITICAL):
        reasons.append(f"its risk is {risk_text(classification, 3)}")
    if options.interaction is not Interaction.MINIMAL:
        reasons.append(f"--interaction {options.interaction} asks before executing")
    return Approval(
        needed=bool(reasons),
        reason=" and ".join(reasons),
        in_advance=options.approve_in_advance and not _was_critical(classification),
    )


def _was_critical(classification: Classification) -> bool:
    return Risk.CRITICAL in (classification.risk, *(lowering.before for lowering in classification.lowered))


def approval_context(plan: Plan, classification: Classification) -> str:
    """Markdown: what would be done, by whom, and what could go wrong."""
    steps = "\n".join(
        f"- **{step.name}** ({step.action.kind})"
        + (f" after {', '.join(step.depends_on)}" if step.depends_on else "")
        + (f", writes {', '.join(step.writes)}" if step.writes else "")
        for step in plan.steps[:40]
    )
    mitigations = "\n".join(f"- {text}" for text in classification.mitigations)
    return f"{classification.task_type} · risk {risk_text(classification)}\n\n{steps}" + (
        f"\n\nMitigations:\n{mitigations}" if mitigations else ""
    )
