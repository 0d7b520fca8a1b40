"""Write docs/reference/ from the code's own tables. `--check` writes nothing and names the pages that are out of date."""

import argparse
import ast
import importlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ostinato.cli.catalogue import ENTRIES, GROUPS  # noqa: E402 - the path comes first
from ostinato.cli.definition_schema import schema_text  # noqa: E402
from ostinato.cli.exits import MEANING  # noqa: E402
from ostinato.cli.parser import CommandModule, Parser, build_parser  # noqa: E402
from ostinato.contracts import activities, ledger, workflows  # noqa: E402
from ostinato.domain.definition.model import Definition  # noqa: E402
from ostinato.domain.recovering import classes as recovery_classes  # noqa: E402
from ostinato.domain.recovering import codes as recovery_codes  # noqa: E402
from ostinato.domain.risk_policy import CHANGES, FLOOR, POLICY  # noqa: E402
from ostinato.domain.tools import TOOLS  # noqa: E402
from ostinato.limits import ON_RED  # noqa: E402
from ostinato.reading import NETWORK  # noqa: E402
from ostinato.settings import COMMANDS, INTERACTIONS, LOG_LEVELS, POST_GATES, VARIABLES  # noqa: E402
from scripts.reference_agents import proofs_page  # noqa: E402
from scripts.reference_gates import gates_page  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"
MARK = "<!-- Made by scripts/make_reference.py from the code; edit the code. -->"
SOURCES = ("ostinato", "workflows", "activities", "worker.py")
_CODE_AT = {
    "Problem": 0,
    "of": 0,
    "problem": 0,
    "_problem": 0,
    "_unfit": 0,
    "_add": 0,
    "_refused": 1,
    "_gate": 2,
    "notice": 1,
}
"""Calls that take a code in this place; any other takes it as `code=`."""


def main() -> int:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is out of date")
    check = reading.parse_args().check
    stale = [name for name, text in pages().items() if _read(REFERENCE / name) != text]
    for name in stale:
        print(("out of date: " if check else "wrote ") + f"docs/reference/{name}")
        if not check:
            REFERENCE.mkdir(parents=True, exist_ok=True)
            (REFERENCE / name).write_text(pages()[name], encoding="utf-8")
    return 1 if check and stale else 0


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    made: Mapping[str, Callable[[], Iterable[str]]] = {
        "commands.md": commands_page,
        "exit-codes.md": exit_codes_page,
        "settings.md": settings_page,
        "risk.md": risk_page,
        "errors.md": errors_page,
        "gates.md": gates_page,
        "proofs.md": proofs_page,
        "tools.md": tools_page,
        "messages.md": messages_page,
        "search-attributes.md": search_attributes_page,
        "definition.md": definition_page,
        "recovery.md": recovery_page,
    }
    texts = {name: "\n".join((MARK, "", *page())) + "\n" for name, page in made.items()}
    return {**texts, "ostinato.schema.json": schema_text()}


def commands_page() -> Iterator[str]:
    yield from ("# Commands", "", "`ostinato` and `client.py` are the same program.")
    yield "Every command takes `--json` (one envelope on stdout, everything else on stderr) and `--no-input` (ask nothing)."
    for title, entries in GROUPS.items():
        yield from ("", f"## {title}")
        for entry in entries:
            yield from ("", f"### `{entry.name}`", "", _sentence(entry.summary), "", "```text")
            yield from _synopsis(parser_of(entry.name))
            yield from ("```", "", "```console", *(f"$ {line}" for line in _module(entry.name).EXAMPLES), "```")


def parser_of(command: str) -> Parser:
    return build_parser(command, _module(command))


def _module(command: str) -> CommandModule:
    entry = ENTRIES[command]
    return cast(CommandModule, importlib.import_module(f"ostinato.cli.commands.{entry.module or entry.name}"))


def _synopsis(parser: Parser) -> Iterator[str]:
    shared = {"--json", "--no-input", "--help"}
    rows = [
        (", ".join(action.option_strings) or str(action.metavar or action.dest), action)
        for action in parser._actions
        if not shared.intersection(action.option_strings)
    ]
    named = [
        (f"{name} {action.metavar}" if _has_value(name, action) else name, action.help or "") for name, action in rows
    ]
    yield (
        f"{parser.prog} " + " ".join(name if not name.startswith("-") else f"[{name}]" for name, _ in named)
        if named
        else parser.prog
    )
    width = max((len(name) for name, _ in named), default=0)
    yield from (f"  {name:<{width}}  {_flat(text)}" for name, text in named)


