"""Skills, agents, commands, modes and project context: each from one Markdown file, by the rules of its format."""

import hashlib
import re
from collections.abc import Iterator

from ostinato.adapters.resources.documents import Document, DocumentError, one_line, read_document
from ostinato.adapters.resources.places import Place
from ostinato.domain.errors import Problem
from ostinato.domain.resources import Kind, Origin, Resource, cost_of

MAX_NAME = 64
MAX_DESCRIPTION = 1_024
MAX_COMPATIBILITY = 500
MAX_TEXT = 128 * 1024
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KEPT = ("license", "compatibility", "allowed-tools", "tools", "model", "argument-hint", "version")
_HEADING = re.compile(r"^#+\s+(.+?)\s*#*$", re.MULTILINE)
_WORDS = re.compile(r"[\s,]+")


def read_markdown(path: str, text: str, place: Place, origin: Origin) -> tuple[Resource, tuple[Problem, ...]]:
    """The resource and what is odd about it; raises DocumentError where it is none."""
    document = read_document(text)
    name, description = _READERS[place.kind](path, document, place)
    body = document.body[:MAX_TEXT]
    made = Resource(
        kind=place.kind,
        name=name,
        description=description,
        text=body,
        origin=origin,
        path=path,
        cost=cost_of(name, description, body),
        digest=digest_of(body),
        types=_listed(document, "ostinato-types"),
        domains=_listed(document, "ostinato-domains"),
        keywords=_listed(document, "ostinato-keywords"),
        fields={key: document.text(key)[:500] for key in _KEPT if document.text(key)},
        is_automatic=document.text("disable-model-invocation").lower() not in ("true", "yes", "on"),
    )
    return made, tuple(_oddities(path, document, made))


def is_passed_over(path: str, text: str) -> bool:
    """A page for people among the agents, not an agent that somebody forgot to finish."""
    return path.rpartition("/")[2].upper() in ("README.MD", "INDEX.MD") and not text.startswith("---")


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _skill(path: str, document: Document, place: Place) -> tuple[str, str]:
    """By the Agent Skills specification."""
    if not path.endswith("/SKILL.md"):
        raise DocumentError("a skill's file is called SKILL.md", "Rename it to SKILL.md")
    _has_front(document, "name: and description:")
    folder = path.split("/")[-2]
    name = _required(document, "name", MAX_NAME)
    if not _NAME.fullmatch(name):
        said = f"{name!r} is no name: lower-case letters and digits, single hyphens between"
        raise DocumentError(said, f"Call it {_proper(name)!r}, its folder as well", document.line("name"))
    if name != folder:
        said = f"the name {name!r} is not that of its folder, {folder!r}"
        raise DocumentError(said, "Rename one of them", document.line("name"))
    description = _required(document, "description", MAX_DESCRIPTION)
    _has_body(document, "what to do")
    return name, description


def _agent(path: str, document: Document, place: Place) -> tuple[str, str]:
    _has_front(document, "name: and description:")
    name = _required(document, "name", MAX_NAME)
    description = _required(document, "description", 4 * MAX_DESCRIPTION)
    _has_body(document, "how it works")
    return name, description


def _command(path: str, document: Document, place: Place) -> tuple[str, str]:
    """Named by its file, after the folders between."""
    _has_body(document, "what to do")
    first = next((line for line in document.body.splitlines() if line.strip()), "")
    description = document.text("description") or one_line(first.lstrip("# "), 200)
    return _named_by(path, place), description[: 4 * MAX_DESCRIPTION]


def _mode(path: str, document: Document, place: Place) -> tuple[str, str]:
    _has_front(document, "description:")
    _has_body(document, "how to work")
    return _named_by(path, place), _required(document, "description", MAX_DESCRIPTION)


def _context(path: str, document: Document, place: Place) -> tuple[str, str]:
    if not document.body.strip():
        raise DocumentError("it is empty", "Write what an agent has to know, or remove it")
    heading = _HEADING.search(document.body)
    return path, one_line(heading[1] if heading else document.body.strip().splitlines()[0], 200)


_READERS = {
    Kind.SKILL: _skill,
    Kind.AGENT: _agent,
    Kind.COMMAND: _command,
    Kind.MODE: _mode,
    Kind.CONTEXT: _context,
}


def _has_front(document: Document, fields: str) -> None:
    if not document.has_front:
        cure = f"Begin with a line ---, then {fields}, then a line ---"
        raise DocumentError("it has no front matter", cure, 1, code="front_matter_missing")


def _has_body(document: Document, what: str) -> None:
    if not document.body.strip():
        raise DocumentError("it has no text", f"Write below the front matter {what}", code="resource_invalid")


def _required(document: Document, field: str, cap: int) -> str:
    value = document.text(field)
    if not value:
        said = f"{field} is missing" if field not in document.fields else f"{field} is empty"
        raise DocumentError(said, f"Add {field}: to the front matter", document.line(field) or 1)
    if len(value) > cap:
        said = f"{field} has {len(value):,} characters, more than {cap:,}"
        raise DocumentError(said, "Shorten it", document.line(field))
    return value


def _named_by(path: str, place: Place) -> str:
    inner = path.partition(place.folder)[2] if place.folder else path
    return one_line(inner.removesuffix(".md").replace("/", ":"), 4 * MAX_NAME)


def _proper(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_NAME] or "a-name"


def _listed(document: Document, key: str) -> tuple[str, ...]:
    """A field of `metadata`, whose values are texts: words with spaces or commas between."""
    metadata = document.fields.get("metadata")
    told = metadata.get(key, "") if isinstance(metadata, dict) else ""
    return tuple(word for word in _WORDS.split(one_line(told)) if word)


def _oddities(path: str, document: Document, made: Resource) -> Iterator[Problem]:
    if document.was_loose:
        said = "a text of its front matter holds a colon and is not in quotes: other tools may refuse it"
        yield notice(path, "front_matter_loose", said, "Put the text into quotes", document.was_loose)
    if document.hidden:
        said = f"it holds {document.hidden} invisible characters, which were taken out"
        yield notice(path, "hidden_characters", said, "Look at them with a hex viewer: they can carry instructions")
    if made.kind is Kind.SKILL and len(document.text("compatibility")) > MAX_COMPATIBILITY:
        said = f"compatibility has more than {MAX_COMPATIBILITY} characters"
        yield notice(path, "compatibility_long", said, "Shorten it", document.line("compatibility"))
    if len(document.body) > MAX_TEXT:
        said = f"its text has {len(document.body):,} characters; what comes after {MAX_TEXT:,} is left away"
        yield notice(path, "text_long", said, "Move parts of it into files that it names")


def notice(path: str, code: str, message: str, cure: str, line: int | None = None) -> Problem:
    return Problem(code=code, field=path, message=message, cure=cure, line=line)
