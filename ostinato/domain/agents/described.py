"""Agents that a configuration describes: `[agents.NAME]`, what can be wrong with it, and what it means. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from ostinato.domain.agents.ends import EndKind
from ostinato.domain.agents.line_rules import LineRule
from ostinato.domain.base import Authored

BUILT_IN = ("claude", "codex", "opencode", "gemini", "acp-claude", "acp-codex", "acp-opencode", "acp-gemini")
PLACEHOLDERS = ("prompt", "file", "model", "session", "tree", "private", "base_url")
"""In `command`, `resume` and the values of `set`; what stands between other braces stays as it is."""
RESERVED = ("OSTINATO_STEP", "HOME", "PATH")
TELLABLE = tuple(kind for kind in EndKind if kind not in (EndKind.LIMIT, EndKind.MISSING, EndKind.INTERRUPTED))
"""Ends that an agent's output or exit code can tell; the others are seen from outside."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_EXAMPLE = 'Write it like: [agents.mine] with command = ["mine", "--quiet"] and prompt = "stdin"'
NamesModel = Literal["never", "by_address", "always"]
Told = tuple[str, str, str]
"""What is wrong: field, message, cure."""


def _without_unknown(text: str) -> str:
    unknown = [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is no placeholder; known are {', '.join(PLACEHOLDERS)}")
    return text


def _compiling(groups: int) -> AfterValidator:
    def check(pattern: str) -> str:
        try:
            found = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        if groups and found != groups:
            raise ValueError(f"it needs exactly {groups} group in brackets, which holds what is looked for")
        return pattern

    return AfterValidator(check)


def _tellable(kind: EndKind) -> EndKind:
    if kind not in TELLABLE:
        raise ValueError(f"an agent cannot tell this end itself; use one of: {', '.join(TELLABLE)}")
    return kind


def _unreserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError("this variable is Ostinato's own")
    return name


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_unreserved)]
Word = Annotated[str, StringConstraints(min_length=1), AfterValidator(_without_unknown)]
Text = Annotated[str, AfterValidator(_without_unknown)]
Matched = Annotated[str, StringConstraints(min_length=1, max_length=400), _compiling(0)]
Captured = Annotated[str, StringConstraints(min_length=1, max_length=400), _compiling(1)]
Tellable = Annotated[EndKind, AfterValidator(_tellable)]
ExitCode = Annotated[str, StringConstraints(pattern=r"^(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$")]


class EndPattern(Authored):
    match: Matched
    end: Tellable


class EndRules(Authored):
    """How its end is told. Patterns come first, in their order; without either, 0 is done, and all else what its last words say."""

    exit_codes: dict[ExitCode, Tellable] = Field(default_factory=dict)
    patterns: tuple[EndPattern, ...] = ()


class UsageRules(Authored):
    """Numbers in its output, each the one group of a pattern: 12, 12,345, 1.2k, 0.05."""

    input: Captured | None = None
    output: Captured | None = None
    cache_read: Captured | None = None
    cache_write: Captured | None = None
    usd: Captured | None = None
    counted: Literal["last", "each"] = "last"
    """last: the agent states a total; each: the numbers of one request, which are added up."""


class AcpRules(Authored):
    """Of an agent of the Agent Client Protocol."""

    authenticate: str = ""
    """The method to sign in by, where it asks for one."""
    mode: str = ""
    options: dict[str, str] = Field(default_factory=dict)
    """Its configuration options to set, such as a model."""


class DescribedAgent(Authored):
    name: Name
    command: Annotated[tuple[Word, ...], Field(min_length=1)]
    speaks: Literal["text", "acp"] = "text"
    """text: lines for people; acp: the Agent Client Protocol on its standard streams."""
    prompt: Literal["stdin", "file", "argument"] = "stdin"
    """argument: the last, where the command does not name {prompt}."""
    env: tuple[Variable, ...] = ()
    """Variables of the worker that are let through."""
    set: dict[Variable, Text] = Field(default_factory=dict)
    home: Literal["private", "own", "either"] = "private"
    """own: the worker's, where the agent finds its login; either: own where no address of its model is given."""
    capabilities: tuple[str, ...] = ()
    specialities: tuple[str, ...] = ()
    """Task types, domains, languages."""
    wire: Literal["", "anthropic", "openai-chat", "openai-responses", "gemini"] = ""
    base_url: Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """The variable by which it takes the address of its model."""
    key: Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """The variable by which it takes the key of its model."""
    model: str = ""
    """Where none is asked for."""
    session: Captured | None = None
    """Finds the session's id in its output."""
    resume: tuple[Word, ...] = ()
    """Arguments that are added to resume {session}."""
    version: tuple[Word, ...] = ()
    """Says its version and does nothing else."""
    quiet: bool = False
    """It says nothing until it has ended: silence is no sign."""
    events: tuple[LineRule, ...] = ()
    """Of one that speaks in JSON lines; any other line is then no sign of life."""
    ends: EndRules = EndRules()
    usage: UsageRules = UsageRules()
    acp: AcpRules = AcpRules()

    @property
    def resumes(self) -> bool:
        return self.speaks == "acp" or bool(self.resume)

    @property
    def names_model(self) -> NamesModel:
        if not self.model and any("{model}" in word for word in self.command):
            return "always"
        together = any("{model}" in text and "{base_url}" in text for text in self.set.values())
        return "by_address" if together and not self.model else "never"

    @property
    def takes_base_url(self) -> bool:
        return bool(self.base_url) or any("{base_url}" in text for text in (*self.command, *self.set.values()))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced; a replacement is never looked into again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def read_agents(table: object) -> tuple[tuple[DescribedAgent, ...], tuple[Told, ...]]:
    """Of a configuration's `agents`: those that are right, and whatever is wrong with the others."""
    if table is None:
        return (), ()
    if not isinstance(table, Mapping):
        return (), (("agents", "is not a table", _EXAMPLE),)
    agents: list[DescribedAgent] = []
    problems: list[Told] = []
    for name, stated in table.items():
        said = tuple(_agent_problems(str(name), stated))
        problems += said
        if not said:
            agents.append(DescribedAgent.model_validate({**stated, "name": name}))
    return tuple(agents), tuple(problems)