def _has_value(name: str, action: argparse.Action) -> bool:
    return name.startswith("-") and action.nargs != 0 and action.metavar is not None


def risk_page() -> Iterator[str]:
    yield from (
        "# The policy of risk",
        "",
        "How it is read: [complexity and risk](../explanation/complexity-and-risk.md).",
    )
    yield from (
        "",
        "## Matters",
        "",
        "| matter | risk | why | what to do | for instance | paths |",
        "|---|---|---|---|---|---|",
    )
    for rule in POLICY:
        paths = ", ".join(f"`{glob}`" for glob in rule.globs)
        examples = "; ".join(rule.examples)
        yield f"| {rule.name} | {rule.risk} | {rule.reason} | {rule.mitigation} | {examples} | {paths} |"
    yield from ("", "## Kinds of change", "", "| in the diff | risk | why | what to do |", "|---|---|---|---|")
    yield from (f"| {kind.name} | {kind.risk} | {kind.reason} | {kind.mitigation} |" for kind in CHANGES)
    yield from ("", "## Floors", "", "| task type | at least |", "|---|---|")
    yield from (f"| {task_type} | {risk} |" for task_type, risk in FLOOR.items())


def exit_codes_page() -> Iterator[str]:
    yield from ("# Exit codes", "", "| code | means |", "|---|---|")
    yield from (f"| {int(code)} | {meaning} |" for code, meaning in MEANING.items())
    yield from ("", "6: see [budgets](../howto/budgets.md).")


