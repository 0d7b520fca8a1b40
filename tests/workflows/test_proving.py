"""The gates after the last step: their order, what stops them, and what goes back to work."""

import asyncio
from collections.abc import Callable

from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.contracts import gates
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.execution import StepResult
from ostinato.domain.gates import Finding, GateResult, Level, Observation, Severity, Status
from ostinato.domain.permissions import Policy, change_gate
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import CommandAction, GateName
from ostinato.domain.report import Snapshot, is_proven
from ostinato.domain.request import Interaction, RunOptions
from tests.fakes.world import World, succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, answer, overriding, until, until_decision

LICENCE = CustomGate(name="licence", run="make licence")
FOUND = Finding(tool="ruff", rule="F401", path="a.py", line=1, message="unused import")
BROKEN = Finding(tool="pytest", rule="failed", path="test_a.py", message="test_a", level=Level.ERROR)


def seeing(**findings: list[Finding | None]) -> Callable[[World], None]:
    """By gate: what is found at the head, round by round; None: nothing. The last round stays."""

    def prepare(world: World) -> None:
        usual = world.usual("gates.observe")

        async def observe(command: gates.ObserveGate) -> Observation:
            seen: Observation = await usual(command)
            rounds = findings.get(seen.gate)
            if rounds is None or command.checkout.commit == command.workspace.base_commit:
                return seen
            found = rounds.pop(0) if len(rounds) > 1 else rounds[0]
            return seen.model_copy(update={"findings": (found,) if found else (), "findings_count": 1 if found else 0})

        world.overrides["gates.observe"] = observe

    return prepare


def gates_of(snapshot: Snapshot) -> dict[str, GateResult]:
    return {gate.gate: gate for gate in snapshot.gates if gate.stage == "post"}


def observed_at_head(world: World) -> list[str]:
    return [
        command.custom.name if command.custom else str(command.gate)
        for name, command in world.calls
        if name == "gates.observe" and command.checkout.commit != command.workspace.base_commit
    ]


async def test_own_gates_come_after_the_others_and_the_benchmark_alone_at_the_end(server: Client) -> None:
    plan = a_plan(tool_step("one"), post_gates=tuple(GateName), custom_gates=(LICENCE,))

    async with running(server, plan) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert list(gates_of(snapshot))[-3:] == ["licence", "performance", "integrity"]
    last = max(index for index, name in enumerate(world.names()) if name in ("gates.observe", "gates.judge"))
    assert world.names().index("gates.performance") > last


async def test_a_critical_failure_stops_the_other_gates(server: Client) -> None:
    plan = a_plan(tool_step("one"), post_gates=tuple(GateName), custom_gates=(LICENCE,))

    def slow_types(world: World) -> None:
        seeing(tests=[BROKEN])(world)
        broken = world.overrides["gates.observe"]

        async def observe(command: gates.ObserveGate) -> Observation:
            if command.gate is GateName.TYPES and command.checkout.commit != command.workspace.base_commit:
                await asyncio.sleep(3600)
            seen: Observation = await broken(command)
            return seen

        world.overrides["gates.observe"] = observe

    async with running(server, plan, prepare=slow_types) as (handle, world, _):
        snapshot = await handle.result()

    found = gates_of(snapshot)
    assert snapshot.outcome is Outcome.FAILED
    assert found["tests"].status is Status.FAIL
    assert {name for name, gate in found.items() if gate.code == "gate_stopped"} >= {"types", "licence", "performance"}
    assert "licence" not in observed_at_head(world)
    assert "tests" in found["licence"].message


async def test_what_a_tool_can_fix_is_fixed_and_judged_again(server: Client) -> None:
    async with running(server, a_plan(tool_step("one")), prepare=seeing(lint=[FOUND, None])) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert world.executed() == ["one", "fix-1"]
    assert observed_at_head(world).count("lint") == 2
    assert [(it.step, it.strategy, it.code) for it in snapshot.recoveries] == [
        ("fix-1", "iterative_refinement", "lint_introduced")
    ]
    assert [move.target for move in snapshot.transitions][-5:] == [
        Phase.RECOVERING, Phase.EXECUTING, Phase.VALIDATING, Phase.COMPLETING, Phase.ENDED,
    ]  # fmt: skip


