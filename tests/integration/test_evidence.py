"""Evidence of real repositories: read from a commit, never changed."""

from pathlib import Path

import pytest

from ostinato.adapters.evidence import gather_evidence
from ostinato.adapters.evidence.difference import read_difference
from ostinato.adapters.git.command import private_git, user_git
from tests.repositories import commit, git, make_repository

FILES = {
    "README.md": "# Sample\n",
    "CODEOWNERS": "*  @all\n/src/auth/  @security\n",
    "pyproject.toml": '[project]\nname = "sample"\nversion = "1"\ndependencies = ["pydantic>=1.9"]\n',
    "src/auth/__init__.py": "from auth.tokens import decode\n",
    "src/auth/tokens.py": "def decode(text: str) -> str:\n    return text\n\n\ndef encode(text: str) -> str:\n    return text\n",
    "src/app.py": "from auth import (\n    tokens,\n)\n\nprint(tokens.decode('x'))\n",
    "src/other.py": "# tokens are not imported here\nVALUE = 'tokens'\n",
    "tests/auth/test_tokens.py": "from auth.tokens import decode\n",
    "web/package.json": "{}\n",
    "web/src/Button.tsx": "export const Button = 1\nexport function press() {}\n",
    "web/src/App.tsx": "import { Button } from './Button'\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = make_repository(tmp_path / "project", FILES)
    for number in range(3):
        commit(place, {"src/auth/tokens.py": FILES["src/auth/tokens.py"] + f"# {number}\n"})
    return place


async def test_a_named_file_comes_with_its_size_churn_tests_dependents_and_owners(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")

    found = await gather_evidence(user_git(repository), head, "fix src/auth/tokens.py")

    first = found.matches[0]
    assert (first.path, first.owners, first.commits) == ("src/auth/tokens.py", ("@security",), 4)
    assert first.size_bytes == len(FILES["src/auth/tokens.py"]) + 4
    assert first.churn_lines >= 6
    assert found.tests == ("tests/auth/test_tokens.py",)
    assert set(found.dependents) == {"src/auth/__init__.py", "src/app.py"}
    assert (found.packages, found.languages, found.recent_commits) == (("src/auth",), {"Python": 1}, 4)


async def test_a_definition_is_found_by_its_name(repository: Path) -> None:
    found = await gather_evidence(user_git(repository), "HEAD", "`encode` is wrong, and so is press()")

    assert [match.path for match in found.matches] == ["src/auth/tokens.py", "web/src/Button.tsx"]
    assert found.packages == ("src/auth", "web")
    assert "web/src/App.tsx" in found.dependents


async def test_a_bare_clone_says_the_same_as_the_repository(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(tmp_path / "mirror.git"))
    head = git(repository, "rev-parse", "HEAD")

    here = await gather_evidence(user_git(repository), head, "fix the tokens")
    there = await gather_evidence(private_git(tmp_path / "mirror.git"), head, "fix the tokens")

    assert here == there
    assert here.matches


async def test_nothing_of_the_repository_is_changed(repository: Path) -> None:
    (repository / "src/auth/tokens.py").write_text("dirty\n")
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}

    await gather_evidence(user_git(repository), "HEAD", "fix src/auth/tokens.py and `encode`")

    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


async def test_a_request_without_a_name_from_here_has_no_matches_and_says_so(repository: Path) -> None:
    found = await gather_evidence(user_git(repository), "HEAD", "why is it slow?")

    assert (found.matches, found.files) == ((), len(FILES))
    assert "no name in the request" in found.notes[0]


async def test_the_commit_that_is_asked_for_counts_and_not_the_newest(repository: Path) -> None:
    old = git(repository, "rev-parse", "HEAD")
    commit(repository, {"src/newer.py": "NEW = 1\n"})

    found = await gather_evidence(user_git(repository), old, "fix src/newer.py")

    assert found.matches == ()
    assert "src/newer.py is not in the repository" in found.notes


@pytest.mark.parametrize(
    "name", ["a b.py", "naïve.py", "-dash.py", "semi;colon.py", "new\nline.py", ":(glob).py", "[x].py"]
)
async def test_odd_file_names_do_no_harm(tmp_path: Path, name: str) -> None:
    place = make_repository(tmp_path / "project", {f"odd/{name}": "import tokens\n", "odd/tokens.py": "X = 1\n"})

    found = await gather_evidence(user_git(place), "HEAD", "clean up the folder odd and tokens.py")

    assert found.matches[0].path == "odd/tokens.py"
    assert found.dependents_count <= 1


@pytest.mark.parametrize(
    "text", ["--output=x", "-e `--help`", "`-x`", "HEAD^{tree} @{-1}", "../../etc/passwd", "a" * 20_000]
)
async def test_odd_requests_do_no_harm(repository: Path, text: str) -> None:
    assert (await gather_evidence(user_git(repository), "HEAD", text)).matches == ()


async def test_no_time_left_is_said_and_not_raised(repository: Path) -> None:
    found = await gather_evidence(user_git(repository), "HEAD", "fix tokens.py", limit_s=0.0)

    assert found.commit == "HEAD"


async def test_a_difference_names_what_is_gone_and_what_came(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "rm", "-q", "tests/auth/test_tokens.py")
    git(repository, "mv", "src/other.py", "src/renamed.py")
    changed = {
        "pyproject.toml": FILES["pyproject.toml"].replace(">=1.9", ">=2").replace('"]', '", "httpx"]'),
        "src/auth/tokens.py": "def decode(text: str) -> str:\n    return text\n",
        "src/db/migrations/1.sql": "select 1;\n",
        "web/src/Button.tsx": "export const Button = 1\n",
    }
    head = commit(repository, changed)

    found = await read_difference(user_git(repository), base, head)

    kinds = {file.path: file.kind for file in found.files}
    assert kinds["tests/auth/test_tokens.py"] == "deleted"
    assert kinds["src/renamed.py"] == "renamed"
    assert kinds["src/db/migrations/1.sql"] == "added"
    assert found.public_removed == ("src/auth/tokens.py:encode", "web/src/Button.tsx:press")
    assert found.majors == ("pydantic 1 → 2",)
    assert found.dependencies_changed == ("+ httpx",)
    assert (found.files_count, found.lines_added > 0, found.lines_removed > 0) == (6, True, True)


async def test_a_binary_file_is_known_as_one(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    (repository / "image.bin").write_bytes(bytes(range(256)))
    head = commit(repository, {})

    found = await read_difference(user_git(repository), base, head)

    assert [(file.path, file.is_binary) for file in found.files] == [("image.bin", True)]


async def test_equal_commits_differ_in_nothing(repository: Path) -> None:
    assert (await read_difference(user_git(repository), "HEAD", "HEAD")).files_count == 0


async def test_the_users_configuration_of_git_changes_nothing(repository: Path) -> None:
    asked = "fix src/auth/tokens.py and `press`"
    before = await gather_evidence(user_git(repository), "HEAD", asked)
    for key in ("grep.lineNumber", "grep.column", "log.showSignature", "color.ui", "diff.renames", "grep.fullName"):
        git(repository, "config", key, "always" if key == "color.ui" else "true")
    git(repository, "config", "gpg.program", "/does/not/exist")
    git(repository, "config", "grep.patternType", "perl")

    assert await gather_evidence(user_git(repository), "HEAD", asked) == before
    assert before.dependents_count > 0
