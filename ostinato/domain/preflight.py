"""Gates before anything runs: the repository's state, what the plan needs, the risk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ostinato.domain.approval import approval_for
from ostinato.domain.classification import Classification
from ostinato.domain.gates import SHOWN_FINDINGS, Finding, GateResult, Severity, Stage, Status
from ostinato.domain.needs import Need, Surroundings, needs_of
from ostinato.domain.permissions import Policy, permissions_gate
from ostinato.domain.plan import CommandAction, Plan, ToolAction
from ostinato.domain.project import ProjectFacts
from ostinato.domain.request import RunOptions
from ostinato.domain.risk import raised, risk_text
from ostinato.domain.tools import TOOLS

DISK_FLOOR_BYTES = 200 * 1024 * 1024


NOT_LOOKED = Surroundings()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFacts:
    dirty_paths: tuple[str, ...]
    dirty_count: int
    free_bytes: int
    can_cut_network: bool = True
    online_agents: tuple[str, ...] = ()
    """Where the policy denies the network: those of the run's agents whose own commands keep it."""
    here: Surroundings = NOT_LOOKED


def preflight_gates(
    options: RunOptions, classification: Classification, plan: Plan, project: ProjectFacts, facts: PreflightFacts
) -> tuple[GateResult, ...]:
    policy = options.policy
    return (
        _git_gate(options, facts),
        _dependency_gate(options, plan, project, facts),
        _risk_gate(options, classification),
        *(() if policy.says_nothing else (_permissions_gate(policy, plan, facts),)),
    )


def _permissions_gate(policy: Policy, plan: Plan, facts: PreflightFacts) -> GateResult:
    return permissions_gate(policy, plan, can_cut_network=facts.can_cut_network, online_agents=facts.online_agents)


def _git_gate(options: RunOptions, facts: PreflightFacts) -> GateResult:
    if not facts.dirty_count:
        return _gate("git", Status.PASS, "git_clean", "the working tree is clean")
    files = f"{facts.dirty_count} uncommitted file{'s' * (facts.dirty_count != 1)}"
    if options.include_dirty:
        return _gate("git", Status.PASS, "git_carried", f"{files} carried along as the first commit")
    return _gate(
        "git",
        Status.WARN,
        "git_dirty",
        f"{files} stay{'s' * (facts.dirty_count == 1)} out of the run: {', '.join(facts.dirty_paths[:3])}",
        "Commit them, or start with --include-dirty",
    )


def _dependency_gate(options: RunOptions, plan: Plan, project: ProjectFacts, facts: PreflightFacts) -> GateResult:
    if facts.free_bytes < DISK_FLOOR_BYTES:
        free = facts.free_bytes // 1024 // 1024
        return _gate(
            "dependencies",
            Status.FAIL,
            "disk_full",
            f"only {free} MB are free where Ostinato keeps its work",
            "Free some space, or set OSTINATO_HOME to another disk",
            Severity.CRITICAL,
        )
    commands = [step for step in plan.steps if isinstance(step.action, CommandAction)]
    if commands and not options.trusted:
        return _gate(
            "dependencies",
            Status.FAIL,
            "not_trusted",
            f"the plan runs commands ({commands[0].name}), and the repository is not trusted",
            "Start the run with --trust if you trust the repository",
            Severity.CRITICAL,
        )
    absent = facts.here.missing_agents
    if plan.agents and len(absent) == len(plan.agents):
        return _gate(
            "dependencies",
            Status.FAIL,
            "agents_missing",
            "; ".join(f"{each.name}: {each.problem}" for each in absent),
            ". ".join(dict.fromkeys(each.cure for each in absent if each.cure))
            + ". Or let people do it: --agent person",
            Severity.CRITICAL,
        )
    idle = [
        step.name for step in plan.steps if isinstance(step.action, ToolAction) and not _can_run(step.action, options)
    ]
    missing = [*_untrusted(idle), *needs_of(plan, facts.here, is_python=project.is_python)]
    if missing:
        return _missing_gate(missing)
    if not project.is_python:
        return _gate(
            "dependencies",
            Status.WARN,
            "language_unsupported",
            "no Python here: the built-in tools have little to say",
            "Use a definition with commands of the project's own",
        )
    return _gate("dependencies", Status.PASS, "dependencies_present", "everything the plan needs is here")


def _untrusted(idle: Sequence[str]) -> Iterator[Need]:
    if idle:
        what = f"{', '.join(idle[:3])} will not run: the repository is not trusted"
        cure = "Start the run with --trust to let its own code and tools run"
        yield Need(code="not_trusted", what=what, cure=cure)


def _missing_gate(missing: Sequence[Need]) -> GateResult:
    """All that is missing, each with how to get it; the first one gives the code."""
    more = f"; and {len(missing) - 3} more" if len(missing) > 3 else ""
    said = "; ".join(need.what for need in missing[:3]) + more
    cures = ". ".join(dict.fromkeys(need.cure for need in missing))
    findings = tuple(
        Finding(tool="ostinato", rule=need.code, path="", message=need.what, detail=need.cure) for need in missing
    )
    return _gate("dependencies", Status.WARN, missing[0].code, said, cures).model_copy(
        update={
            "introduced": findings[:SHOWN_FINDINGS],
            "introduced_count": len(findings),
            "details": "\n".join(f"{need.what}: {need.cure}" for need in missing[:SHOWN_FINDINGS]),
        }
    )


def _can_run(action: ToolAction, options: RunOptions) -> bool:
    tool = TOOLS.get(action.tool)
    return tool is None or options.trusted or not tool.runs_code


def _risk_gate(options: RunOptions, classification: Classification) -> GateResult:
    message = f"risk {risk_text(classification, 3)}"
    if approval_for(options, classification).needed:
        return _gate("risk", Status.WARN, "risk_approval", message, "A person approves the plan before it is executed")
    return _gate("risk", Status.PASS, "risk_accepted", message)


def _gate(
    name: str,
    status: Status,
    code: str,
    message: str,
    recommendation: str = "",
    severity: Severity = Severity.MAJOR,
) -> GateResult:
    return GateResult(
        gate=name,
        stage=Stage.PRE,
        status=status,
        severity=severity,
        code=code,
        message=message,
        recommendation=recommendation,
    )


def risk_of_change(planned: Classification, real: Classification, commit: str) -> GateResult | None:
    """A warning where what was changed is riskier than what was planned."""
    if raised(planned.risk, real.risk) is planned.risk:
        return None
    new = [reason for reason in real.risk_reasons if reason not in planned.risk_reasons]
    grave = [reason for reason in real.risk_reasons if reason.startswith(f"{real.risk}:")]
    return GateResult(
        gate="risk",
        stage=Stage.POST,
        status=Status.WARN,
        code="risk_rose",
        commit=commit,
        message=f"the risk of the change is {real.risk}, and {planned.risk} was planned",
        details="\n".join(new or grave),
        recommendation="Look at the diff before it is merged: ostinato diff RUN",
    )