async def test_what_no_tool_can_fix_fails_a_run_that_asks_nobody(server: Client) -> None:
    async with running(server, a_plan(tool_step("one")), prepare=seeing(tests=[BROKEN])) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert world.executed() == ["one"]
    assert "run ended failed" in is_proven(snapshot)


async def test_a_mind_is_asked_to_fix_it_at_most_three_times(server: Client) -> None:
    options = RunOptions(interaction=Interaction.CHECKPOINT, approve_in_advance=True)
    prompts = []

    async with running(server, a_plan(tool_step("one")), options=options, prepare=seeing(tests=[BROKEN])) as (handle, _, _):  # fmt: skip
        for number in (1, 2, 3):
            asked = await until_decision(handle, f"handoff-fix-{number}")
            prompts.append(asked.context)
            await answer(handle, asked, asked.options[0].name)
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert all("test_a" in prompt for prompt in prompts)
    assert len([change for change in snapshot.changes if change.by == "gates"]) == 3


async def test_a_gate_by_the_base_s_configuration_is_told(server: Client) -> None:
    def restoring(world: World) -> None:
        usual = world.usual("gates.prepare")

        async def prepare(command: gates.PrepareGates) -> object:
            checkout = await usual(command)
            if command.standard is None:
                return checkout
            update = {"commit": "c" * 40, "stands_for": command.commit, "restored": ("pyproject.toml",)}
            return checkout.model_copy(update=update)

        world.overrides["gates.prepare"] = prepare

    async with running(server, a_plan(tool_step("one")), prepare=restoring) as (handle, _, _):
        snapshot = await handle.result()

    assert any("base's configuration in pyproject.toml" in note for note in snapshot.notes)


async def test_what_was_written_outside_the_policy_fails_the_run(server: Client) -> None:
    options = RunOptions(policy=Policy(deny_write=("deploy/**",)))

    async def judged(command: gates.JudgeIntegrity) -> gates.JudgedChange:
        kept = change_gate(command.policy, ["deploy/prod.yaml"], commit=command.head)
        integrity = kept.model_copy(update={"gate": "integrity", "status": Status.PASS, "severity": Severity.MAJOR})
        return gates.JudgedChange(integrity=integrity, permissions=kept)

    async with running(
        server, a_plan(tool_step("one", critical=True)), options=options, prepare=overriding(gates_integrity=judged)
    ) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert gates_of(snapshot)["permissions"].code == "write_denied"


async def test_gates_begin_while_the_base_is_still_looked_at(server: Client) -> None:
    gate = asyncio.Event()

    def slow_base(world: World) -> None:
        usual = world.usual("gates.observe")

        async def observe(command: gates.ObserveGate) -> Observation:
            if command.checkout.commit == command.workspace.base_commit:
                await gate.wait()
            seen: Observation = await usual(command)
            return seen

        world.overrides["gates.observe"] = observe

    async with running(server, a_plan(tool_step("one")), prepare=slow_base) as (handle, world, _):
        await until(lambda: len(observed_at_head(world)) == 4)
        gate.set()
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_command_that_turns_out_forbidden_never_starts(server: Client) -> None:
    options = RunOptions(policy=Policy(deny_commands=("curl",)))
    late = CommandAction(shell="{{ steps.one.line }} http://example.org")
    plan = a_plan(tool_step("one"), tool_step("two", "one").model_copy(update={"action": late}))

    async def says_curl(command: contracts.ExecuteStep) -> StepResult:
        return succeeded(command).model_copy(update={"output": {"line": "curl"}})

    async with running(server, plan, options=options, prepare=overriding(step_execute=says_curl)) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert world.executed() == ["one"]
    assert snapshot.stop is not None
    assert "`curl` is denied" in snapshot.stop.message
