from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.agents.acp_permissions import Verdict, answer
from ostinato.adapters.agents.port import Allowed

OPTIONS = [
    {"optionId": "always", "kind": "allow_always"},
    {"optionId": "once", "kind": "allow_once"},
    {"optionId": "no", "kind": "reject_once"},
]
LISTS = Allowed(commands=("pytest",), lists=(("*",), ("pytest", "git *")), denied=("git push*",))
CLOSED = Allowed(write=False, commands=(), network=False)
TESTS_ONLY = Allowed(commands=("pytest*",), network=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "out").symlink_to(tmp_path)
    return tmp_path / "tree"


def verdict(tree: Path, allowed: Allowed, **call: Any) -> Verdict:
    return answer(call, OPTIONS, allowed, tree=tree, servers=("docs",))


@pytest.mark.parametrize(
    ("allowed", "call"),
    [
        (CLOSED, {"kind": "read", "title": "read a.py"}),
        (TESTS_ONLY, {"kind": "edit", "title": "edit", "locations": [{"path": "src/a.py"}]}),
        (TESTS_ONLY, {"kind": "execute", "title": "`pytest -q`"}),
        (TESTS_ONLY, {"kind": "execute", "title": "run", "rawInput": {"command": ["bash", "-lc", "pytest -q"]}}),
        (TESTS_ONLY, {"kind": "other", "title": "mcp__docs__search"}),
        (LISTS, {"kind": "execute", "title": "git log && pytest -q"}),
        (Allowed(), {"kind": "other", "title": "anything"}),
        (Allowed(), {"kind": "fetch", "title": "docs"}),
    ],
)
def test_what_the_policy_allows_is_allowed_this_once(tree: Path, allowed: Allowed, call: dict[str, Any]) -> None:
    assert verdict(tree, allowed, **call) == Verdict(option_id="once")


@pytest.mark.parametrize(
    ("allowed", "call", "denied"),
    [
        (CLOSED, {"kind": "delete", "title": "a.py"}, "write: a.py"),
        (LISTS, {"kind": "execute", "title": "make && git push origin"}, "run make && git push origin"),
        (LISTS, {"kind": "execute", "title": "git push origin"}, "run git push origin"),
        (LISTS, {"kind": "execute", "title": "ruff check"}, "run ruff check"),
        (Allowed(denied=("curl",)), {"kind": "execute", "title": "env curl x"}, "run env curl x"),
        (CLOSED, {"kind": "execute", "title": "ls"}, "run ls"),
        (CLOSED, {"kind": "fetch", "title": "docs"}, "network: docs"),
        (CLOSED, {"title": "something"}, "other: something"),
        (Allowed(), {"kind": "switch_mode", "title": "yolo"}, "switch_mode: yolo"),
        (TESTS_ONLY, {"kind": "execute", "title": "pytest; rm -rf ~"}, "run pytest; rm -rf ~"),
        (Allowed(), {"kind": "edit", "locations": [{"path": "/etc/hosts"}]}, "write outside the worktree: /etc/hosts"),
        (Allowed(), {"kind": "edit", "locations": [{"path": "out/x"}]}, "write outside the worktree: out/x"),
        (
            Allowed(),
            {"kind": "edit", "content": [{"type": "diff", "path": "../x", "newText": ""}]},
            "write outside the worktree: ../x",
        ),
    ],
)
def test_what_it_does_not_allow_is_denied_and_named(
    tree: Path, allowed: Allowed, call: dict[str, Any], denied: str
) -> None:
    assert verdict(tree, allowed, **call) == Verdict(option_id="no", denied=denied)


def test_without_a_way_to_deny_the_call_is_taken_back(tree: Path) -> None:
    said = answer({"kind": "execute", "title": "ls"}, OPTIONS[:1], CLOSED, tree=tree)

    assert said == Verdict(option_id="", denied="run ls")


@pytest.mark.parametrize("call", [{}, {"kind": 7, "title": None, "locations": "x", "content": [3], "rawInput": []}])
def test_a_call_of_any_shape_is_answered(tree: Path, call: dict[str, Any]) -> None:
    assert verdict(tree, CLOSED, **call).option_id == "no"
    assert verdict(tree, CLOSED, **{**call, "kind": "edit"}).option_id == "no"
    assert verdict(tree, Allowed(), **{**call, "kind": "edit"}).option_id
