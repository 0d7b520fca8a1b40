"""The last look before a push, and what a step commits past every scan."""

from pathlib import Path

import pytest

from ostinato.adapters.git import scanning
from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.outgoing import outgoing_secrets
from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.scanning import added_secrets
from ostinato.adapters.git.seal import run_commit_hook
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.adapters.known_secrets import step_secrets
from ostinato.domain.redaction import Redactor
from tests.repositories import AUTHOR, RUN, a_key, an_open_mirror, commit, git, make_repository, script

TOKEN = "ghp_" + "Zq8" * 12


async def a_tree(tmp_path: Path) -> tuple[RepositoryState, Path, Path]:
    repository = make_repository(tmp_path / "repository", {"a.py": "A = 1\n"})
    state, mirror = await an_open_mirror(repository, tmp_path / "home")
    tree = tmp_path / "tree"
    await prepare_worktree(mirror, tree, state.base_commit, RUN)
    return state, mirror, tree


async def test_a_secret_that_was_added_and_taken_out_again_would_travel(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    commit(tree, {"b.py": f"T = '{TOKEN}'\n"})
    head = commit(tree, {"b.py": "T = ''\n"})

    found = await outgoing_secrets(mirror, {"refs/heads/x": head}, since=[state.base_commit], redactor=Redactor())

    assert [finding.path for finding in found] == ["b.py"]
    assert TOKEN not in str(found)


@pytest.mark.parametrize("message", ["Fine", f"Use {TOKEN}"])
async def test_messages_and_names_of_refs_are_read(tmp_path: Path, message: str) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    git(tree, "commit", "-q", "--allow-empty", "-m", message)
    head = git(tree, "rev-parse", "HEAD")
    name = "refs/heads/x" if message != "Fine" else f"refs/heads/{TOKEN}"

    found = await outgoing_secrets(mirror, {name: head}, since=[state.base_commit], redactor=Redactor())

    assert len(found) == 1
    assert TOKEN not in str(found)


async def test_a_file_too_big_to_be_read_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostinato.adapters.git.outgoing.MAX_FILE_BYTES", 2_000)
    state, mirror, tree = await a_tree(tmp_path)
    head = commit(tree, {"big.txt": f"{TOKEN}\n" * 100, "b.py": f"T = '{TOKEN}'\n"})

    found = await outgoing_secrets(mirror, {"refs/heads/x": head}, since=[state.base_commit], redactor=Redactor())

    assert [finding.path for finding in found] == ["b.py"]


async def test_a_message_that_looks_like_a_diff_hides_nothing(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    message = f"x\n\ndiff --git a.py a.py\n+++ a.py\n@@ -1 +1 @@\n+{TOKEN}\n-{TOKEN}"
    (tree / "b.py").write_text(f"T = '{TOKEN}'\n")
    git(tree, "add", "-A")
    git(tree, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "-m", message)
    head = git(tree, "rev-parse", "HEAD")

    found = await outgoing_secrets(mirror, {"refs/heads/x": head}, since=[state.base_commit], redactor=Redactor())

    assert {finding.path for finding in found} == {"", "b.py"}


async def test_objects_of_results_are_read(tmp_path: Path) -> None:
    state, mirror, _ = await a_tree(tmp_path)
    (tmp_path / "said").write_text(f'{{"summary": "{TOKEN}"}}')
    blob = git(mirror, "hash-object", "-w", str(tmp_path / "said"))

    found = await outgoing_secrets(mirror, {"refs/ostinato/x": blob}, since=[state.base_commit], redactor=Redactor())

    assert [finding.path for finding in found] == ["refs/ostinato/x"]


async def test_attributes_hide_nothing_from_the_scan(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    (tree / ".gitattributes").write_text("* binary\n")
    (tree / "b.py").write_text(f"T = '{TOKEN}'\n")
    (tree / "c.bin").write_bytes(b"\0\1" + TOKEN.encode())

    found = await added_secrets(mirror, tree, state.base_commit, Redactor())

    assert {finding.path for finding in found} == {"b.py", "c.bin"}


async def test_a_file_that_is_too_big_to_read_keeps_nothing_else_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MAX_FILE_BYTES", 1000)
    state, mirror, tree = await a_tree(tmp_path)
    (tree / "big.bin").write_text(TOKEN + "x" * 1000)
    (tree / "small.py").write_text(f"T = '{TOKEN}'\n")

    found = await added_secrets(mirror, tree, state.base_commit, Redactor())

    assert [finding.path for finding in found] == ["small.py"]


@pytest.mark.parametrize("text", ["", "x\n"])
async def test_a_secret_as_the_name_of_a_file_is_found_and_not_shown(tmp_path: Path, text: str) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    (tree / f"{TOKEN}.txt").write_text(text)

    found = await added_secrets(mirror, tree, state.base_commit, Redactor())

    assert [finding.path for finding in found] == ["[redacted:github-token].txt"]


async def test_the_message_of_a_steps_commit_is_redacted(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    (tree / "a.py").write_text("A = 2\n")

    made = await snapshot(
        tree, mirror=mirror, parent=state.base_commit, message=f"Use {TOKEN}", author=AUTHOR,
        trailers=a_key().trailers, redactor=Redactor(),
    )  # fmt: skip

    assert made is not None
    assert TOKEN not in git(mirror, "log", "-1", "--format=%B", made.commit)


async def test_a_hook_that_writes_a_secret_is_told_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    state, mirror, tree = await a_tree(tmp_path)
    (tree / "a.py").write_text("A = 2\n")
    made = await snapshot(tree, mirror=mirror, parent=state.base_commit, message="x", author=AUTHOR, trailers={})
    assert made is not None
    hooks = tmp_path / "repository" / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    script(hooks / "pre-commit", f"echo {TOKEN}; echo 'T = \"{TOKEN}\"' > b.py")
    state, _ = await an_open_mirror(tmp_path / "repository", tmp_path / "home")

    end = await run_commit_hook(
        state,
        mirror,
        tmp_path / "seal",
        run_id=RUN,
        base=state.base_commit,
        head=made.commit,
        env={},
        redactor=Redactor(),
    )

    assert ([finding.path for finding in end.secrets], end.tree) == (["b.py"], "")
    assert TOKEN not in end.output


def test_values_of_the_environment_and_of_personal_files_are_known(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('export API_TOKEN="horse battery"\nPORT=8080\n')

    known = step_secrets({"DB_PASSWORD": "staple correct", "HOME": "/root"}, tmp_path, (".env", "data.txt"))

    assert known == ("horse battery", "staple correct")
    assert Redactor().knowing(known).text("a horse battery b") == "a [redacted:known-value] b"


def test_values_of_json_are_redacted_with_their_names() -> None:
    value = {TOKEN: [1, TOKEN, {"a": None}]}

    assert Redactor().value(value) == {"[redacted:github-token]": [1, "[redacted:github-token]", {"a": None}]}
