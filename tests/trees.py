"""Small real trees, made from a dict of files, and what is read of them."""

from pathlib import Path

from ostinato.adapters.projects import inspect_project
from ostinato.domain.project import Command, Member, ProjectFacts, Purpose, Survey


def planted(tree: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sorted(files)


def facts_of(tree: Path, files: dict[str, str]) -> ProjectFacts:
    return inspect_project(tree, "c0ffee", planted(tree, files))


def survey_of(tree: Path, files: dict[str, str]) -> Survey:
    return facts_of(tree, files).survey


def commands_in(survey: Survey, member: str = ".") -> dict[str, str]:
    """Purpose → its line."""
    return {command.purpose.value: " ".join(command.argv) for command in survey.commands_of(member)}


def command_in(survey: Survey, purpose: str, member: str = ".") -> Command:
    found = survey.command(Purpose(purpose), member)
    assert found is not None, survey.commands
    return found


def member_in(survey: Survey, path: str) -> Member:
    return next(member for member in survey.members if member.path == path)


def edges(survey: Survey) -> dict[str, tuple[str, ...]]:
    return {member.path: member.depends_on for member in survey.members if member.depends_on}


def managers_in(survey: Survey) -> list[tuple[str, str]]:
    return [(manager.tool, manager.source) for manager in survey.managers]
