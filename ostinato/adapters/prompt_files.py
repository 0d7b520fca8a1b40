"""Somebody's own prompt templates, read from a folder."""

from pathlib import Path

from ostinato.domain.errors import UserError
from ostinato.domain.prompting.templates import MOST_CHARS, Templates, shipped_templates, with_own

FOLDER = "prompts"
"""In .ostinato of a trusted repository, or beside the user's config.toml."""


def templates_with(*folders: Path) -> Templates:
    """The shipped ones, with those of each folder in their place, the last one strongest.

    Raises UserError with every problem of the first folder that has any. A link that leads out of its folder is passed by.
    """
    templates = shipped_templates()
    for folder in folders:
        templates = with_own(templates, _read(folder))
    return templates


def _read(folder: Path) -> dict[str, str]:
    inside = folder.resolve()
    files = [file for file in sorted(folder.glob("*/*.md")) if file.is_file() and file.resolve().is_relative_to(inside)]
    return {file.relative_to(folder).as_posix(): _text(file) for file in files}


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as stream:
            return stream.read(MOST_CHARS + 1)
    except UnicodeDecodeError as error:
        raise UserError.of("prompt_template", str(file), "it is no UTF-8 text", "Save it as UTF-8") from error
