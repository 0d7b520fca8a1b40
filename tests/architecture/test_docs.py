"""Documentation says what the code says, and its links and commands exist."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from ostinato.cli.catalogue import ENTRIES
from ostinato.cli.exits import MEANING
from ostinato.contracts import activities, workflows
from ostinato.domain.definition.model import Definition, StepSpec
from ostinato.domain.plan import GateName
from ostinato.domain.tools import TOOLS
from ostinato.settings import VARIABLES
from scripts.make_reference import REFERENCE, ROOT, error_codes, pages, parser_of, source_files

MESSAGES = tuple(
    getattr(workflows, name)
    for name in ("DECIDE", "APPROVE", "REJECT", "PAUSE", "RESUME", "PROGRESS", "PENDING_DECISIONS")
)
PLACES = tuple(Path(name) for name in ("workflows", "activities", "tests", "scripts")) + tuple(
    Path("ostinato") / name for name in ("domain", "contracts", "durable", "adapters", "cli")
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^\$ |`|&& )(?:\.venv/bin/)?ostinato ([a-z]+)((?:[^`\n#\"]|\"[^\"]*\")*)", re.MULTILINE)
MACHINE = re.compile(
    "|".join((r"/" + r"work/", r"/tmp/" + r"w/", r"/opt/" + r"pypi", r"pypi" + r"\.org", r"pythonhosted" + r"\.org"))
)
INTERNAL_VARIABLES = {
    "OSTINATO_MODEL_KEY",
    "OSTINATO_STEP",
    "OSTINATO_RUN",
    "OSTINATO_OUTPUT",
    "OSTINATO_CONTEXT",
    "OSTINATO_PACKAGES",
    "OSTINATO_WITNESS",
}
"""Set by the worker for its own children; nobody else sets them."""
NOT_OURS = ("LICENSE", "constraints.txt")


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _reference(page: str) -> str:
    return (REFERENCE / page).read_text(encoding="utf-8")


def _is_text(path: Path) -> bool:
    return path.suffix not in {".png", ".pyc", ".gz", ".bin"} and path.name not in NOT_OURS


MARKDOWN = _tracked("*.md")


@pytest.mark.parametrize("page", pages())
def test_a_generated_page_is_up_to_date(page: str) -> None:
    assert _reference(page) == pages()[page], "run: python scripts/make_reference.py"


@pytest.mark.parametrize("command", ENTRIES)
def test_a_command_and_its_options_are_in_the_reference(command: str) -> None:
    section = _reference("commands.md").partition(f"### `{command}`\n")[2].partition("\n### ")[0]

    shared = {"-h", "--help", "--json", "--no-input"}
    options = {option for action in parser_of(command)._actions for option in action.option_strings} - shared

    assert section
    assert [option for option in sorted(options) if option not in section] == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("exit-codes.md", [f"| {int(code)} | {meaning} |" for code, meaning in MEANING.items()]),
        ("settings.md", [f"`{name}`" for name in VARIABLES]),
        ("gates.md", [f"`{name}`" for name in (*GateName, "git", "dependencies", "risk", "hook")]),
        ("tools.md", [f"`{name}`" for name in TOOLS]),
        ("errors.md", [f"`{code}`" for code in error_codes()]),
        ("messages.md", [f"`{name}`" for name in (*MESSAGES, *(one.name for one in activities.ALL))]),
        ("search-attributes.md", [f"`{name}`" for name in workflows.SEARCH_ATTRIBUTES]),
        ("definition.md", [f"`{field.alias or name}`" for model in (Definition, StepSpec) for name, field in model.model_fields.items()]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_every_name_is_in_the_reference(page: str, names: list[str]) -> None:
    text = _reference(page)

    assert names
    assert [name for name in names if name not in text] == []


def test_every_variable_that_the_code_reads_by_our_name_is_a_setting() -> None:
    read = {
        node.value
        for path in source_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"OSTINATO_[A-Z_]+", node.value)
    }

    assert read - set(VARIABLES) == INTERNAL_VARIABLES


@pytest.mark.parametrize("page", MARKDOWN, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]

    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", MARKDOWN, ids=_name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    unknown = []
    for command, rest in COMMAND.findall(text):
        options = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        known = (
            {option for action in parser_of(command)._actions for option in action.option_strings}
            if command in ENTRIES
            else set()
        )
        unknown += [f"{command} {option}" for option in options - known] if known else [command]

    assert unknown == []


@pytest.mark.parametrize("page", MARKDOWN, ids=_name)
def test_every_make_target_that_is_shown_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    shown = re.findall(r"(?:`|\$ |&& )make ([a-z-]+)", page.read_text(encoding="utf-8"))

    assert set(shown) <= targets


def test_every_test_that_the_readme_names_exists() -> None:
    named = re.findall(r"`([a-z0-9_]+/test_\w+\.py)::(\w+)`", (ROOT / "README.md").read_text(encoding="utf-8"))

    assert named
    assert [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"def {test}\b", (ROOT / "tests" / file).read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_folder_says_when_to_touch_it(place: Path) -> None:
    text = (ROOT / place / "README.md").read_text(encoding="utf-8")

    assert text.split("\n\n")[1].startswith("When do you need to touch this?")


def test_no_file_names_a_machine_path_or_a_package_registry() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in _tracked() if _is_text(path)}

    assert [_name(path) for path, text in texts.items() if MACHINE.search(text)] == []
