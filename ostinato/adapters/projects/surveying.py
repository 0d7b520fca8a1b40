"""Everything that is found, in one picture: for each job of each package the command with the strongest ground."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Final

from ostinato.adapters.projects import continuous, java, javascript, native, python, tasks
from ostinato.adapters.projects.choices import command_stated
from ostinato.adapters.projects.continuous import Hint
from ostinato.adapters.projects.grounds import Found, Grounds, above
from ostinato.adapters.projects.lines import recognise
from ostinato.adapters.projects.reading import Reader, table
from ostinato.domain.project import ROOT, Basis, Command, Member, Purpose, Survey

MOST_MEMBERS: Final = 40
MOST_COMMANDS: Final = 60
MOST_MANAGERS: Final = 12
MARKS: Final = frozenset((*python.MARKS, *javascript.MARKS, *native.MARKS, *java.MARKS, *tasks.MARKS))
_STRENGTH = {basis: rank for rank, basis in enumerate(Basis)}
_ORDER = (Purpose.TEST, Purpose.LINT, Purpose.TYPES, Purpose.BUILD, Purpose.FORMAT)
_FAMILY = {"TypeScript": "JavaScript", "Kotlin": "Java"}
_MOST_CHARACTERS = 300


def survey(reader: Reader, tracked: Iterable[str], python_choices: python.Choices) -> Survey:
    """`python_choices` are the tools chosen for Python at the root; empty where there is none."""
    grounds = Grounds.of(reader, tracked, MARKS)
    found = _found(grounds, python_choices)
    files = continuous.ci_files(grounds)
    hints = continuous.read_hints(grounds, files)
    commands = settle([*stated(reader), *found.commands, *tasks.survey_tasks(grounds)], hints, found.members)
    return Survey(
        managers=tuple(found.managers[:MOST_MANAGERS]),
        members=_bounded_members(reader, found.members),
        commands=_bounded_commands(reader, commands, {member.path for member in found.members[MOST_MEMBERS:]}),
        ci=tuple(files),
    )


def _found(grounds: Grounds, choices: python.Choices) -> Found:
    found = python.survey_python(grounds, choices)
    if all(member.path != ROOT for member in found.members):
        found.commands += python.root_commands(choices)
    for look in (
        javascript.survey_javascript,
        native.survey_go,
        native.survey_rust,
        java.survey_maven,
        java.survey_gradle,
    ):
        found.add(look(grounds))
    found.members.sort(key=lambda member: (member.path != ROOT, member.path.count("/"), member.path))
    return found


def stated(reader: Reader) -> list[Command]:
    """What a person wrote into .ostinato/config.toml."""
    lines = table(reader.toml(".ostinato/config.toml"), "commands")
    found = ((purpose, command_stated(reader, lines, purpose.value)) for purpose in Purpose)
    return [
        Command(
            purpose=purpose,
            tool=choice.tool,
            argv=choice.argv,
            source=f"{choice.source} {purpose.value}",
            basis=Basis.STATED,
        )
        for purpose, choice in found
        if choice is not None
    ]


def settle(candidates: Sequence[Command], hints: Sequence[Hint], members: Sequence[Member]) -> list[Command]:
    """One command for each job of each package and language: the strongest; of equals the first."""
    languages = _languages(members, candidates)
    supplied = [command for hint in hints if (command := _supplied(hint, members))]
    best: dict[tuple[str, Purpose, str], Command] = {}
    for command in sorted((*candidates, *supplied), key=lambda command: _STRENGTH[command.basis]):
        theirs = languages.get(command.member, ())
        language = command.language or (theirs[0] if len(theirs) == 1 else "")
        best.setdefault((command.member, command.purpose, _family(language)), command)
    by_person = {(c.member, c.purpose) for c in best.values() if c.basis is Basis.STATED}
    kept = [c for c in best.values() if c.basis is Basis.STATED or (c.member, c.purpose) not in by_person]
    return sorted((_confirmed(command, hints) for command in kept), key=_place)


def _languages(members: Iterable[Member], candidates: Iterable[Command]) -> Mapping[str, tuple[str, ...]]:
    """Path → the languages that have a package or a command there."""
    found: dict[str, dict[str, None]] = {}
    for path, language in (*((m.path, m.language) for m in members), *((c.member, c.language) for c in candidates)):
        if language:
            found.setdefault(path, {})[_family(language)] = None
    return {path: tuple(languages) for path, languages in found.items()}


def _family(language: str) -> str:
    return _FAMILY.get(language, language)


def _supplied(hint: Hint, members: Sequence[Member]) -> Command | None:
    """CI's own command, where it needs no declaration elsewhere and can stand alone."""
    if hint.argv is None or hint.job.is_declared:
        return None
    paths = {member.path for member in members}
    member = next((place for place in above(hint.folder) if place in paths), ROOT)
    return Command(
        purpose=hint.job.purpose,
        tool=hint.job.tool,
        argv=hint.argv,
        source=f"{hint.file} ({hint.place})",
        basis=Basis.CI,
        language=hint.job.language,
        member=member,
        folder=hint.folder,
    )


def _confirmed(command: Command, hints: Iterable[Hint]) -> Command:
    """CI runs the same in the same folder: the same script or target, or the same tool for the same job."""
    job = recognise(command.argv)
    for hint in hints:
        same_tool = hint.job.purpose is command.purpose and hint.job.tool == command.tool
        if hint.folder == command.folder and (same_tool or (job is not None and job.key == hint.job.key)):
            return command.model_copy(update={"confirmed_by": hint.file})
    return command


def _place(command: Command) -> tuple[Any, ...]:
    """The repository's own commands first, then tests of every package, then the next job of every package."""
    rank = _ORDER.index(command.purpose)
    return (command.member != ROOT, rank, command.member.count("/"), command.member, _family(command.language))


def _bounded_members(reader: Reader, members: Sequence[Member]) -> tuple[Member, ...]:
    kept = members[:MOST_MEMBERS]
    if len(members) > MOST_MEMBERS:
        reader.notes.append(f"{len(members)} packages were found; {MOST_MEMBERS} are listed")
    paths = {member.path for member in kept}
    return tuple(m.model_copy(update={"depends_on": tuple(p for p in m.depends_on if p in paths)}) for m in kept)


def _bounded_commands(reader: Reader, commands: Sequence[Command], unlisted: Container[str]) -> tuple[Command, ...]:
    listed = [command for command in commands if command.member not in unlisted]
    short = [command for command in listed if sum(map(len, command.argv)) <= _MOST_CHARACTERS]
    if len(short) > MOST_COMMANDS:
        reader.notes.append(f"{len(short)} commands were found; {MOST_COMMANDS} are listed")
    return tuple(short[:MOST_COMMANDS])
