"""`init`: write a commented .ostinato/config.toml with what was detected."""

import argparse
import asyncio

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_repository

EXAMPLES = ("ostinato init --repo ~/projects/shop",)
VARIABLES = ()


def declare(parser: argparse.ArgumentParser) -> None:
    declare_repository(parser)
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")


def execute(call: Call) -> Exit:
    from ostinato.cli.configuring import config_text
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
    data = {"path": str(target), "project": project.model_dump(mode="json")}
    call.answer(
        data, f"✔ wrote {target}", "  Look through it, then commit it: it holds for everybody who runs Ostinato here"
    )
    return Exit.OK
