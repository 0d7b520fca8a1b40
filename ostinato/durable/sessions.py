"""What a mind is given for a step, made smaller where its session would be too full."""

from ostinato.domain.budget.context import ContextBalance, Eased
from ostinato.domain.budget.judging import MID_GATE, token_usage_gate
from ostinato.domain.budget.zones import Zone
from ostinato.domain.context_budget.measuring import context_balance
from ostinato.domain.context_budget.optimising import Optimisation, optimised
from ostinato.domain.gates import GateResult, Status
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.relevance import StepContext
from ostinato.domain.tokens import estimated_tokens
from ostinato.durable.record import RunRecord


def fitted(record: RunRecord, step: Step, context: StepContext) -> StepContext:
    """The same in green; else less of it, with the tokens before and after kept for the report.

    Steps without a mind have no session: what they declared is what they get.
    """
    if record.activation is None or not isinstance(step.action, AgentAction):
        return context
    prompt = estimated_tokens(step.action.prompt)
    balance = context_balance(record.activation, context, prompt_tokens=prompt)
    if balance.zone is Zone.GREEN:
        return context
    made = optimised(record.activation, context, balance.zone, prompt_tokens=prompt, in_use=_in_use(step.action))
    _keep(record, step, balance, made)
    return made.context


def _in_use(action: AgentAction) -> tuple[str, ...]:
    return (action.agent,)


def _keep(record: RunRecord, step: Step, balance: ContextBalance, made: Optimisation) -> None:
    """Once for each step, by what it was given last."""
    eased = Eased(step=step.id, zone=balance.zone, before=made.before.used, after=made.after.used, steps=made.steps)
    record.eased = [*(each for each in record.eased if each.step != step.id), eased]
    record.gates = [*(gate for gate in record.gates if gate.gate != MID_GATE), _gate(record, step, balance, made)]
    record.stale = True


def _gate(record: RunRecord, step: Step, balance: ContextBalance, made: Optimisation) -> GateResult:
    """Red after all that could go is a warning: the mind's own tools say when it really is too much."""
    found = token_usage_gate(record.spending.balance(), balance)
    rest = f"{step.id}: {made.before.used:,} → {made.after.used:,} tokens of context"
    return found.model_copy(
        update={
            "status": Status.WARN,
            "details": "\n".join((rest, *map(str, made.steps))),
            "metrics": {**found.metrics, "context_tokens_after": float(made.after.used)},
        }
    )
