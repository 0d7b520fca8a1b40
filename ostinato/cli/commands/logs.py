"""`logs`: the evidence of a run's steps and gates; of a coding agent what it was given, said and did."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from ostinato.cli.transcribing import Transcribing
    from ostinato.domain.report import Snapshot
    from ostinato.domain.turns import Turn

EXAMPLES = (
    "ostinato logs fix-the-lint-errors",
    "ostinato logs fix-the-lint-errors tests",
    "ostinato logs implement-jwt-auth implement --prompt",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    name: str
    kind: str
    ref: str
    verdict: str
    turns: "tuple[Turn, ...]" = ()
    """Of the coding agent that did it."""


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("step", metavar="STEP", nargs="?", help="a step or a gate (default: all of them)")
    parser.add_argument("--prompt", action="store_true", help="of a coding agent: also the prompts, word for word")
    parser.add_argument("--raw", action="store_true", help="of a coding agent: what it printed, as it printed it")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run

    snapshot = read_run(call)
    chosen = choose_evidence(snapshot, call.arguments.step)
    for item in chosen:
        _show(call, snapshot.run_id, item)
    if not chosen:
        call.terminal.say("nothing was recorded yet")
    return Exit.OK


def choose_evidence(snapshot: "Snapshot", name: str | None) -> list[Evidence]:
    """Raises UserError step_unknown with the names there are."""
    from ostinato.domain.errors import UserError

    listed = [
        Evidence(name=it.step_id, kind="step", ref=it.evidence, verdict=f"{it.outcome}: {it.summary}", turns=it.turns)
        for it in snapshot.results
    ] + [
        Evidence(name=it.gate, kind=f"{it.stage} gate", ref=it.evidence, verdict=f"{it.status}: {it.message}")
        for it in snapshot.gates
    ]
    chosen = [item for item in listed if name in (None, item.name)]
    if name is not None and not chosen and name not in [todo.id for todo in snapshot.todos]:
        names = dict.fromkeys([*(todo.id for todo in snapshot.todos), *(item.name for item in listed)])
        raise UserError.of(
            "step_unknown",
            "STEP",
            f"{snapshot.run_id} has no step or gate {name!r}",
            f"Name one of: {', '.join(names)}",
        )
    return chosen


def _show(call: Call, run_id: str, item: Evidence) -> None:
    from rich.text import Text

    from ostinato.cli.printable import printable

    turns = () if call.arguments.raw else numbered(item.turns)
    text = "" if turns else _read(call, item)
    if call.wants_json:
        call.emit(_data(call, run_id, item, turns, text))
        return
    call.terminal.show(Text(f"── {item.kind} {item.name} · {printable(item.verdict)}", style="title"))
    if turns:
        text = "".join(f"{line}\n" for number, turn in turns for line in _transcribing(call).lines(turn, number))
    shown = printable(text) if call.terminal.out.is_terminal else text
    call.terminal.write(shown if not shown or shown.endswith("\n") else shown + "\n")


def numbered(turns: "tuple[Turn, ...]") -> "tuple[tuple[int, Turn], ...]":
    """Numbered as the report numbers them."""
    return tuple(enumerate(turns, start=1))


def _data(
    call: Call, run_id: str, item: Evidence, turns: "tuple[tuple[int, Turn], ...]", text: str
) -> dict[str, object]:
    told = [_transcribing(call).data(turn, number) for number, turn in turns]
    return {
        "run_id": run_id,
        "name": item.name,
        "kind": item.kind,
        "verdict": item.verdict,
        "ref": item.ref,
        "text": text or "".join(f"{line}\n" for each in told for line in each["transcript"]),
        "turns": told,
    }


def _transcribing(call: Call) -> "Transcribing":
    from ostinato.adapters.artifacts import ArtifactStore
    from ostinato.cli.transcribing import Transcribing
    from ostinato.domain.agents.declared import declared

    described = declared(call.settings.agents).described
    return Transcribing(ArtifactStore(call.home.artifacts), described, whole=call.arguments.prompt)


def _read(call: Call, item: Evidence) -> str:
    from ostinato.adapters.artifacts import ArtifactStore
    from ostinato.domain.errors import ExternalError

    if not item.ref:
        return ""
    try:
        return ArtifactStore(call.home.artifacts).read_text(item.ref)
    except OSError as error:
        call.terminal.say(f"the evidence of {item.name} is not in {call.home.artifacts}: {error.strerror}")
    except ExternalError as error:
        call.terminal.say(f"the evidence of {item.name} is gone: {error.message}")
    return ""
