"""What a run would do: facts of the repository, then the same decisions as a run makes. Changes nothing."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.text import Text

from ostinato.adapters.history import History
from ostinato.adapters.prices import price_table
from ostinato.adapters.resources import CommitTree, discover
from ostinato.adapters.understanding import understand_request
from ostinato.cli.asking import Asked, ask_for
from ostinato.cli.call import Call
from ostinato.cli.commands.classify import classification_lines
from ostinato.cli.detecting import project_of
from ostinato.cli.printable import printable
from ostinato.cli.projects import summary_lines
from ostinato.cli.rendering import spaced
from ostinato.cli.steprows import span
from ostinato.cli.trust import UNTRUSTED, is_trusted
from ostinato.domain.approval import Approval, approval_for
from ostinato.domain.budget.amounts import NOTHING, Amount, told, told_usd
from ostinato.domain.budget.judging import BudgetReport, budget_report, limit_of
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.prices import expected_of_planning
from ostinato.domain.claims import with_implied
from ostinato.domain.classification import Classification
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.context_budget.measuring import context_balance
from ostinato.domain.durations import PRIOR, Expectation, with_expectations
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, critical_path, expected_duration_s, waves
from ostinato.domain.project import ProjectFacts
from ostinato.domain.refining import after_plan
from ostinato.domain.request import RunRequest
from ostinato.domain.resources import Activation
from ostinato.domain.selection import select
from ostinato.settings import user_config


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    request: RunRequest
    classification: Classification
    activation: Activation
    project: ProjectFacts
    plan: Plan
    expectations: Mapping[StepId, Expectation]
    """Where each step's expected seconds come from."""
    escalation: Escalation | None
    """What would be done about a type that is not certain."""
    approval: Approval
    needs_person: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    budget: BudgetReport
    expected: Amount
    """What the language model may take for it."""


async def foresee(call: Call) -> Foresight:
    asked = await ask_for(call)
    trusted = call.arguments.trust or is_trusted(call.home, asked.repository.root)
    project = await project_of(asked.repository)
    seen = await understand_request(
        asked.request,
        project,
        git=asked.repository.git(),
        commit=asked.repository.base_commit,
        home=call.home,
        has_model=bool(call.settings.llm),
    )
    drafted = with_implied(seen.plan)
    samples, doubts = await asyncio.to_thread(History(call.home).samples, asked.repository.repository_id, drafted)
    plan, expectations = with_expectations(drafted, samples)
    classification = after_plan(seen.classification, plan, expectations)
    approval = approval_for(asked.request.options, classification)
    activation = await _activation(asked, classification, trusted=trusted)
    ledger = Ledger(limit=limit_of(asked.request.options))
    return Foresight(
        request=asked.request,
        classification=classification,
        activation=activation,
        project=project,
        plan=plan,
        expectations=expectations,
        escalation=seen.escalation,
        approval=approval,
        needs_person=_people(plan, approval),
        missing=_missing(project, trusted=trusted),
        notes=(*asked.repository.notes, *map(str, doubts)),
        budget=budget_report(ledger.balance(), context_balance(activation, None)),
        expected=_expected(call, asks_type=seen.escalation is not None and seen.escalation.next is Next.ASK_MODEL),
    )


def _expected(call: Call, *, asks_type: bool) -> Amount:
    """Of the calls that a run makes of the language model while it plans."""
    if not call.settings.llm:
        return NOTHING
    terms = price_table(user_config(os.environ).parent).terms(call.settings.llm.replace(" ", ""))
    return expected_of_planning(terms, asks_type=asks_type, drafts=True)


async def _activation(asked: Asked, classification: Classification, *, trusted: bool) -> Activation:
    found = await discover(CommitTree(asked.repository.common_dir, asked.repository.base_commit), Path.home())
    request = asked.request
    return select(
        classification,
        found,
        request=request.text,
        paths=classification.paths,
        mode=request.options.mode,
        trusted=trusted,
    )


def _people(plan: Plan, approval: Approval) -> tuple[str, ...]:
    consent = (f"approve the plan: {approval.reason}",) if approval.needed and not approval.in_advance else ()
    return (*consent, *(f"do by hand: {step.name}" for step in plan.steps if step.needs_person))


def _missing(project: ProjectFacts, *, trusted: bool) -> tuple[str, ...]:
    found = [] if trusted else [f"trust: {UNTRUSTED}"]
    if project.is_python and not project.test_files:
        found.append("tests: none were found, so the tests gate has nothing to judge by")
    return (*found, *project.notes)


def foresight_lines(seen: Foresight) -> Group:
    head = Text.assemble(
        (printable(seen.request.text.splitlines()[0][:100]), "title"), ("  nothing is changed by this", "quiet")
    )
    activated = [seen.activation.mode, *(skill.name for skill in seen.activation.skills)]
    resources = Text.assemble(("  active     ", "quiet"), ", ".join(activated), f" ({seen.activation.tokens} tokens)")
    gates = Text.assemble(("  gates      ", "quiet"), ", ".join(seen.plan.post_gates) or "none")
    return spaced(
        [
            [head, *classification_lines(seen.classification), resources, *summary_lines(seen.project)],
            plan_lines(seen.plan, seen.expectations),
            [gates, *_budget_lines(seen)],
            [Text(f"  needs you  {printable(item)}", style="careful") for item in seen.needs_person],
            [Text(f"  missing    {printable(item)}", style="careful") for item in seen.missing],
        ]
    )


def _budget_lines(seen: Foresight) -> list[Text]:
    """Nothing where nothing is limited and nothing is spent."""
    options = seen.request.options
    limits = [f"{options.max_tokens:,} tokens"] if options.max_tokens is not None else []
    limits += [told_usd(options.max_micro_usd)] if options.max_micro_usd is not None else []
    limits += [f"{told_usd(options.daily_micro_usd)} a day"] if options.daily_micro_usd is not None else []
    if not limits and seen.expected.is_nothing:
        return []
    expected = "nothing is spent" if seen.expected.is_nothing else f"up to {told(seen.expected)}"
    return [Text.assemble(("  budget     ", "quiet"), expected, ", of ", " and ".join(limits) or "no limit")]


def plan_lines(plan: Plan, expectations: Mapping[StepId, Expectation]) -> list[Text]:
    """Steps by wave; ◆ marks the critical path. What is learned says from what."""
    critical = critical_path(plan)
    lines = [
        Text.assemble(
            (f"  {len(plan.steps)} steps", "title"),
            f" in {len(waves(plan))} waves, about {span(expected_duration_s(plan))}",
            (f"   {plan.source} · {plan.strategy} · ◆ critical path", "quiet"),
        )
    ]
    for number, wave in enumerate(waves(plan), start=1):
        for index, step_id in enumerate(wave):
            step = plan.step(step_id)
            mark = ("◆", "active") if step_id in critical else ("◇", "quiet")
            lead = f"  {number:>2} " if index == 0 else "     "
            line = Text.assemble(
                (lead, "quiet"), mark, f" {printable(step.name):<48}", (f"{span(step.expected_s):>9}", "quiet")
            )
            after = f"  after {', '.join(step.depends_on)}" if step.depends_on else ""
            writes = f"  writes {', '.join(step.writes)}" if step.writes else ""
            lines.append(line.append(printable(_learned(step_id, expectations) + after + writes), "quiet"))
    return lines


def _learned(step_id: StepId, expectations: Mapping[StepId, Expectation]) -> str:
    found = expectations.get(step_id)
    return f"  by {found.because}" if found and found.because != PRIOR else ""
