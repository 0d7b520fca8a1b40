"""Gates that a definition or the configuration adds: a command that is content, or is not. Pure."""

from typing import Annotated

from pydantic import Field, StringConstraints

from ostinato.domain.base import Fact
from ostinato.domain.gates import GateResult, Observation, Severity, Status, judge

CUSTOM_TIMEOUT_S = 600.0
GateTitle = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
_BUILT_IN = frozenset(("tests", "lint", "types", "security", "performance", "hook", "git", "dependencies", "risk"))


class CustomGate(Fact):
    """One gate of `gates.post` that is no built-in one."""

    name: GateTitle
    run: str | tuple[str, ...]
    """A text is a shell line, a list an argv."""
    timeout_s: float = Field(default=CUSTOM_TIMEOUT_S, gt=0, le=86_400)
    severity: Severity = Severity.MAJOR
    """critical and major fail the run, minor warns, informational only tells."""

    @property
    def argv(self) -> tuple[str, ...]:
        return ("/bin/sh", "-c", self.run) if isinstance(self.run, str) else self.run

    @property
    def line(self) -> str:
        return self.run if isinstance(self.run, str) else " ".join(self.run)


def gate_problems(gates: tuple[CustomGate, ...]) -> list[str]:
    """What is wrong with them together, in words for whoever wrote them."""
    problems = [f"gate {gate.name}: the name belongs to a built-in gate" for gate in gates if gate.name in _BUILT_IN]
    names = [gate.name for gate in gates]
    problems += [f"gate {name}: stated more than once" for name in dict.fromkeys(names) if names.count(name) > 1]
    return problems + [f"gate {gate.name}: run is empty" for gate in gates if not gate.argv or not gate.line.strip()]


def judge_custom(gate: CustomGate, head: Observation, base: Observation | None) -> GateResult:
    """As the other post gates: what was so at the base is inherited. The severity says what a failure means."""
    verdict = judge(head, base)
    if verdict.status is not Status.FAIL:
        code = "gate_command_passed" if verdict.status is Status.PASS else verdict.code
        return verdict.model_copy(update={"severity": gate.severity, "code": code})
    status = {Severity.MINOR: Status.WARN, Severity.INFORMATIONAL: Status.PASS}.get(gate.severity, Status.FAIL)
    return verdict.model_copy(
        update={
            "status": status,
            "severity": gate.severity,
            "code": "gate_command_failed",
            "message": f"`{gate.line}` did not succeed, and did before the run"
            if base and base.ran
            else f"`{gate.line}` did not succeed",
            "recommendation": "See its output; the gate is stated in the definition or in .ostinato/config.toml",
        }
    )
