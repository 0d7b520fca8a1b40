"""From the triggers of a definition to schedules that start its runs."""

import asyncio
import copy
import hashlib
import json
import re
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from ostinato.adapters.temporal.schedules import Trigger
from ostinato.cli.asking import ask_for
from ostinato.cli.call import Call
from ostinato.cli.connecting import here
from ostinato.cli.defining import Problems, Source, read_parameters, read_source
from ostinato.cli.trust import settle_trust
from ostinato.contracts.workflows import MAX_ATTRIBUTE_CHARS, PHASE, REPOSITORY, RUN_WORKFLOW, TASK_QUEUE
from ostinato.domain.definition import TriggerSpec, seconds
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.ids import RunId, workflow_id
from ostinato.domain.pipeline import Phase
from ostinato.domain.request import RunRequest, headline

MAX_BASE = 38
"""A run's id has at most 63 characters, and the number and the time of the start come behind."""
NOT_ASKED: Mapping[str, Any] = {
    "request": None, "context": [], "type": None, "risk": None, "because": None, "mode": None, "deadline": None, "include_dirty": False,
}  # fmt: skip
"""What a run can be given and a trigger cannot."""


def base_id(call: Call) -> str:
    """What the ids of a definition's triggers begin with: the same for the same definition and repository."""
    arguments = call.arguments
    if arguments.id is not None:
        if not re.fullmatch(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_BASE - 1}}}", arguments.id):
            cure = f"Use 1 to {MAX_BASE} lower-case letters, digits, '-' or '_', starting with a letter or digit"
            raise UserError.of("trigger_id", "--id", f"{arguments.id!r} is not the id of a trigger", cure)
        return str(arguments.id)
    definition = _source(arguments).loaded.definition
    name = definition.id if definition else "trigger"
    place = hashlib.sha256(str(here(arguments.repo).resolve()).encode()).hexdigest()[:6]
    return f"{name[: MAX_BASE - 7].rstrip('-_')}-{place}"


def triggers_of(call: Call) -> tuple[Trigger, ...]:
    """Each with the input of its runs, checked as a run is checked; UserError with every problem of all of them."""
    source, base = _source(call.arguments), base_id(call)
    if source.loaded.problems or source.loaded.definition is None:
        raise UserError(source.loaded.problems)
    specs = source.loaded.definition.triggers
    if not specs:
        cure = 'Write triggers: [{schedule: "0 3 * * *"}] into it; see docs/howto/schedules.md'
        raise UserError.of("trigger_missing", "triggers", "the definition has no triggers", cure)
    asked = list(_requests(call, base, specs))
    trusted = settle_trust(call, Path(asked[0].repository))
    return tuple(
        _trigger(f"{base}-{number}", spec, _trusted(request, trusted), source)
        for number, (spec, request) in enumerate(zip(specs, asked, strict=True), start=1)
    )


def _source(arguments: Namespace) -> Source:
    if arguments.definition is None and arguments.template is None:
        said = "nothing says what is to be run"
        raise UserError.of("usage", "FILE", said, "Write: ostinato trigger apply FILE, or --template NAME")
    return read_source(arguments.definition, arguments.template, here(arguments.repo))


def _requests(call: Call, base: str, specs: tuple[TriggerSpec, ...]) -> Iterator[RunRequest]:
    problems: list[Problem] = []
    for number, spec in enumerate(specs, start=1):
        arguments = copy.copy(call.arguments)
        arguments.id = f"{base}-{number}"
        arguments.param = list(_parameters(spec, call.arguments.param))
        try:
            yield asyncio.run(ask_for(replace(call, arguments=arguments))).request
        except UserError as error:
            problems += (problem for problem in error.problems if problem not in problems)
    if problems:
        raise UserError(problems)


def _parameters(spec: TriggerSpec, given: list[str]) -> Iterator[str]:
    """Those of the trigger, but for those that are given by name."""
    problems = Problems()
    named = read_parameters(given, problems)
    problems.settle()
    for name, value in spec.inputs.items():
        if name not in named:
            yield f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
    yield from given


def _trusted(request: RunRequest, trusted: bool) -> RunRequest:
    return request.model_copy(update={"options": request.options.model_copy(update={"trusted": trusted})})


def _trigger(trigger_id: str, spec: TriggerSpec, request: RunRequest, source: Source) -> Trigger:
    content = json.dumps([spec.model_dump(mode="json"), request.model_dump(mode="json")], sort_keys=True)
    return Trigger(
        id=trigger_id,
        schedule=spec.schedule,
        timezone=spec.timezone,
        overlap=spec.overlap,
        jitter_s=seconds(spec.jitter) or 0.0,
        catchup_s=seconds(spec.catchup) or 0.0,
        paused=spec.paused,
        source=source.source,
        digest=hashlib.sha256(content.encode()).hexdigest()[:16],
        workflow=RUN_WORKFLOW,
        workflow_id=workflow_id(RunId(trigger_id)),
        task_queue=TASK_QUEUE,
        argument=request,
        summary=headline(request.text),
        details=f"{request.text[:4_000]}\n\n- repository: `{request.repository}`\n- trigger: `{trigger_id}`",
        attributes=TypedSearchAttributes(
            [
                SearchAttributePair(REPOSITORY, request.repository[:MAX_ATTRIBUTE_CHARS]),
                SearchAttributePair(PHASE, Phase.ANALYZING.value),
            ]
        ),
    )
