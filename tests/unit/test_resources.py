import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ostinato.adapters.resources import FolderTree, built_in, discover
from ostinato.adapters.resources.discovery import BUILT_IN
from ostinato.domain.classification import TaskType
from ostinato.domain.resources import Found, Kind, Origin, Resource

HEAD = "---\nname: {name}\ndescription: {text}\n---\n"
BIDI = "\u202e"


def a_skill(name: str, text: str = "Does things with invoices.", body: str = "Do it.\n") -> str:
    return HEAD.format(name=name, text=text) + body


def put(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return folder


async def found_in(tmp_path: Path, files: Mapping[str, str], home: Mapping[str, str] | None = None) -> Found:
    user = put(tmp_path / "home", home) if home is not None else None
    return await discover(FolderTree(put(tmp_path / "tree", files)), user)


def ours(found: Found, kind: Kind) -> dict[str, Resource]:
    return {each.name: each for each in found.of(kind) if each.origin is not Origin.BUILT_IN}


async def test_skills_are_found_where_tools_keep_them(tmp_path: Path) -> None:
    places = {
        "one": ".claude/skills",
        "two": ".agents/skills",
        "three": "skills",
        "four": "packages/a/.claude/skills",
        "five": ".github/skills/group",
    }

    found = await found_in(tmp_path, {f"{place}/{name}/SKILL.md": a_skill(name) for name, place in places.items()})

    assert {name: skill.path for name, skill in ours(found, Kind.SKILL).items()} == {
        name: f"{place}/{name}/SKILL.md" for name, place in places.items()
    }


async def test_a_skill_tells_what_the_specification_lets_it_tell(tmp_path: Path) -> None:
    text = (
        "---\nname: pdf-forms\ndescription: >\n  Fills forms.\n  Use for PDF.\nlicense: MIT\ncompatibility: needs qpdf\n"
        "metadata:\n  ostinato-types: testing, bug_fix\n  version: '1'\nallowed-tools:\n  - Bash(qpdf:*)\n  - Read\n---\nBody.\n"
    )

    skill = ours(await found_in(tmp_path, {".claude/skills/pdf-forms/SKILL.md": text}), Kind.SKILL)["pdf-forms"]

    assert skill.description == "Fills forms. Use for PDF."
    assert skill.fields == {"license": "MIT", "compatibility": "needs qpdf", "allowed-tools": "Bash(qpdf:*), Read"}
    assert skill.types == ("testing", "bug_fix")
    assert skill.text == "Body.\n"
    assert 0 < skill.cost.name < skill.cost.description < skill.cost.full


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("Just text.\n", "no front matter", 1),
        ("---\nname: a\n", "not closed", 1),
        ("---\ndescription: x\n---\nBody\n", "name is missing", 1),
        ("---\nname: my-skill\n---\nBody\n", "description is missing", 1),
        ("---\nname: my-skill\ndescription:\n---\nBody\n", "description is empty", 3),
        ("---\nname: My_Skill\ndescription: x\n---\nBody\n", "lower-case", 2),
        ("---\nname: my--skill\ndescription: x\n---\nBody\n", "single hyphens", 2),
        ("---\nname: other\ndescription: x\n---\nBody\n", "not that of its folder", 2),
        (f"---\nname: my-skill\ndescription: {'x' * 1025}\n---\nBody\n", "1,025 characters", 3),
        (f"---\nname: {'a' * 65}\ndescription: x\n---\nBody\n", "65 characters", 2),
        ("---\nname: my-skill\ndescription: x\n---\n\n", "no text", None),
        ("---\nname: [my-skill\ndescription: x\n---\nBody\n", "no YAML", 3),
        ("---\n- a\n- b\n---\nBody\n", "no list of fields", 2),
        ("---\na: &a [x,x,x,x,x,x,x,x,x]\nb: " + "[*a,*a,*a,*a,*a,*a,*a,*a]\n" * 1 + "---\nBody\n", "missing", 1),
    ],
)
async def test_a_broken_skill_is_reported_with_its_line_and_skipped(
    tmp_path: Path, text: str, said: str, line: int | None
) -> None:
    found = await found_in(tmp_path, {".claude/skills/my-skill/SKILL.md": text})

    (problem,) = found.broken
    assert (problem.field, problem.line) == (".claude/skills/my-skill/SKILL.md", line)
    assert said in problem.message
    assert problem.cure
    assert not ours(found, Kind.SKILL)


