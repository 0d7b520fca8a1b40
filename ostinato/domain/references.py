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
_PATH = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]*(?:\.{_NAME})*")
_SHORTEST: Mapping[str, int] = {"inputs": 2, "values": 2, "steps": 3}
_FORMS = (
    "Write {{ inputs.NAME }}, {{ steps.ID.FIELD }} or {{ values.NAME }}; in the steps of a for_each also {{ item }}, "
    '{{ item.FIELD }} and {{ index }}; literal braces are written {{ "{{" }}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One `{{ }}` of a text: to an input, a field of a step's output, a shared value, or a name of the step's scope."""

    path: tuple[str, ...]
    text: str
    start: int

    @property
    def root(self) -> str:
        return self.path[0]

    @property
    def is_step(self) -> bool:
        return self.root == "steps"

    @property
    def name(self) -> str:
        """Of the input, the step, or the shared value."""
        return self.path[1] if self.root in _SHORTEST else self.root


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
    """Inputs replaced, everything else left for run time; the values themselves are never read as references."""
    return substitute(text, {"inputs": inputs}, quote=quote)


def substitute(text: str, variables: Mapping[str, object], *, quote: bool) -> str:
    """Those references replaced whose variable is given, the others left as they are, and escaped braces too."""

    def replaced(reference: Reference) -> str:
        if reference.root not in variables:
            return reference.text
        return literal(_shown(value_of(reference, variables), quote=quote))

    return _replace(text, replaced, keep_escapes=True)


def resolve(text: str, outputs: Mapping[str, Mapping[str, object]], quote: bool) -> str:
    """References to steps replaced by their outputs; raises UserError naming what is not there."""
    return resolve_all(text, {"steps": outputs}, quote=quote)


def resolve_all(text: str, variables: Mapping[str, object], *, quote: bool) -> str:
    """Every reference replaced; raises UserError naming what is not there."""
    return _replace(text, lambda found: _shown(value_of(found, variables), quote=quote), keep_escapes=False)


def unescaped(text: str) -> str:
    """As it reads once it is bound; one that refers to something stays as it is."""
    return text if references(text) else resolve_all(text, {}, quote=False)


def alone(text: str) -> Reference | None:
    """The reference that is all of this text: its value keeps its type."""
    found = references(text)
    return found[0] if found and found[0].text == text.strip() else None


def value_of(reference: Reference, variables: Mapping[str, object]) -> object:
    """Raises UserError reference_missing that says what is there instead."""
    here: object = variables
    for depth, name in enumerate(reference.path):
        if isinstance(here, list | tuple) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        elif isinstance(here, Mapping) and name in here:
            here = here[name]
        else:
            raise _missing(reference, depth, here)
    return here


def _missing(reference: Reference, depth: int, here: object) -> UserError:
    path, name = reference.path, repr(reference.path[depth])
    if reference.is_step and depth == 1:
        return _not_left(reference, f"step {name} left no output", {})
    if reference.is_step and depth == 2:
        return _not_left(reference, f"step {path[1]!r} left no {name}", here)
    owner = repr(".".join(path[:depth])) if depth else "this step"
    return _not_left(reference, f"{owner} has no {name}", here)


def _not_left(reference: Reference, said: str, there: object) -> UserError:
    names = sorted(str(name) for name in there) if isinstance(there, Mapping) else [_shown(there, quote=False)[:80]]
    return UserError.of("reference_missing", reference.text, said, f"It left: {', '.join(names) or 'nothing'}")


def _parsed(text: str) -> Iterator[Reference | str]:
    for match in _BRACES.finditer(text):
        inner = match.group(1).strip()
        if inner == _OPENING:
            continue
        yield _reference(inner, match) or match.group(0)


def _reference(inner: str, match: re.Match[str]) -> Reference | None:
    path = tuple(inner.split(".")) if _PATH.fullmatch(inner) else ()
    if not path or len(path) < _SHORTEST.get(path[0], 1):
        return None
    return Reference(path=path, text=match.group(0), start=match.start())


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
