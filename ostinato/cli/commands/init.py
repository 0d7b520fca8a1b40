"""`init`: write a commented .ostinato/config.toml with what was detected."""

import argparse
import asyncio
import json
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_repository

if TYPE_CHECKING:
    from ostinato.domain.project import ProjectFacts, ToolChoice

EXAMPLES = ("ostinato init --repo ~/projects/shop",)
VARIABLES = ()


def declare(parser: argparse.ArgumentParser) -> None:
    declare_repository(parser)
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import here
    from ostinato.cli.detecting import detect
    from ostinato.domain.errors import UserError
    from ostinato.settings import REPOSITORY_CONFIG

    repository, project = asyncio.run(detect(here(call.arguments.repo)))
    target = repository.root / REPOSITORY_CONFIG
    if target.exists() and not call.arguments.force:
        raise UserError.of("config_exists", "--repo", f"{target} is there already", "Edit it, or overwrite: --force")
    try:
        target.parent.mkdir(exist_ok=True)
        target.write_text(config_text(project), encoding="utf-8")
    except OSError as error:
        raise UserError.of(
            "config_unwritable", "--repo", f"cannot write {target}: {error.strerror}", "Make the folder writable"
        ) from error
    call.answer({"path": str(target), "project": project.model_dump(mode="json")}, f"✔ wrote {target}")
    return Exit.OK


def config_text(project: "ProjectFacts") -> str:
    """Every setting as a comment: what is detected stays in force until a line is uncommented."""
    commands = (("test", project.tests), ("lint", project.lint), ("format", project.format), ("types", project.types))
    return "\n".join(
        (
            "# How Ostinato works in this repository. Every line is optional.",
            "",
            "[run]",
            '# interaction = "minimal"      # minimal, checkpoint (asks before executing) or collaborative',
            "# max_parallel = 5             # steps at the same time",
            '# checkpoint_remote = ""       # a git repository that receives the commits after each step',
            "# takeover_after = 120         # seconds of a worker's silence until another one takes the run over",
            "",
            "[commands]",
            "# What was detected. Uncomment a line to say it yourself: a list is an argv, a text a shell line.",
            *(_command(name, choice) for name, choice in commands),
            "",
            "[gates]",
            '# post = ["tests", "lint", "types", "security"]',
            "",
        )
    )


def _command(name: str, choice: "ToolChoice | None") -> str:
    if choice is None:
        return f"# {name} = []    # none was detected"
    return f"# {name} = {json.dumps(list(choice.argv), ensure_ascii=False)}    # {choice.source}"