def _agent_problems(name: str, stated: object) -> Iterator[Told]:
    place = f"agents.{name}"
    if not isinstance(stated, Mapping):
        yield place, "is not a table", _EXAMPLE
        return
    if name in BUILT_IN:
        yield place, "the name belongs to a built-in agent", "Give it another name, such as my-" + name
    if "name" in stated:
        yield f"{place}.name", "the table's own name is the agent's", "Leave it out"
    try:
        DescribedAgent.model_validate({**stated, "name": name})
    except ValidationError as refused:
        for error in refused.errors(include_url=False):
            yield _told(place, error["loc"], _WORDS.get(error["type"], error["msg"]))
    yield from ((f"{place}.{field}", message, cure) for field, message, cure in _together(stated))


def _told(place: str, loc: Sequence[int | str], message: str) -> Told:
    parts = [part for part in loc if part != "[key]"]
    if parts == ["name"]:
        return place, "is no name for an agent", "Use small letters, digits, - and _, and begin with a letter"
    field = place + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    said = message.removeprefix("Value error, ")
    return field, said[:1].lower() + said[1:], _CURES.get(str(parts[0]) if parts else "", _EXAMPLE)


_WORDS: Mapping[str, str] = {
    "extra_forbidden": "is not known here",
    "missing": "is missing",
    "tuple_type": "is not a list",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "string_type": "is not a text",
    "string_pattern_mismatch": "is none of what may stand here",
    "dict_type": "is not a table",
    "bool_type": "is neither true nor false",
}
_CURES: Mapping[str, str] = {
    "command": 'Write a list of texts: command = ["mine", "--model", "{model}"]',
    "speaks": 'Write speaks = "text", or "acp" for the Agent Client Protocol',
    "prompt": 'Write prompt = "stdin", "file" or "argument"',
    "env": 'Write the names of variables: env = ["MINE_TOKEN"]',
    "set": 'Write it like: set = { MINE_COLOUR = "never" }',
    "home": 'Write home = "private", "own" where its login is needed, or "either"',
    "capabilities": 'Write a list of texts: capabilities = ["python", "tests"]',
    "specialities": 'Write a list of texts: specialities = ["python", "bug_fix"]',
    "wire": 'Write wire = "anthropic", "openai-chat", "openai-responses" or "gemini", or leave it out',
    "base_url": 'Write the name of a variable: base_url = "OPENAI_BASE_URL"',
    "key": 'Write the name of a variable: key = "OPENAI_API_KEY"',
    "session": "Write a pattern with one group: session = 'session: (\\S+)'",
    "resume": 'Write it like: resume = ["--resume", "{session}"]',
    "events": "Write it like: [[agents.mine.events]] with kind = 'text', when = { type = 'say' } and text = 'message.text'",
    "ends": 'Write it like: [agents.mine.ends] with exit_codes = { "3" = "gave_up" }',
    "usage": "Write it like: [agents.mine.usage] with input = 'Tokens: ([\\d.,k]+) sent'",
    "acp": 'Write it like: [agents.mine.acp] with mode = "code"',
}


def _together(stated: Mapping[str, object]) -> Iterator[Told]:
    """What does not fit together, as far as the parts can be read."""
    command, resume = _texts(stated.get("command")), _texts(stated.get("resume"))
    is_acp = stated.get("speaks") == "acp"
    if command and stated.get("prompt") == "file" and not any("{file}" in word for word in command):
        yield (
            "command",
            "the prompt goes by a file, and no argument names it",
            "Put {file} where the file's path belongs",
        )
    if stated.get("prompt", "stdin") == "stdin" and any("{prompt}" in word for word in command):
        yield "prompt", "the command names {prompt}, and the prompt goes by stdin", 'Write prompt = "argument"'
    if resume and not is_acp and not any("{session}" in word for word in resume):
        yield "resume", "it does not say which session", "Put {session} where the id belongs"
    if resume and not is_acp and not stated.get("session") and not _tells_session(stated.get("events")):
        yield "session", "a session is resumed whose id nobody finds", _CURES["session"]
    for field in ("resume", "session", "prompt", "events", "ends", "usage", "quiet") if is_acp else ("acp",):
        if field in stated:
            cure = "The protocol tells it: leave it out" if is_acp else 'Write speaks = "acp", or leave it out'
            yield field, f"has no meaning for an agent that speaks {'acp' if is_acp else 'text'}", cure


def _tells_session(events: object) -> bool:
    return isinstance(events, list | tuple) and any(
        isinstance(rule, Mapping) and rule.get("session") for rule in events
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()
