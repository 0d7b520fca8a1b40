"""The text of a .ostinato/config.toml that says what was detected and changes nothing."""

import json
from collections.abc import Iterator

from ostinato.cli.projects import ground_of, languages_of, one_line
from ostinato.domain.project import ROOT, Command, ProjectFacts, Purpose, ToolChoice

AGENTS = (
    "# Coding agents are named by whoever pays for them, for a run or for all of them, and never here:",
    "#   ostinato run … --agent claude     OSTINATO_AGENTS=claude,codex:MODEL",
    '#   use_agents = ["claude"]           in your own config.toml',
    "# What can stand here is how an agent of this repository is started, once you trust the repository:",
    "# [agents.mine]",
    '# command = ["tools/mine", "--model", "{model}"]',
)


def config_text(project: ProjectFacts) -> str:
    """Every setting as a comment: what is detected stays in force until a line is uncommented."""
    chosen = {"test": project.tests, "lint": project.lint, "format": project.format, "types": project.types}
    commands = [(purpose.value, _best(project, purpose, chosen.get(purpose.value))) for purpose in Purpose]
    return "\n".join(
        (
            "# How Ostinato works in this repository. Every line is optional.",
            "",
            *_found(project),
            "[run]",
            '# interaction = "minimal"      # minimal, checkpoint (asks before executing) or collaborative',
            "# max_parallel = 5             # steps at the same time",
            '# checkpoint_remote = ""       # a git repository that receives the commits after each step',
            "# takeover_after = 120         # seconds of a worker's silence until another one takes the run over",
            "",
            "[commands]",
            "# What was detected. Uncomment a line to say it yourself: a list is an argv, a text a shell line.",
            *(_command(name, choice) for name, choice in commands),
            *_of_packages(project),
            "",
            "[gates]",
            '# post = ["tests", "lint", "types", "security"]',
            "",
            "[budget]",
            "# max_tokens = 500000          # that one run may spend; without a line: as many as it takes",
            "# max_usd = 2.5",
            "# daily_usd = 10              # that all runs here may spend on one UTC day",
            '# on_red = "ask"              # or "stop": what happens over 85 %',
            "",
            *AGENTS,
            "",
        )
    )


def _best(project: ProjectFacts, purpose: Purpose, chosen: ToolChoice | None) -> ToolChoice | None:
    """What the tools and gates go by; before a fallback of ours, what the project itself says."""
    found = project.survey.command(purpose)
    return chosen if chosen is not None and (chosen.own or found is None) else found


def _found(project: ProjectFacts) -> Iterator[str]:
    """What was read, as comments: they say nothing by themselves."""
    if project.languages:
        yield _comment(f"Languages: {languages_of(project)}")
    for manager in project.survey.managers:
        yield _comment(f"Package manager: {manager.tool} for {manager.language}, by {manager.source}")
    for member in project.survey.members if project.survey.is_monorepo else ():
        uses = f", uses {', '.join(member.depends_on)}" if member.depends_on else ""
        yield _comment(f"Package: {member.path} ({member.name}, {member.language}, {member.manager}){uses}")
    if project.languages:
        yield ""


def _of_packages(project: ProjectFacts) -> Iterator[str]:
    """Those of single packages can only be looked at: a line of [commands] serves the whole repository."""
    for command in project.survey.commands:
        if command.member != ROOT:
            line = " ".join(command.argv)
            yield _comment(f"{command.member}: {command.purpose.value}: {line}    ({ground_of(command)})")


def _command(name: str, choice: ToolChoice | None) -> str:
    if choice is None:
        return f"# {name} = []    # none was detected"
    ground = ground_of(choice) if isinstance(choice, Command) else choice.source
    return _comment(f"{name} = {json.dumps(list(choice.argv), ensure_ascii=False)}    # {ground}")


def _comment(text: str) -> str:
    """One line whatever the repository's names hold."""
    return f"# {one_line(text)}"
