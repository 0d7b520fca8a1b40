"""Which of a plan's steps coding agents do, and which agents may. Pure."""

from ostinato.domain.plan import AgentAction, GroupAction, Plan, Step

ANYBODY = "any"
PERSON = "person"


def with_pool(plan: Plan) -> Plan:
    """The plan with the agents that each of its steps may be given to; the same where nothing changes."""
    steps = tuple(pooled(step, plan.agents) for step in plan.steps)
    return plan if all(new is old for new, old in zip(steps, plan.steps, strict=True)) else _with(plan, steps)


def pool_for(agent: str, agents: tuple[str, ...]) -> tuple[str, ...]:
    """Of those that the run has: all for anybody, one that is named (with any model), nobody for a person or a stranger."""
    if agent == ANYBODY:
        return agents
    return tuple(name for name in agents if agent in (name, name.partition(":")[0]))


def _with(plan: Plan, steps: tuple[Step, ...]) -> Plan:
    return plan.model_copy(update={"steps": steps})


def pooled(step: Step, agents: tuple[str, ...]) -> Step:
    """The step, and what stands in it, with the agents that may do it."""
    action = step.action
    if isinstance(action, AgentAction):
        pool = pool_for(action.agent, agents)
        if pool == action.pool:
            return step
        return step.model_copy(update={"action": action.model_copy(update={"pool": pool})})
    if isinstance(action, GroupAction):
        body = tuple(pooled(part, agents) for part in action.body)
        last = pooled(action.reduce, agents) if action.reduce else None
        if last is action.reduce and all(new is old for new, old in zip(body, action.body, strict=True)):
            return step
        return step.model_copy(update={"action": action.model_copy(update={"body": body, "reduce": last})})
    return step
