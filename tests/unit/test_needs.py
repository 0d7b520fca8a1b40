"""What a plan needs and is missing, and how the gate before a run says it."""

from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.gates import GateResult, Status
from ostinato.domain.needs import Surroundings, needs_of, programs_of
from ostinato.domain.plan import Plan
from ostinato.domain.preflight import PreflightFacts, preflight_gates
from ostinato.domain.request import RunOptions
from tests.builders import a_plan, a_project, a_step


def running(*lines: str) -> Plan:
    steps = (a_step(f"s{n}", action={"kind": "command", "shell": line}) for n, line in enumerate(lines))
    return a_plan(*steps)


def codes(plan: Plan, here: Surroundings, *, is_python: bool = True) -> list[str]:
    return [need.code for need in needs_of(plan, here, is_python=is_python)]


def dependencies(plan: Plan, here: Surroundings) -> GateResult:
    found = Classification(task_type=TaskType.BUG_FIX, confidence=1.0, intent=Intent.FIX)
    facts = PreflightFacts(dirty_paths=(), dirty_count=0, free_bytes=1 << 40, here=here)
    gates = preflight_gates(RunOptions(trusted=True), found, plan, a_project(), facts)
    return next(gate for gate in gates if gate.gate == "dependencies")


def test_programs_are_those_that_lines_begin_with_but_not_the_shells_own() -> None:
    plan = running("make all", "CI=1 make test", "cd x && y", "{{ inputs.tool }} x", "./go", "if true; then x; fi", "")

    assert programs_of(plan) == {"make": "s0", "./go": "s4"}


def test_what_is_absent_is_named_by_the_first_step_that_runs_it() -> None:
    here = Surroundings(absent=frozenset({"frob", "./go"}))

    needs = needs_of(running("frob a", "./go", "frob b"), here, is_python=False)

    assert [(need.code, need.what) for need in needs] == [
        ("no_program", "frob, which s0 runs, is not installed here"),
        ("no_file", "./go, which s1 runs, is not in the repository"),
    ]


def test_what_the_projects_environment_brings_is_not_missing() -> None:
    files = {"requirements-dev.txt": "frob==1\n"}
    here = Surroundings(absent=frozenset({"frob", "pytest"}), files=files)

    assert codes(running("frob a", "pytest -q"), here) == []
    assert codes(running("frob a", "pytest -q"), here, is_python=False) == ["no_program", "no_program"]


def test_an_interpreter_an_agent_a_server_and_a_lock_file_are_named() -> None:
    agent = {"kind": "agent", "agent": "reviewer", "prompt": "Review it."}
    plan = a_plan(a_step("a", action=agent), a_step("b", action={**agent, "agent": "any"}))
    here = Surroundings(
        requires_python=">=3.99",
        pythons=("3.11.7",),
        agents=frozenset({"tester"}),
        servers=(("browser", "npx"),),
        files={"Cargo.lock": ""},
    )

    assert codes(plan, here) == ["python_missing", "agent_missing", "server_missing", "lock_stale"]


def test_the_gate_warns_names_everything_and_says_how_to_get_it() -> None:
    gate = dependencies(running("frob a", "./go"), Surroundings(absent=frozenset({"frob", "./go"})))

    assert (gate.status, gate.code) == (Status.WARN, "no_program")
    assert [finding.rule for finding in gate.introduced] == ["no_program", "no_file"]
    assert "Install frob, or make sure that PATH names its folder" in gate.recommendation


def test_the_gate_passes_where_nothing_is_missing() -> None:
    assert dependencies(running("make"), Surroundings()).code == "dependencies_present"
