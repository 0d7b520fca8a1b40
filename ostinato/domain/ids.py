"""Identifiers, and the names of refs, branches and workflows that are made from them."""

import re
from typing import NewType

from ostinato.domain.errors import UserError

RunId = NewType("RunId", str)
StepId = NewType("StepId", str)
DecisionId = NewType("DecisionId", str)

ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Safe as a git ref component, a folder name, a workflow id and a shell word."""

_FIRED_WORKFLOW = re.compile(r"-(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$")
_FIRED_RUN = re.compile(r"-(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z$")
"""Schedules append the time of the start to the ids of their workflows."""
_SLUG_DROP = re.compile(r"[^a-z0-9]+")


def parse_run_id(text: str) -> RunId:
    if not re.match(ID_PATTERN, text):
        raise UserError.of(
            "run_id_invalid",
            "--id",
            f"{text!r} is not a run id",
            "Use 1 to 63 lower-case letters, digits, '-' or '_', starting with a letter or digit",
        )
    return RunId(text)


def new_run_id(request: str, suffix: str) -> RunId:
    """A readable id: a few words of the request and a suffix that makes it unique (8 hex digits or so)."""
    slug = _SLUG_DROP.sub("-", request.lower()).strip("-")[:28].strip("-")
    return RunId(f"{slug}-{suffix}" if slug else f"run-{suffix}")


def workflow_id(run_id: RunId) -> str:
    """Of a run that a schedule started it ends in the time, as the server writes it."""
    return "ostinato-" + _FIRED_RUN.sub(r"-\1-\2-\3T\4:\5:\6Z", run_id)


def run_id_of(name: str) -> RunId:
    """The run of a workflow id; the other way round than `workflow_id`."""
    return RunId(_FIRED_WORKFLOW.sub(r"-\1\2\3t\4\5\6z", name.removeprefix("ostinato-")))


def fired_run_id(stated: RunId, name: str) -> RunId:
    """The run's own id: that of its request, with the time where a schedule started its workflow."""
    fired = _FIRED_WORKFLOW.sub("", name) == workflow_id(stated) != name
    return run_id_of(name) if fired else stated


def merge_workflow_id(run_id: RunId) -> str:
    return f"ostinato-merge-{run_id}"


def run_branch(run_id: RunId) -> str:
    """The branch the user receives (without refs/heads/)."""
    return f"ostinato/{run_id}"


def run_ref(run_id: RunId, *parts: str) -> str:
    """A ref of the run's own: refs/ostinato/<run>/<parts…>."""
    return "/".join(("refs/ostinato", run_id, *parts))


def step_ref(run_id: RunId, step_id: StepId, execution: int) -> str:
    """The idempotency key of a step's result, as a ref."""
    return run_ref(run_id, "steps", step_id, str(execution))
