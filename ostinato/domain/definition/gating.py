"""Gates that a definition adds: what can be wrong with them, and what they become."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from ostinato.domain.custom_gates import CustomGate, gate_problems
from ostinato.domain.definition.checks import seconds
from ostinato.domain.definition.model import GateSpec, GatesSpec
from ostinato.domain.errors import Problem
from ostinato.domain.gates import Severity

_CURE = 'Write it like: [[gates.custom]] with name = "licence" and run = "make licence"'
MAX_GATE_S = 24 * 3600.0


def custom_gates(specs: Sequence[GateSpec]) -> tuple[CustomGate, ...]:
    return tuple(
        CustomGate(
            name=spec.name, run=spec.run, timeout_s=seconds(spec.timeout) or 0.0, severity=Severity(spec.severity)
        )
        for spec in specs
    )


def custom_gate_problems(gates: object) -> Iterator[Problem]:
    """Of those in the raw `gates` that are well formed by themselves."""
    found: list[GateSpec] = []
    for index, spec in _well_formed(gates):
        known = seconds(spec.timeout)
        if known is None or not 0 < known <= MAX_GATE_S:
            message = f"{spec.timeout!r} is no length of time up to a day"
            cure = 'Write seconds, or a length like "90s", "10m", "1h"'
            yield Problem(code="duration_invalid", field=f"gates.custom[{index}].timeout", message=message, cure=cure)
            continue
        found.append(spec)
    for said in gate_problems(custom_gates(found)):
        cure = "Give each gate a name of its own, and a command"
        yield Problem(code="gate_invalid", field="gates.custom", message=said, cure=cure)


def _well_formed(gates: object) -> Iterator[tuple[int, GateSpec]]:
    listed = gates.get("custom") if isinstance(gates, Mapping) else None
    for index, raw in enumerate(listed if isinstance(listed, list) else ()):
        try:
            yield index, GateSpec.model_validate(raw)
        except ValidationError:
            continue


def read_custom_gates(value: object) -> tuple[tuple[CustomGate, ...], tuple[tuple[str, str, str], ...]]:
    """Of a configuration file: the gates, and (field, message, cure) of whatever is wrong with them."""
    try:
        stated = GatesSpec.model_validate({"custom": value}).custom
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
        return (), tuple((_field(error["loc"]), error["msg"], _CURE) for error in errors)
    problems = tuple(custom_gate_problems({"custom": value}))
    said = tuple((problem.field.removeprefix("gates."), problem.message, problem.cure) for problem in problems)
    return (() if said else custom_gates(stated)), said


def _field(loc: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def with_stated(plan: Sequence[CustomGate], configured: Sequence[CustomGate]) -> tuple[CustomGate, ...]:
    """Those of the definition, and of the configuration those of other names."""
    names = {gate.name for gate in plan}
    return (*plan, *(gate for gate in configured if gate.name not in names))