def settings_page() -> Iterator[str]:
    yield from ("# Settings", "")
    yield "Precedence: command line, environment, the repository's `.ostinato/config.toml`, the user's `config.toml`, default."
    yield from ("", "## Environment", "", "| variable | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())
    yield from (
        "",
        "Temporal's own variables are read by Temporal's client library: see [Temporal Cloud](../howto/temporal-cloud.md).",
    )
    yield from ("", "## The user's file: `~/.config/ostinato/config.toml`", "", "| key | values |", "|---|---|")
    yield from (
        "| `home` | a folder |",
        f"| `interaction` | {', '.join(INTERACTIONS)} |",
        "| `max_parallel` | 1 to 50 |",
        f"| `log_level` | {', '.join(LOG_LEVELS)} |",
        "| `ui_url` | an address |",
        "| `checkpoint_remote` | a git repository: a path or an address |",
        "| `takeover_after` | seconds, 1 to 86,400 |",
        "| `payloads` | a folder |",
        "| `llm` | anthropic:MODEL or openai:MODEL |",
        "| `use_agents` | a list of NAME or NAME:MODEL: coding agents that steps are given to (default: none) |",
        "| `sandbox` | on or off: whether coding agents are enclosed |",
        "| `agents.NAME` | a coding agent of yours: [its keys](../howto/agents.md#describe-your-own) |",
        "| `gc.keep_days` | days, 0 to 36,500 (default: 30) |",
        *_budget_keys(),
        '| `gc.max_size` | the most that artifacts may take, such as `"5G"` (default: no limit) |',
    )
    yield from ("", "## The repository's file: `.ostinato/config.toml`", "")
    yield "`ostinato init` writes one with what it detected. `[run]` and `[gates]` are read from\nthe working tree when a run starts; `[commands]` from the commit it starts from, so commit them."
    yield from ("", "| key | values |", "|---|---|")
    yield from (f"| `run.interaction` | {', '.join(INTERACTIONS)} |", "| `run.max_parallel` | 1 to 50 |")
    yield from ("| `run.checkpoint_remote` | a git repository |", "| `run.takeover_after` | seconds, 1 to 86,400 |")
    yield from (f"| `commands.{name}` | a list is an argv, a text is a shell line |" for name in COMMANDS)
    yield "| `agents.NAME` | a coding agent that the repository brings along; counts where it is trusted, and where you have none of that name |"
    yield from _budget_keys()
    yield f"| `gates.post` | a list of {', '.join(POST_GATES)} |"
    yield "| `gates.custom` | commands that judge the final commit, too: `[[gates.custom]]` with `name`, `run`, `timeout`, `severity` |"
    yield "| `policy.write`, `policy.deny_write` | lists of path globs that a run may write, and may not; a folder stands for all in it |"
    yield "| `policy.commands`, `policy.deny_commands` | lists of command patterns that a plan may start, and may not: `pytest`, `git push*` |"
    yield f"| `policy.network` | {' or '.join(NETWORK)}: whether commands get a network (where the system can keep them from it) |"


def _budget_keys() -> Iterator[str]:
    yield '| `budget.max_tokens` | the most tokens that one run may spend, such as `200000` or `"200k"` (default: any) |'
    yield "| `budget.max_usd` | the most dollars that one run may spend, such as `2.5` (default: any) |"
    yield "| `budget.daily_usd` | the most dollars that all runs of the repository may spend on one UTC day (default: any) |"
    yield f"| `budget.on_red` | {' or '.join(ON_RED)}: what happens over 85 % (default: ask, unless the interaction is minimal) |"


def errors_page() -> Iterator[str]:
    yield from (
        "# Error codes",
        "",
        "A code is stable; its message names the place and the cure. `--json` carries both.",
    )
    yield from ("", "| code | raised or reported in |", "|---|---|")
    yield from (
        f"| `{code}` | {', '.join(f'`{place}`' for place in places)} |" for code, places in error_codes().items()
    )


def error_codes() -> dict[str, list[str]]:
    """Code → the files whose source names it, by reading the source."""
    found: dict[str, set[str]] = {}
    for path in source_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (code := _code_of(node)):
                found.setdefault(code, set()).add(path.relative_to(ROOT).as_posix())
    return {code: sorted(found[code]) for code in sorted(found)}


def source_files() -> Iterator[Path]:
    for name in SOURCES:
        place = ROOT / name
        yield from sorted(place.rglob("*.py")) if place.is_dir() else (place,)


def _code_of(call: ast.Call) -> str:
    """The literal code that a call gives; empty where there is none."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    if name in _CODE_AT and not given and len(call.args) >= 3:
        given = [call.args[_CODE_AT[name]]]
    texts = [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return next((text for text in texts if text and text.replace("_", "").isalnum() and text.islower()), "")


def tools_page() -> Iterator[str]:
    yield from (
        "# Built-in tools",
        "",
        "Used as `tool: NAME` in a [definition](definition.md), with arguments under `with:`.",
    )
    yield "All arguments are optional. The repository's own configuration, and its own linter, formatter and type checker, come first."
    yield "A tool that runs the repository's code needs its trust."
    yield from ("", "| tool | does | changes files | runs the repository's code | arguments |", "|---|---|---|---|---|")
    for tool in TOOLS.values():
        arguments = "; ".join(f"`{name}`: {meaning}" for name, meaning in tool.args.items())
        yield f"| `{tool.name}` | {tool.description} | {_yes(tool.writes)} | {_yes(tool.runs_code)} | {arguments} |"


def messages_page() -> Iterator[str]:
    both = (workflows.DECIDE, workflows.APPROVE, workflows.REJECT, workflows.PAUSE, workflows.RESUME)
    takes = {
        workflows.DECIDE: '`{"decision": "approval", "option": "approve", "by": "you", "note": ""}`',
        **dict.fromkeys((workflows.APPROVE, workflows.REJECT), '`{"by": "you", "note": ""}`'),
        **dict.fromkeys((workflows.PAUSE, workflows.RESUME), '`{"by": "you"}`'),
    }
    yield from (
        "# Workflows and their messages",
        "",
        f"Task queue `{workflows.TASK_QUEUE}`; each home adds one of its own, `ostinato-ws-<hash>`.",
    )
    yield from ("", "| workflow | starts with |", "|---|---|")
    yield from (f"| `{workflows.RUN_WORKFLOW}` | `RunRequest` |", f"| `{workflows.MERGE_WORKFLOW}` | `MergeRun` |")
    yield f"| `{ledger.LEDGER_WORKFLOW}` | `OpenLedger`; of a repository and a day, by whoever first needs a lease |"
    yield from (
        "",
        "## Updates and signals",
        "",
        "An update is checked before it is accepted and answers; a refusal says why and leaves no event.",
    )
    yield "A signal of the same name does the same from any Temporal client; a refused one shows in the run's notes."
    yield from ("", "| update and signal | takes |", "|---|---|")
    yield from (f"| `{name}` | {takes[name]} |" for name in both)
    yield from ("", "## Queries", "", "| query | answers |", "|---|---|")
    yield f"| `{workflows.PROGRESS}` | the whole run at this moment |"
    yield f"| `{workflows.PENDING_DECISIONS}` | decisions that wait for a person |"
    yield f"| `{ledger.BALANCE}` | of a day's ledger: limit, spent, promised, zone |"
    yield from ("", "## Activities", "", "| activity | input → output | time limit |", "|---|---|---|")
    yield from (
        f"| `{one.name}` | `{one.input.__name__}` → `{one.output.__name__}` | {one.start_to_close} |"
        for one in activities.ALL
    )


def search_attributes_page() -> Iterator[str]:
    means = {
        workflows.PHASE.name: "analyzing, planning, preflight, activating, executing, validating, completing, recovering, escalating, ended",
        workflows.OUTCOME.name: "completed, degraded, failed, cancelled, rolled_back; unset while the run is open",
        workflows.TASK_TYPE.name: "one of the twelve task types",
        workflows.REPOSITORY.name: "the repository",
        workflows.NEEDS_HUMAN.name: "a decision waits for a person",
        workflows.STEPS_TOTAL.name: "steps of the plan",
        workflows.STEPS_FAILED.name: "steps that failed",
    }
    yield from (
        "# Search attributes",
        "",
        "For the Web UI's filter and `temporal workflow list --query 'OstinatoNeedsHuman = true'`.",
    )
    yield from ("", "| attribute | type | value |", "|---|---|---|")
    yield from (f"| `{name}` | {kind} | {means[name]} |" for name, kind in workflows.SEARCH_ATTRIBUTES.items())


def recovery_page() -> Iterator[str]:
    yield from ("# Failures and what is done about them", "")
    yield "How a step says what it wants: [definitions](../howto/definitions.md#when-a-step-fails)."
    yield from (
        "",
        "## Classes",
        "",
        "The first strategy that applies to the step and is not used up is taken; then its failure stands.",
    )
    yield from ("", "| class | family | severity | means | strategies, in order |", "|---|---|---|---|---|")
    for name, policy in recovery_classes.POLICY.items():
        order = ", ".join(f"`{strategy}`" for strategy in policy.strategies)
        yield f"| `{name}` | {policy.family} | {policy.severity} | {policy.meaning} | {order} |"
    yield from ("", "## Response times", "", "| severity | something is done within |", "|---|---|")
    for severity, limit in recovery_classes.RESPONSE_S.items():
        yield f"| {severity} | {f'{limit:g} s' if limit is not None else 'the end of the run'} |"
    yield from ("", "## Strategies", "", "| strategy | what happens | at most |", "|---|---|---|")
    for strategy, meaning in recovery_classes.MEANS.items():
        yield f"| `{strategy}` | {meaning} | {recovery_classes.LIMITS.get(strategy, '')} |"
    yield from (
        "",
        "The same failure three times is no progress: it is not tried once more, only otherwise. What time alone may cure is excepted.",
    )
    yield from (
        "",
        "## Codes",
        "",
        "| code | class | severity | passes by itself | what to do |",
        "|---|---|---|---|---|",
    )
    for code, known in recovery_codes.CODES.items():
        passes = _yes(recovery_codes.passes_by_itself(code))
        yield f"| `{code}` | {known.error_class} | {recovery_codes.severity_of(code)} | {passes} | {known.cure} |"


def definition_page() -> Iterator[str]:
    schema = Definition.model_json_schema(by_alias=True)
    models = {"A definition": schema} | {f"`{name}`": model for name, model in schema["$defs"].items()}
    yield from ("# Workflow definitions", "")
    yield "YAML or JSON; unknown fields are refused. How to write one: [Definitions](../howto/definitions.md)."
    yield "A step has exactly one of `run`, `tool`, `ask`, `agent`, `workflow`, `if` and `for_each`; with `for_each` also one of the others."
    yield "Lengths of time are seconds, or like `90s`, `10m`, `1h30m`. `when`, `if` and `items` are CEL."
    for title, model in models.items():
        yield from ("", f"## {title}", "")
        if "enum" in model:
            yield "One of: " + ", ".join(f"`{value}`" for value in model["enum"]) + "."
            continue
        yield from ("| field | type | default |", "|---|---|---|")
        required = model.get("required", ())
        for name, field in model["properties"].items():
            default = "required" if name in required else f"`{json.dumps(field.get('default'))}`"
            yield f"| `{name}` | {_type(field)} | {default} |"


def _type(field: Mapping[str, Any]) -> str:
    """A field of a JSON Schema in words."""
    match field:
        case {"$ref": ref}:
            return f"`{str(ref).rpartition('/')[2]}`"
        case {"anyOf": [*options]}:
            return " or ".join(_type(option) for option in options if option.get("type") != "null")
        case {"enum": [*values]}:
            return " or ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": dict(inner)}:
            return f"mapping of text to {_type(inner)}"
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"integer, {low} to {high}"
        case {"type": kind}:
            return {"string": "text", "object": "mapping", "boolean": "true or false"}.get(str(kind), str(kind))
        case _:
            return "anything"


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _flat(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    raise SystemExit(main())
