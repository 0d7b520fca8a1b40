import json
from pathlib import Path

from ostinato.adapters.git.mirror import open_mirror
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.resources import CommitTree, FolderTree, discover
from ostinato.domain.resources import Found, Kind, Origin
from tests.repositories import RUN, commit, git, make_repository, write

SKILL = "---\nname: {name}\ndescription: About {name}.\n---\nDo it.\n"
FILES = {
    "AGENTS.md": "# Rules\n",
    "web/AGENTS.md": "# Rules of the web part\n",
    "CLAUDE.md": "See @docs/style.md\n",
    "docs/style.md": "Tabs.\n",
    ".agents/skills/bills/SKILL.md": SKILL.format(name="bills"),
    ".claude/agents/judge.md": "---\nname: judge\ndescription: Judges.\n---\nYou judge.\n",
    ".claude/commands/tidy.md": "Tidy up.\n",
    ".mcp.json": json.dumps({"mcpServers": {"db": {"command": "db-mcp"}}}),
    "skills/broken/SKILL.md": "---\nname: broken\n---\nBody\n",
}


def in_tree(found: Found) -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.digest) for each in found.resources if each.origin is not Origin.BUILT_IN]


async def test_a_commit_and_its_folder_tell_the_same(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "shop", FILES)

    of_commit = await discover(CommitTree(repository / ".git", "HEAD"))
    of_folder = await discover(FolderTree(repository))

    assert of_commit == of_folder
    assert {each[0] for each in in_tree(of_commit)} == {Kind.SKILL, Kind.SERVER, Kind.COMMAND, Kind.AGENT, Kind.CONTEXT}
    assert [problem.field for problem in of_commit.broken] == ["skills/broken/SKILL.md"]


async def test_links_of_a_commit_are_followed_inside_it_only(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "shop", FILES)
    (repository / ".claude/skills").symlink_to("../.agents/skills")
    (repository / ".agents/skills/away").symlink_to("/etc")
    (repository / "GEMINI.md").symlink_to("../../outside.md")
    head = commit(repository, {})

    found = await discover(CommitTree(repository / ".git", head))

    assert [(lost.path, lost.by) for lost in found.shadowed if lost.kind is Kind.SKILL] == [
        (".claude/skills/bills/SKILL.md", ".agents/skills/bills/SKILL.md")
    ]
    refused = {problem.field for problem in found.broken if problem.code == "path_outside"}
    assert refused == {".agents/skills/away", "GEMINI.md"}


async def test_a_private_clone_tells_what_was_committed_not_what_lies_around(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "shop", FILES)
    mirror = await open_mirror(await inspect_repository(repository), tmp_path / "mirror", RUN)
    head = git(repository, "rev-parse", "HEAD")
    write(repository, {".claude/skills/later/SKILL.md": SKILL.format(name="later")})

    found = await discover(CommitTree(mirror, head))

    assert not found.named("later")
    assert found.named("bills")


async def test_a_file_too_large_is_not_even_read_from_a_commit(tmp_path: Path) -> None:
    large = SKILL.format(name="large") + "x" * 300_000
    repository = make_repository(tmp_path / "shop", {"skills/large/SKILL.md": large})

    found = await discover(CommitTree(repository / ".git", "HEAD"))

    assert [problem.code for problem in found.broken] == ["file_too_large"]
