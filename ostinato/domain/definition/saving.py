"""A definition as data again: kept with the plan that was made of it, and saved as a template."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ostinato.domain.definition.model import Definition
from ostinato.domain.definition.structure import numbered_steps, workflow_steps
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.inputs import mapped
from ostinato.domain.plan import Plan

MAX_KEPT_BYTES = 30_000
"""What travels with every plan; a larger definition is not kept, only its hash."""
MIN_VALUE_CHARS = 2
"""Shorter texts stand everywhere by chance."""
_TEXTS_OF_STEPS = ("name", "active", "run", "ask", "prompt", "with", "inputs", "reads", "writes", "holds")


def authored(definition: Definition) -> dict[str, Any]:
    """The definition as it would be written; empty where it is large, or made of several files."""
    if any(True for _ in workflow_steps(numbered_steps(definition))):
        return {}
    data = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"schema_", "triggers"})
    return data if len(json.dumps(data, ensure_ascii=False)) <= MAX_KEPT_BYTES else {}


def hash_of(definition: Definition) -> str:
    """Of one that is no file: over its data."""
    data = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def as_template(plan: Plan, name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The definition of a run, with what it was given as defaults and each of `values` as an input of its own.

    Where a value of `values` stands in a text of a step, the new input stands there instead.
    """
    if not plan.authored:
        said = f"the definition of this run ({plan.source or plan.id}) is larger than 30 kB or made of several files"
        raise UserError.of("template_unsaved", "RUN", said, "Copy its files to .ostinato/templates")
    data = {**plan.authored, "id": name, "inputs": _inputs(plan, values)}
    absent = [each for each, value in values.items() if each not in plan.inputs and not _stands(value, data["steps"])]
    if absent:
        raise UserError([_absent(each, values[each]) for each in absent])
    data["steps"] = [_opened(step, values, plan.inputs) for step in data["steps"]]
    data["gates"] = {"post": [str(gate) for gate in plan.post_gates], **_custom(plan)}
    return data


def _custom(plan: Plan) -> dict[str, Any]:
    stated = [gate.model_dump(mode="json", exclude_defaults=True) for gate in plan.custom_gates]
    for gate in stated:
        if "timeout_s" in gate:
            gate["timeout"] = gate.pop("timeout_s")
    return {"custom": stated} if stated else {}


def added_names(plan: Plan) -> tuple[str, ...]:
    """Steps of a run that its definition does not have: they were added while it ran."""
    known = set(_ids(plan.authored.get("steps", ())))
    return tuple(step.id for step in plan.steps if not step.group and step.id not in known)


def _ids(steps: Any) -> list[str]:
    found: list[str] = []
    for step in steps:
        found += [step["id"], *_ids(step.get("then", ())), *_ids(step.get("else", ()))]
    return found


def _inputs(plan: Plan, values: Mapping[str, str]) -> dict[str, Any]:
    """Those it had, and the new ones; what it was given is what holds where nothing is given."""
    declared = plan.authored.get("inputs", {})
    kept = {name: {**spec, "default": plan.inputs.get(name, spec.get("default"))} for name, spec in declared.items()}
    return kept | {
        name: {**declared.get(name, {"type": "string"}), "default": _typed(value, declared.get(name, {}))}
        for name, value in values.items()
    }


def _typed(value: str, spec: Mapping[str, Any]) -> object:
    from ostinato.domain.definition.model import InputSpec
    from ostinato.domain.definition.values import typed

    found = typed(InputSpec.model_validate(spec), value) if spec else value
    return value if found is None else found


def _opened(step: Mapping[str, Any], values: Mapping[str, str], had: Mapping[str, Any]) -> dict[str, Any]:
    """The step with references where the values stood. Inputs that it had are references already."""
    fresh = {name: value for name, value in values.items() if name not in had}

    def text(given: str) -> str:
        for name, value in sorted(fresh.items(), key=lambda item: -len(item[1])):
            given = _replaced(given, value, f"{{{{ inputs.{name} }}}}")
        return given

    opened = {key: mapped(inner, text) if key in _TEXTS_OF_STEPS else inner for key, inner in step.items()}
    for branch in ("then", "else"):
        if branch in opened:
            opened[branch] = [_opened(inner, values, had) for inner in opened[branch]]
    if loop := opened.get("for_each"):
        inner = {**loop, "steps": [_opened(each, values, had) for each in loop.get("steps", ())]}
        opened["for_each"] = {key: value for key, value in inner.items() if key != "steps" or value}
    return opened


def _replaced(text: str, value: str, reference: str) -> str:
    """Outside of references that are there already."""
    parts = text.split("{{")
    done = [parts[0].replace(value, reference)]
    for part in parts[1:]:
        inside, closed, outside = part.partition("}}")
        done.append("{{" + inside + closed + outside.replace(value, reference))
    return "".join(done)


def _stands(value: str, steps: Any) -> bool:
    return len(value) >= MIN_VALUE_CHARS and json.dumps(value, ensure_ascii=False)[1:-1] in json.dumps(
        steps, ensure_ascii=False
    )


def _absent(name: str, value: str) -> Problem:
    return Problem(
        code="template_param",
        field=f"--param {name}",
        message=f"{value!r} stands in no text of the run's steps, and the run had no input {name!r}",
        cure="Give a value of at least 2 characters as it stands in a step",
    )
