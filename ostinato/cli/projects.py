"""What a repository is made of, as text: languages, managers, packages, commands, and where each fact is from."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from ostinato.cli.printable import printable
from ostinato.domain.project import ROOT, Basis, Command, Member, ProjectFacts, Purpose

SHOWN_LANGUAGES = 5
SHOWN_MEMBERS = 20
SHOWN_COMMANDS = 30
_MAX_CELL = 44
_DATA = frozenset(["JSON", "YAML", "TOML", "Markdown", "reStructuredText", "HTML", "CSS"])


def project_lines(project: ProjectFacts) -> list[Text]:
    """The whole table, for `doctor --repo`."""
    survey = project.survey
    managers = [(m.tool, m.language, _at(m.folder), m.source) for m in survey.managers]
    members = [_member_row(member) for member in survey.members[:SHOWN_MEMBERS]]
    by_package = sorted(survey.commands[:SHOWN_COMMANDS], key=lambda command: (command.member != ROOT, command.member))
    commands = [_command_row(command) for command in by_package]
    return [
        Text.assemble(("  languages  ", "title"), languages_of(project) or "none that is known"),
        *_block("package managers", managers, len(managers)),
        *_block("packages", members, len(survey.members)),
        *_block("commands, as the project has them", commands, len(survey.commands)),
    ]


def summary_lines(project: ProjectFacts) -> list[Text]:
    """A few lines, for `plan`."""
    survey = project.survey
    managers = dict.fromkeys(f"{manager.tool} ({manager.source})" for manager in survey.managers)
    count = f"{len(survey.members)} packages" if survey.is_monorepo else ""
    head = " · ".join(filter(None, (languages_of(project), ", ".join(list(managers)[:3]), count)))
    lines = [Text.assemble(("  project    ", "quiet"), one_line(head))] if head else []
    for purpose in Purpose:
        if command := survey.command(purpose):
            row = (f"{purpose.value:<7}", " ".join(command.argv), f"  {command.source}")
            lines.append(Text.assemble("             ", row[0], one_line(row[1]), (one_line(row[2]), "quiet")))
    return lines


def languages_of(project: ProjectFacts) -> str:
    """With their number of files, the most used first; data and texts only where there is nothing else."""
    code = {name: count for name, count in project.languages.items() if name not in _DATA} or project.languages
    return ", ".join(f"{name} {count}" for name, count in list(code.items())[:SHOWN_LANGUAGES])


def ground_of(command: Command) -> str:
    """Where it is from, and how sure that is."""
    parts = (
        command.source,
        "only CI says so" if command.basis is Basis.CI else "",
        f"CI runs it: {command.confirmed_by}" if _adds(command) else "",
    )
    return " · ".join(filter(None, parts))


def one_line(text: str) -> str:
    """Names of a repository may hold anything, line ends too."""
    return printable(" ".join(text.splitlines())).replace("\t", " ")


def _adds(command: Command) -> bool:
    return bool(command.confirmed_by) and not command.source.startswith(command.confirmed_by)


def _member_row(member: Member) -> tuple[str, ...]:
    uses = f"uses {', '.join(member.depends_on)}" if member.depends_on else ""
    return (member.path, member.name, member.language, member.manager, uses or member.manifest)


def _command_row(command: Command) -> tuple[str, ...]:
    return (_at(command.member) or ROOT, command.purpose.value, " ".join(command.argv), ground_of(command))


def _at(folder: str) -> str:
    return "" if folder == ROOT else folder


def _block(title: str, rows: Sequence[tuple[str, ...]], total: int) -> Iterable[Text]:
    """A title with a table below it; its last column is as wide as it likes."""
    if not rows:
        return
    yield Text(f"  {title}", style="title")
    cells = [tuple(map(one_line, row)) for row in rows]
    widths = [min(_MAX_CELL, max(map(len, column))) for column in zip(*cells, strict=True)]
    for row in cells:
        lead = "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=False))
        yield Text.assemble(f"    {lead}  ", (row[-1], "quiet"))
    if total > len(rows):
        yield Text(f"    … {total - len(rows)} more: --json lists them", style="quiet")