async def test_aliases_do_not_unfold_into_much(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    text = "---\nname: my-skill\ndescription: x\n" + "\n".join(levels) + "\n---\nBody\n"

    found = await found_in(tmp_path, {".claude/skills/my-skill/SKILL.md": text})

    assert [problem.message for problem in found.broken] == ["its front matter unfolds into too many values"]


async def test_a_colon_without_quotes_is_forgiven_and_told(tmp_path: Path) -> None:
    text = a_skill("invoices", "Use it when: somebody says invoice")

    found = await found_in(tmp_path, {".claude/skills/invoices/SKILL.md": text})

    assert ours(found, Kind.SKILL)["invoices"].description == "Use it when: somebody says invoice"
    assert [(notice.code, notice.line) for notice in found.notices] == [("front_matter_loose", 3)]


async def test_what_nobody_can_see_is_taken_out_and_told(tmp_path: Path) -> None:
    text = a_skill("invoices", f"Bills\x1b[31m {BIDI}and\x07 more", "Do it.\U000e0041\n")

    found = await found_in(tmp_path, {".claude/skills/invoices/SKILL.md": text.replace("\x07", "").replace("\x1b", "")})

    skill = ours(found, Kind.SKILL)["invoices"]
    assert skill.description == "Bills[31m and more"
    assert skill.text == "Do it.\n"
    assert [notice.code for notice in found.notices] == ["hidden_characters"]


async def test_a_wrongly_spelled_file_name_is_told(tmp_path: Path) -> None:
    found = await found_in(tmp_path, {".claude/skills/invoices/skill.md": a_skill("invoices")})

    assert [problem.cure for problem in found.broken] == ["Rename it to SKILL.md"]


async def test_the_repository_outdoes_the_user_and_the_user_outdoes_the_built_ins(tmp_path: Path) -> None:
    files = {".claude/skills/invoices/SKILL.md": a_skill("invoices", "from the repository")}
    home = {
        ".claude/skills/invoices/SKILL.md": a_skill("invoices", "from home"),
        ".config/ostinato/skills/fix-a-defect/SKILL.md": a_skill("fix-a-defect", "my own way"),
    }

    found = await found_in(tmp_path, files, home)

    assert {name: str(skill.origin) for name, skill in ours(found, Kind.SKILL).items()} == {
        "invoices": "repository",
        "fix-a-defect": "user",
    }
    assert {(lost.name, lost.origin, lost.path, lost.by) for lost in found.shadowed} == {
        ("invoices", Origin.USER, "~/.claude/skills/invoices/SKILL.md", ".claude/skills/invoices/SKILL.md"),
        ("fix-a-defect", Origin.BUILT_IN, "skills/fix-a-defect/SKILL.md", "~/.config/ostinato/skills/fix-a-defect/SKILL.md"),
    }  # fmt: skip


async def test_a_skill_within_a_skill_is_one_of_its_files(tmp_path: Path) -> None:
    files = {
        ".claude/skills/outer/SKILL.md": a_skill("outer"),
        ".claude/skills/outer/examples/inner/SKILL.md": a_skill("inner"),
    }

    assert set(ours(await found_in(tmp_path, files), Kind.SKILL)) == {"outer"}


async def test_a_link_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", {"SKILL.md": a_skill("secret")})
    tree = put(tmp_path / "tree", {".claude/skills/fine/SKILL.md": a_skill("fine"), "AGENTS.md": "# Rules\n"})
    (tree / ".claude/skills/secret").symlink_to(tmp_path / "elsewhere")
    (tree / "GEMINI.md").symlink_to("AGENTS.md")

    found = await discover(FolderTree(tree))

    assert [(problem.field, problem.code) for problem in found.broken] == [(".claude/skills/secret", "path_outside")]
    assert set(ours(found, Kind.SKILL)) == {"fine"}
    assert [(lost.path, lost.by) for lost in found.shadowed] == [("GEMINI.md", "AGENTS.md")]


async def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    found = await found_in(tmp_path, {".claude/skills/big/SKILL.md": a_skill("big", body="x" * 300_000)})

    assert [problem.code for problem in found.broken] == ["file_too_large"]


async def test_what_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    tree = put(tmp_path / "tree", {"AGENTS.md": "# Rules\n"})
    (tree / "AGENTS.md").write_bytes(b"# Rules\ncaf\xe9\n")

    found = await discover(FolderTree(tree))

    assert [problem.message for problem in found.broken] == ["line 2 is not UTF-8"]


async def test_servers_are_told_without_any_value_of_their_variables(tmp_path: Path) -> None:
    servers = {
        "github": {"command": "npx", "args": ["-y", "gh-mcp", "--token", "hunter22"], "env": {"GH_TOKEN": "ghx-very-secret"}},
        "docs": {"type": "http", "url": "https://ada:pw@docs.example.org/mcp?key=abc", "headers": {"X-Key": "${DOCS_KEY}"}},
        "db": {"command": "db-mcp", "args": ["${DB_URL:-postgres://u:pw@localhost/x}"]},
    }  # fmt: skip

    found = await found_in(tmp_path, {".mcp.json": json.dumps({"mcpServers": servers}, indent=2)})

    made = ours(found, Kind.SERVER)
    assert made["github"].description == "npx -y gh-mcp --token [hidden]"
    assert made["docs"].description == "http https://docs.example.org/mcp"
    assert made["docs"].fields["needs"] == "DOCS_KEY"
    assert made["db"].fields["needs"] == "DB_URL (has a default)"
    assert [(notice.code, notice.line) for notice in found.notices] == [("server_secret", 3)]
    assert not any(word in found.model_dump_json() for word in ("hunter22", "very-secret", ":pw@", "key=abc"))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("text", "no object"),
        ({}, "command is missing"),
        ({"type": "grpc", "url": "https://x"}, "no type 'grpc'"),
        ({"type": "http"}, "url is missing"),
        ({"type": "http", "url": "nowhere"}, "no address"),
        ({"command": "x", "args": "y"}, "no list of texts"),
        ({"command": "x", "env": ["A=b"]}, "env is no object"),
    ],
)
async def test_a_broken_server_is_told_and_the_others_stay(tmp_path: Path, entry: object, said: str) -> None:
    text = json.dumps({"mcpServers": {"good": {"command": "x"}, "bad": entry}}, indent=2)

    found = await found_in(tmp_path, {".mcp.json": text})

    (problem,) = found.broken
    assert said in problem.message
    assert problem.line == text.splitlines().index(next(line for line in text.splitlines() if '"bad"' in line)) + 1
    assert set(ours(found, Kind.SERVER)) == {"good"}


