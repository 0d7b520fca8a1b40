"""From arguments to a RunRequest: everything wrong with them is told at once."""

import re
import secrets
import sys
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ostinato.adapters.git.repository import RepositoryState, inspect_repository
from ostinato.cli.agency import agents_of
from ostinato.cli.call import Call
from ostinato.cli.connecting import here
from ostinato.cli.correcting import note_statement
from ostinato.cli.defining import Defined, Problems, define
from ostinato.cli.follow import current_user
from ostinato.cli.limiting import limits_of, spending_of
from ostinato.cli.options import as_utf8
from ostinato.cli.printable import printable
from ostinato.cli.redacting import fit_to_send, redacted
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.classification import Risk, TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.ids import RunId, new_run_id, parse_run_id
from ostinato.domain.permissions import Policy, stricter
from ostinato.domain.plan import GateName, Plan
from ostinato.domain.request import Interaction, RunOptions, RunRequest, clean_request
from ostinato.domain.run_context import RunContext
from ostinato.reading import MAX_PARALLEL
from ostinato.settings import (
    DEFAULT_PARALLEL,
    TAKEOVER_AFTER_S,
    RepositorySettings,
    load_repository_settings,
)

_SPAN = re.compile(r"(\d+)\s*([smhd])")
MAX_READ_BYTES = 2_000_000
"""Of standard input: far more than a request may have, so that its refusal tells the real size."""
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    request: RunRequest
    repository: RepositoryState
    described: tuple[DescribedAgent, ...] = ()
    """Coding agents that the repository brings along."""


async def ask_for(call: Call) -> Asked:
    """The checked request, not yet trusted; raises UserError with every problem of text, options and repository."""
    arguments, problems = call.arguments, Problems()
    defined = define(arguments, problems)
    text, plan = _text(arguments, defined, problems), defined.plan
    run_id = _run_id(arguments, text, problems)
    deadline = _deadline(arguments.deadline, datetime.now(UTC), problems)
    context = _context(call, problems)
    _check_parallel(arguments.max_parallel, problems)
    spending = spending_of(arguments, problems)
    _check_risk(arguments.risk, arguments.because, problems)
    repository, configured = None, RepositorySettings(commands={})
    try:
        repository = await inspect_repository(here(arguments.repo), arguments.base)
        configured = load_repository_settings(repository.root)
    except UserError as error:
        problems.collect(error)
    await _check_mode(arguments.mode, repository, problems)
    agents = agents_of(call, configured, problems)
    problems.settle()
    assert repository is not None
    options = _options(call, configured, plan, deadline, context, repository.root)
    options = options.model_copy(update={"agents": agents})
    options = options.model_copy(update=limits_of(spending, call.settings.budget, configured.budget))
    request = RunRequest(
        run_id=run_id, text=text, repository=str(repository.root), requested_by=current_user(), options=options
    )
    request = fit_to_send(request)
    note_statement(call, text)
    return Asked(request=request, repository=repository, described=configured.agents)


def _options(
    call: Call,
    configured: RepositorySettings,
    plan: Plan | None,
    deadline: datetime | None,
    context: RunContext | None,
    root: Path,
) -> RunOptions:
    arguments, settings = call.arguments, call.settings
    interaction = arguments.interaction or settings.interaction or configured.interaction
    parallel = arguments.max_parallel or settings.max_parallel or configured.max_parallel
    return RunOptions(
        interaction=Interaction(interaction) if interaction else Interaction.MINIMAL,
        max_parallel=parallel or (plan.max_parallel if plan else DEFAULT_PARALLEL),
        deadline=deadline,
        base=arguments.base,
        include_dirty=arguments.include_dirty,
        approve_in_advance=arguments.yes,
        task_type=TaskType(arguments.type) if arguments.type else None,
        risk=Risk(arguments.risk) if arguments.risk else None,
        risk_because=redacted(arguments.because or "").strip(),
        mode=arguments.mode,
        plan=plan,
        checkpoint_remote=_remote(settings.checkpoint_remote or configured.checkpoint_remote, root),
        takeover_after_s=settings.takeover_after_s or configured.takeover_after_s or TAKEOVER_AFTER_S,
        context=context,
        post_gates=tuple(map(GateName, configured.post_gates)) if configured.post_gates is not None else None,
        custom_gates=configured.custom_gates,
        policy=stricter(settings.policy or Policy(), configured.policy or Policy()),
    )


