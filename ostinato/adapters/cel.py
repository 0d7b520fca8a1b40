"""CEL: the syntax of an expression checked, and its value. What could take long runs in a process of its own."""

import json
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import cel

from ostinato.adapters import cel_program
from ostinato.adapters.processes import clean_environment, run_quiet
from ostinato.domain.conditions import MAX_EXPRESSION, ROOTS, condition_problems, missing, outline, too_long
from ostinato.domain.errors import ExternalError, Problem, UserError

TIMEOUT_S = 15.0
"""On the clock; the evaluation itself has `cel_program.CPU_S` seconds of work."""
LOWERED = 400
"""What a branch of an `if` adds to a condition that somebody wrote, at most."""
_CURE = "Correct the expression, or what the step leaves in its output"
_SYNTAX = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


def compile_problems(expression: str, field: str, names: Collection[str] = ROOTS) -> tuple[Problem, ...]:
    """Everything wrong with it that can be known before it is evaluated; line and column within the expression."""
    found = tuple(condition_problems(expression, field, names))
    if any(problem.code in ("condition_invalid", "condition_too_long") for problem in found):
        return found
    return syntax_problems(expression, field) or found


def syntax_problems(expression: str, field: str) -> tuple[Problem, ...]:
    try:
        cel.compile(expression)
    except ValueError as refused:
        errors = _SYNTAX.findall(str(refused)) or [("1", "1", "this is no CEL expression")]
        return tuple(_syntax_problem(field, int(line), int(column), said) for line, column, said in errors[:3])
    return ()


async def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value, as plain JSON. Raises UserError condition_failed that says what went wrong, and where."""
    used = _used(expression, variables)
    if said := _refused(expression, used):
        raise _failed(expression, said)
    if outline(expression).is_plain:
        answer = cel_program.evaluated(expression, used)
    else:
        answer = await _apart(expression, used)
    if "error" in answer:
        raise _failed(expression, _said(expression, used, answer["error"], answer["message"]))
    return answer["value"]


async def evaluate_condition(expression: str, variables: Mapping[str, Any]) -> bool:
    """Whether it holds; anything but true and false is an error."""
    value = await evaluate(expression, variables)
    if not isinstance(value, bool):
        raise _failed(expression, f"a condition is true or false, and this is {json.dumps(value)[:80]}")
    return value


async def evaluate_items(expression: str, variables: Mapping[str, Any]) -> list[Any]:
    """The list it gives; anything but a list is an error."""
    value = await evaluate(expression, variables)
    if not isinstance(value, list):
        raise _failed(expression, f"a list is wanted, and this is {json.dumps(value)[:80]}")
    return value


def _refused(expression: str, used: Mapping[str, Any]) -> str:
    """Why it is not evaluated at all; empty when it is."""
    if len(expression) > MAX_EXPRESSION + LOWERED:
        return f"it has {len(expression):,} characters"
    problems = syntax_problems(expression, "") or tuple(
        problem for problem in condition_problems(expression, "", used) if problem.code != "condition_too_long"
    )
    return "; ".join(f"{problem.message}. {problem.cure}" for problem in problems) or too_long(expression, used)


async def _apart(expression: str, used: Mapping[str, Any]) -> dict[str, Any]:
    asked = json.dumps({"expression": expression, "variables": used})
    ended = await run_quiet(
        [sys.executable, "-P", str(cel_program.__file__)],
        cwd=Path("/"),
        env=clean_environment(),
        timeout_s=TIMEOUT_S,
        stdin=asked.encode(),
        max_output=4 * cel_program.MAX_BYTES + 1_000_000,
    )
    if ended.exit_code == 1 and "Error" in ended.stderr and "MemoryError" not in ended.stderr:
        raise ExternalError(f"CEL cannot be evaluated: {ended.stderr.strip()[-300:]}", code="condition_unavailable")
    if ended.exit_code != 0:
        return {"error": "limit", "message": "it takes too long or needs too much memory"}
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def _used(expression: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Only what it reads: the rest need not be converted."""
    paths = [path.names for path in outline(expression).paths]
    used = {name: variables[name] for name in dict.fromkeys(str(path[0]) for path in paths) if name in variables}
    if "steps" in used and all(len(path) > 1 for path in paths if path[0] == "steps"):
        wanted = {path[1] for path in paths if path[0] == "steps"}
        used["steps"] = {name: left for name, left in used["steps"].items() if name in wanted}
    return used


def _said(expression: str, used: Mapping[str, Any], kind: str, message: str) -> str:
    if kind in ("KeyError", "TypeError", "IndexError", "RuntimeError") and (said := missing(expression, used)):
        return said
    if kind == "KeyError":
        return f"there is no {message}"
    if kind == "TypeError" and message.startswith("No such overload"):
        return "it compares or combines values of types that do not fit; CEL converts nothing by itself: " + (
            "use int(), double() or string()"
        )
    return message.split("\n")[0][:300]


def _failed(expression: str, said: str) -> UserError:
    short = expression if len(expression) <= 200 else expression[:199] + "…"
    return UserError.of("condition_failed", "condition", f"`{short}` cannot be evaluated: {said}", _CURE)


def _syntax_problem(field: str, line: int, column: int, said: str) -> Problem:
    said = said.removeprefix("Syntax error: ").split(" expecting {")[0].replace("<EOF>", "the end")
    message = f"this is no CEL expression: {said} (line {line}, column {column} of the expression)"
    return Problem(
        code="condition_invalid", field=field, message=message, cure="Correct it there", line=line, column=column
    )