@pytest.mark.parametrize(("text", "line"), [("{\n  oops", 2), ("[]", 1), ("[" * 100_000, None), ("{}", 1)])
async def test_a_server_file_that_is_none_is_told(tmp_path: Path, text: str, line: int | None) -> None:
    found = await found_in(tmp_path, {".mcp.json": text})

    assert len(found.broken) == 1
    assert line is None or found.broken[0].line == line


async def test_the_user_s_servers_are_read_among_much_else(tmp_path: Path) -> None:
    home = {".claude.json": json.dumps({"history": ["x"] * 100, "mcpServers": {"mine": {"command": "my-mcp"}}})}

    made = ours(await found_in(tmp_path, {}, home), Kind.SERVER)

    assert made["mine"].path == "~/.claude.json"


async def test_agents_and_commands_are_named_as_their_tools_name_them(tmp_path: Path) -> None:
    files = {
        ".claude/agents/reviewer.md": "---\nname: code-reviewer\ndescription: Reviews.\ntools: Read, Grep\nmodel: sonnet\n---\nYou review.\n",
        ".claude/agents/README.md": "# For people\n",
        ".claude/agents/draft.md": "no front matter\n",
        ".claude/commands/front/page.md": "---\ndescription: Makes a page\nargument-hint: '[name]'\n---\nMake $ARGUMENTS\n",
        ".claude/commands/tidy.md": "# Tidy everything\n\nGo.\n",
    }

    found = await found_in(tmp_path, files)

    agent = ours(found, Kind.AGENT)["code-reviewer"]
    assert agent.fields == {"tools": "Read, Grep", "model": "sonnet"}
    commands = {name: each.description for name, each in ours(found, Kind.COMMAND).items()}
    assert commands == {"front:page": "Makes a page", "tidy": "Tidy everything"}
    assert [problem.field for problem in found.broken] == [".claude/agents/draft.md"]


