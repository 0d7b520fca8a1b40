"""The test gate: outcomes, coverage, and proof that the code under test is the checkout's."""

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.gatekeepers.python_reruns import forgive_flaky
from ostinato.adapters.gatekeepers.test_commands import observe_test_commands
from ostinato.adapters.tools.testing import TestRun, observe_tests
from ostinato.domain.gates import NOTHING_TO_CHECK, Observation
from ostinato.domain.plan import GateName
from ostinato.domain.project import ROOT, Basis, Command, ProjectFacts, Purpose

_NO_TESTS = 'Ask for some: ostinato run "write tests"'
_OURS = ("pytest", "unittest")


async def observe_test_run(context: GateContext) -> Observation:
    commands = test_commands(context.project)
    if commands:
        return await observe_test_commands(context, commands)
    if not context.project.is_python:
        return _nothing(context, "there are no Python files, and no test command was found")
    tools = context.for_tools()
    run = await observe_tests(tools)
    if run.counts and not run.metrics["collected"]:
        return _nothing(context, "no tests were found")
    run, flaky = await forgive_flaky(tools, run)
    if run.counts and not run.proof and not run.foreign and not run.findings and context.project.packages:
        # Nothing failed, yet nothing of the project was imported: green says nothing about it.
        proof = "no module of the project was imported by the tests"
    else:
        proof = run.proof
    return _seen(context, run, proof, flaky)


def test_commands(project: ProjectFacts) -> tuple[Command, ...]:
    """What the gate runs as a command; none where pytest or unittest runs Python's tests under our own witness.

    One stated by a person is the only one. Else the root's, when there is one, serves all packages; else each has its own.
    """
    choice = project.tests
    if choice is not None and choice.tool not in _OURS:
        return (Command(purpose=Purpose.TEST, basis=Basis.STATED, **choice.model_dump()),)
    if project.is_python:
        return ()
    if root := project.survey.command(Purpose.TEST, ROOT):
        return (root,)
    each = (project.survey.command(Purpose.TEST, member.path) for member in project.survey.members)
    return tuple(dict.fromkeys(command for command in each if command is not None))


def _seen(context: GateContext, run: TestRun, proof: str, flaky: tuple[str, ...]) -> Observation:
    return Observation(
        gate=GateName.TESTS,
        commit=context.commit,
        ran=True,
        command=run.command,
        findings=run.findings,
        metrics=run.metrics,
        proof=proof,
        foreign=run.foreign,
        flaky=flaky,
        evidence=run.evidence,
    )


def _nothing(context: GateContext, message: str) -> Observation:
    return Observation(
        gate=GateName.TESTS,
        commit=context.commit,
        ran=False,
        code=NOTHING_TO_CHECK,
        message=message,
        cure=_NO_TESTS,
    )