def _remote(text: str, root: Path) -> str:
    """A folder in full, seen from the repository; whatever else it is stays as it is."""
    if not text:
        return ""
    place = root / here(text)
    return str(place) if place.exists() else text


def _text(arguments: Namespace, defined: Defined, problems: Problems) -> str:
    given = arguments.request
    if given == "-":
        given = sys.stdin.buffer.read(MAX_READ_BYTES).decode("utf-8", "replace")
    if given is None and defined.given:
        given = defined.text
    try:
        return clean_request(redacted(as_utf8(given or "")))
    except UserError as error:
        problems.collect(error)
        return ""


def _run_id(arguments: Namespace, text: str, problems: Problems) -> RunId:
    if arguments.id is None:
        return new_run_id(text, secrets.token_hex(4))
    try:
        return parse_run_id(arguments.id)
    except UserError as error:
        problems.collect(error)
        return RunId("")


def _deadline(text: str | None, now: datetime, problems: Problems) -> datetime | None:
    if text is None:
        return None
    when = parse_when(text, now)
    if when is None:
        problems.add(
            "deadline_invalid", "--deadline", f"{text!r} is no time", "Write 90s, 30m, 2h, 1d or 2030-01-31T18:00Z"
        )
    elif when <= now:
        problems.add("deadline_past", "--deadline", f"{text!r} is in the past", "Name a time to come")
    return when


def parse_span(text: str) -> int | None:
    """Seconds of 90s, 10m, 2h or 1d; None when it is no such text."""
    match = _SPAN.fullmatch(text.strip().lower())
    return int(match[1]) * _UNIT_S[match[2]] if match else None


def parse_when(text: str, now: datetime) -> datetime | None:
    """A span from now, or a point in time (without a zone: local time); None when it is neither."""
    if (seconds := parse_span(text)) is not None:
        return now + timedelta(seconds=seconds) if seconds < 366 * 86_400 else None
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _check_parallel(value: int | None, problems: Problems) -> None:
    if value is not None and not 1 <= value <= MAX_PARALLEL:
        problems.add("parallel_invalid", "--max-parallel", f"{value} is not allowed", f"Use 1 to {MAX_PARALLEL}")


def _check_risk(risk: str | None, because: str | None, problems: Problems) -> None:
    """Low can only be a lowering, and that needs a reason; above it, a risk without a reason is the least."""
    if risk is None and because is not None:
        problems.add("risk_missing", "--because", "there is no risk that it is a reason for", "Say --risk low, too")
    elif because is not None and not because.strip():
        problems.add("risk_unexplained", "--because", "the reason is empty", "Say why; it stands in the report")
    elif risk == Risk.LOW and because is None:
        cure = 'Say why: --because "only comments"; it stands in the report'
        problems.add("risk_unexplained", "--risk", "a risk is not lowered without a reason", cure)


async def _check_mode(mode: str | None, repository: RepositoryState | None, problems: Problems) -> None:
    """Asks the repository and the user's home only where it is none of ours."""
    from ostinato.adapters.resources import CommitTree, built_in, discover
    from ostinato.domain.resources import Kind

    names = [each.name for each in built_in() if each.kind is Kind.MODE]
    if mode is not None and mode not in names:
        tree = CommitTree(repository.common_dir, repository.base_commit) if repository is not None else None
        names = [each.name for each in (await discover(tree, Path.home())).of(Kind.MODE)]
    if mode is not None and mode not in names:
        problems.add("mode_unknown", "--mode", f"there is no mode {mode!r}", f"Use one of: {', '.join(names)}")


def _context(call: Call, problems: Problems) -> RunContext | None:
    """Every file merged, the later ones second; conflicts are told, and the newer fact is taken."""
    from ostinato.cli.commands.context import read_context
    from ostinato.domain.context import merge_contexts

    merged: RunContext | None = None
    for name in call.arguments.context:
        try:
            found = read_context(here(name))
        except UserError as error:
            problems.collect(error)
            continue
        if merged is None:
            merged = found
            continue
        merged, conflicts = merge_contexts(merged, found)
        for conflict in conflicts:
            call.terminal.say(f"note: {printable(str(conflict))}")
    return merged
