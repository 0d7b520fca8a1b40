"""The test gate: outcomes, coverage, and proof that the code under test is the checkout's."""

from ostinato.adapters.gatekeepers.context import GateContext
from ostinato.adapters.tools.testing import TestRun, observe_tests
from ostinato.domain.gates import NOTHING_TO_CHECK, Observation
from ostinato.domain.plan import GateName

_NO_TESTS = 'Ask for some: ostinato run "write tests"'


async def observe_test_run(context: GateContext) -> Observation:
    choice = context.project.tests
    by_command = choice is not None and choice.tool not in ("pytest", "unittest")
    if not context.project.is_python and not by_command:
        return _nothing(context, "there are no Python files")
    run = await observe_tests(context.for_tools())
    if run.counts and not run.metrics["collected"]:
        return _nothing(context, "no tests were found")
    if run.counts and not run.proof and not run.foreign and not run.findings and context.project.packages:
        # Nothing failed, yet nothing of the project was imported: green says nothing about it.
        proof = "no module of the project was imported by the tests"
    else:
        proof = run.proof
    return _seen(context, run, proof)


def _seen(context: GateContext, run: TestRun, proof: str) -> Observation:
    return Observation(
        gate=GateName.TESTS,
        commit=context.commit,
        ran=True,
        command=run.command,
        findings=run.findings,
        metrics=run.metrics,
        proof=proof,
        foreign=run.foreign,
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
