"""What a run leaves for others: outputs, shared values, answers and notes; exported, imported and merged. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NoReturn

from pydantic import ValidationError

from ostinato.domain.base import Fact
from ostinato.domain.decisions import Decision
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.plan import Plan
from ostinato.domain.redaction import Redactor
from ostinato.domain.report import Snapshot
from ostinato.domain.run_context import CONTEXT_VERSION, ContextItem, RunContext
from ostinato.domain.variables import shared_values

LARGEST_CONTEXT_CHARS = 512 * 1024

Prefer = Literal["newer", "first", "second"]


class ContextConflict(Fact):
    """Two contexts say different things under one name."""

    name: str
    taken: ContextItem
    left: ContextItem

    def __str__(self) -> str:
        return f"{self.name}: took {self.taken.source}, left {self.left.source}"


def context_of(snapshot: Snapshot, redactor: Redactor | None = None) -> RunContext:
    """What this run leaves, finished or not. Every text is redacted."""
    items = (
        *(_of_step(result, str(snapshot.run_id)) for result in latest_results(snapshot.results)),
        *_of_values(snapshot),
        *(_of_decision(decision, str(snapshot.run_id)) for decision in snapshot.decisions if decision.answer),
        *_of_notes(snapshot),
    )
    clean = redactor or Redactor()
    facts = tuple(item.model_copy(update={"value": redacted(item.value, clean)}) for item in items)
    return RunContext(from_run=snapshot.run_id, facts=facts)


def given_values(plan: Plan, results: Sequence[StepResult]) -> dict[str, Any]:
    """Those of the shared values that some step gave."""
    latest = {result.step_id: result for result in latest_results(results)}
    given = {name for result in latest.values() for name in result.output}
    return {name: value for name, value in shared_values(plan, latest).items() if name in given}


def latest_results(results: Iterable[StepResult]) -> tuple[StepResult, ...]:
    """The last successful one of each step, in the order in which steps first succeeded."""
    last = {result.step_id: result for result in results if result.outcome is StepOutcome.SUCCEEDED}
    return tuple(last.values())


def merge_contexts(
    first: RunContext, second: RunContext, prefer: Prefer = "newer"
) -> tuple[RunContext, tuple[ContextConflict, ...]]:
    """One context of both, and what they disagree on; of equal age the first is taken."""
    known = {item.name: item for item in first.facts}
    conflicts: list[ContextConflict] = []
    for item in second.facts:
        other = known.get(item.name)
        taken = item if other is None or _takes_second(other, item, prefer) else other
        if other is not None and _canonical(other.value) != _canonical(item.value):
            conflicts.append(ContextConflict(name=item.name, taken=taken, left=other if taken is item else item))
        known[item.name] = taken
    runs = dict.fromkeys((*first.from_run.split(", "), *second.from_run.split(", ")))
    return RunContext(from_run=", ".join(runs), facts=tuple(known.values())), tuple(conflicts)


def parse_context(text: str) -> RunContext:
    """A context file; raises UserError with every problem of it."""
    if len(text) > LARGEST_CONTEXT_CHARS:
        cure = "Leave items out of it; what is big belongs into the repository"
        raise UserError.of(
            "context_too_large", "context", f"it has more than {LARGEST_CONTEXT_CHARS:,} characters", cure
        )
    value = _json_of(text)
    if problems := tuple(_version_problems(value)):
        raise UserError(problems)
    try:
        context = RunContext.model_validate(value)
    except ValidationError as error:
        raise UserError(tuple(_model_problems(error))) from error
    if twice := tuple(_duplicates(context)):
        raise UserError(twice)
    return context


def as_text(context: RunContext) -> str:
    """The content of a context file."""
    return json.dumps(context.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"


def redacted(value: Any, redactor: Redactor) -> Any:
    """JSON with the secrets in its texts and names replaced."""
    match value:
        case str():
            return redactor.text(value)
        case list() | tuple():
            return [redacted(inner, redactor) for inner in value]
        case dict():
            return {redactor.text(str(name)): redacted(inner, redactor) for name, inner in value.items()}
        case _:
            return value


def step_value(result: StepResult) -> dict[str, Any]:
    """What a step left, as others see it."""
    about = {"summary": result.summary, "commit": result.commit}
    return {**{name: text for name, text in about.items() if text}, **result.output}


def decision_value(decision: Decision) -> dict[str, Any]:
    assert decision.answer is not None
    answer = decision.answer
    said = {"question": decision.question, "answer": answer.option, "by": answer.by}
    return {**said, **({"note": answer.note} if answer.note else {})}


def _of_step(result: StepResult, run: str) -> ContextItem:
    return ContextItem(
        name=f"steps.{result.step_id}",
        value=step_value(result),
        source=f"run {run}, step {result.step_id}",
        at=result.ended_at,
    )


def _of_values(snapshot: Snapshot) -> Iterator[ContextItem]:
    if snapshot.plan is None:
        return
    latest = _latest_end(snapshot)
    for name, value in given_values(snapshot.plan, snapshot.results).items():
        yield ContextItem(name=f"values.{name}", value=value, source=f"run {snapshot.run_id}, value {name}", at=latest)


def _of_decision(decision: Decision, run: str) -> ContextItem:
    return ContextItem(
        name=f"decisions.{decision.id}",
        value=decision_value(decision),
        source=f"run {run}, decision {decision.id}",
        at=decision.answered_at,
    )


def _of_notes(snapshot: Snapshot) -> Iterator[ContextItem]:
    if snapshot.notes:
        source = f"run {snapshot.run_id}, notes"
        yield ContextItem(name="notes", value=list(snapshot.notes), source=source, at=_latest_end(snapshot))


def _latest_end(snapshot: Snapshot) -> datetime:
    ends = [result.ended_at for result in snapshot.results if result.ended_at]
    return snapshot.ended_at or max(ends, default=snapshot.started_at)


def _takes_second(first: ContextItem, second: ContextItem, prefer: Prefer) -> bool:
    if prefer != "newer":
        return prefer == "second"
    return second.at is not None and (first.at is None or second.at > first.at)


def _canonical(value: Any) -> str:
    """True is not 1, and the order of names does not matter."""
    return json.dumps(value, sort_keys=True, default=str)


def _json_of(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _no_json("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise UserError(
            (
                Problem(
                    code="context_no_json",
                    field="context",
                    message=error.msg,
                    cure="Write it with `ostinato context RUN --export FILE`",
                    line=error.lineno,
                    column=error.colno,
                ),
            )
        ) from error
    except ValueError as error:
        raise _no_json(str(error)) from error
    return value


def _no_json(message: str) -> UserError:
    cure = "Write it with `ostinato context RUN --export FILE`"
    return UserError.of("context_no_json", "context", message, cure)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _version_problems(value: Any) -> Iterator[Problem]:
    version = value.get("version") if isinstance(value, Mapping) else None
    if version != CONTEXT_VERSION or isinstance(version, bool):
        yield Problem(
            code="context_version",
            field="version",
            message=f"this is no context of version {CONTEXT_VERSION}",
            cure="Write it with `ostinato context RUN --export FILE`, with this version of Ostinato",
        )


def _model_problems(error: ValidationError) -> Iterator[Problem]:
    for found in error.errors():
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"]).lstrip(".")
        cure = "Give each fact a name, a value and a source, as `ostinato context RUN --export FILE` does"
        yield Problem(code="context_invalid", field=place or "context", message=found["msg"], cure=cure)


def _duplicates(context: RunContext) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, item in enumerate(context.facts):
        if item.name in seen:
            cure = "Keep one of them"
            message = f"the name {item.name!r} is used twice"
            yield Problem(code="context_duplicate", field=f"facts[{index}].name", message=message, cure=cure)
        seen.add(item.name)
