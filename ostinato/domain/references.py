"""`{{ }}` references in texts of a plan: found, checked and replaced; strict, an unknown one is an error."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ostinato.domain.errors import Problem, UserError

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OPENING = '"{{"'
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"
_INPUT = re.compile(rf"inputs\.({_NAME})")
_STEP = re.compile(rf"steps\.({_NAME})\.({_NAME})")
_FORMS = 'Write {{ inputs.NAME }} or {{ steps.ID.FIELD }}; literal braces are written {{ "{{" }}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One `{{ }}` of a text: to an input (`owner` is empty) or to a field of a step's output."""

    owner: str
    name: str
    text: str
    start: int

    @property
    def is_step(self) -> bool:
        return bool(self.owner)


def references(text: str) -> tuple[Reference, ...]:
    """Those that are well formed, in order; `reference_problems` names the others."""
    return tuple(found for found in _parsed(text) if isinstance(found, Reference))


def reference_problems(text: str, field: str) -> Iterator[Problem]:
    """Braces that are no reference, and braces that are never closed."""
    for found in _parsed(text):
        if isinstance(found, str):
            yield _problem(field, f"{found!r} is no reference")
    if "{{" in _BRACES.sub("", text):
        yield _problem(field, "a reference is opened with '{{' and never closed")


def shell_problems(text: str, field: str) -> Iterator[Problem]:
    """References where quoting could not hold: within quotes, or behind a here-document."""
    for reference in references(text):
        before = text[: reference.start]
        if _is_quoted(before):
            yield Problem(
                code="reference_in_quotes",
                field=field,
                message=f"{reference.text} stands within quotes of a shell line",
                cure="Leave the quotes out: values are quoted for you; or give the command as a list",
            )
        elif "<<" in before:
            yield Problem(
                code="reference_in_heredoc",
                field=field,
                message=f"{reference.text} stands behind '<<', where no quoting holds",
                cure="Give the value as an argument of the command",
            )


def literal(text: str) -> str:
    """The text with its braces escaped, so that `resolve` gives it back unchanged."""
    return text.replace("{{", "{{ " + _OPENING + " }}")


def substitute_inputs(text: str, inputs: Mapping[str, object], *, quote: bool) -> str:
    """Inputs replaced, references to steps left for run time; the values themselves are never read as references."""

    def replaced(reference: Reference) -> str:
        if reference.is_step:
            return reference.text
        return literal(_shown(inputs[reference.name], quote=quote))

    return _replace(text, replaced, keep_escapes=True)


def resolve(text: str, outputs: Mapping[str, Mapping[str, object]], quote: bool) -> str:
    """References to steps replaced by their outputs; raises UserError naming what is not there."""

    def replaced(reference: Reference) -> str:
        known = outputs.get(reference.owner, {})
        if reference.name not in known:
            raise UserError.of(
                "reference_missing",
                reference.text,
                f"step {reference.owner!r} left no {reference.name!r}"
                if reference.owner in outputs
                else f"step {reference.owner!r} left no output",
                f"It left: {', '.join(sorted(known)) or 'nothing'}",
            )
        return _shown(known[reference.name], quote=quote)

    return _replace(text, replaced, keep_escapes=False)


def _parsed(text: str) -> Iterator[Reference | str]:
    for match in _BRACES.finditer(text):
        inner = match.group(1).strip()
        if inner == _OPENING:
            continue
        yield _reference(inner, match) or match.group(0)


def _reference(inner: str, match: re.Match[str]) -> Reference | None:
    if to_input := _INPUT.fullmatch(inner):
        return Reference(owner="", name=to_input.group(1), text=match.group(0), start=match.start())
    if to_step := _STEP.fullmatch(inner):
        return Reference(owner=to_step.group(1), name=to_step.group(2), text=match.group(0), start=match.start())
    return None


def _replace(text: str, replaced: Callable[[Reference], str], *, keep_escapes: bool) -> str:
    def one(match: re.Match[str]) -> str:
        inner = match.group(1).strip()
        if inner == _OPENING:
            return match.group(0) if keep_escapes else "{{"
        reference = _reference(inner, match)
        return replaced(reference) if reference else match.group(0)

    return _BRACES.sub(one, text)


def _shown(value: object, *, quote: bool) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool) or not isinstance(value, int | float):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = str(value)
    return shlex.quote(text) if quote else text


def _is_quoted(before: str) -> bool:
    """Whether a shell would still be inside quotes at the end of this text."""
    quote = ""
    escaped = False
    for char in before:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
    return bool(quote)


def _problem(field: str, message: str) -> Problem:
    return Problem(code="reference_malformed", field=field, message=message, cure=_FORMS)