async def test_context_is_found_at_every_depth_and_not_in_installed_packages(tmp_path: Path) -> None:
    files = {name: f"# {name}\n" for name in ("AGENTS.md", "web/AGENTS.md", "web/ui/CLAUDE.md", "GEMINI.md")}

    found = await found_in(tmp_path, {**files, "node_modules/x/AGENTS.md": "# x\n", ".claude/CLAUDE.md": "# Ours\n"})

    assert set(ours(found, Kind.CONTEXT)) == {*files, ".claude/CLAUDE.md"}
    assert {each.scope for each in found.of(Kind.CONTEXT)} == {"", "web", "web/ui"}


async def test_imports_are_followed_within_the_tree_only(tmp_path: Path) -> None:
    files = {
        "CLAUDE.md": "# Rules\n@docs/style.md and @someone, `@not/this.md`\n@~/.ssh/id_rsa\n@../up.md @gone.md\n",
        "docs/style.md": "Use tabs.\n@./more.md\n",
        "docs/more.md": "Or not. @style.md\n",
    }

    found = await found_in(tmp_path, files)

    context = ours(found, Kind.CONTEXT)["CLAUDE.md"]
    assert context.fields["imports"] == "docs/style.md, docs/more.md"
    assert "Use tabs." in context.text
    assert sorted((notice.code, notice.line) for notice in found.notices) == [
        ("import_missing", 4),
        ("path_outside", 3),
    ]


async def test_a_repository_can_bring_a_mode(tmp_path: Path) -> None:
    files = {".ostinato/modes/careful.md": "---\ndescription: Twice\n---\nCheck twice.\n"}

    assert ours(await found_in(tmp_path, files), Kind.MODE)["careful"].text == "Check twice.\n"


def test_the_built_ins_are_whole_and_there_is_a_skill_for_every_type() -> None:
    skills = [each for each in built_in() if each.kind is Kind.SKILL]

    assert len(skills) == len(list((BUILT_IN / "skills").iterdir()))
    assert {kind for each in skills for kind in each.types} == set(TaskType)
    assert all(150 <= len(each.text.split()) <= 400 for each in skills)


def test_the_built_in_modes_are_those_that_people_can_ask_for() -> None:
    modes = {each.name for each in built_in() if each.kind is Kind.MODE}

    assert modes == {"implementation", "analysis", "review", "research", "orchestration", "token-efficient"}


def test_no_two_built_in_skills_say_the_same() -> None:
    lines = [line.strip() for each in built_in() for line in each.text.splitlines() if len(line) > 50]

    assert len(lines) == len(set(lines))
