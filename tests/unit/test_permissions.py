"""What a policy allows: the stricter of two wins, plans are held against it before they run, changes after."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.gates import Status
from ostinato.domain.permissions import (
    Network,
    Policy,
    change_gate,
    common_patterns,
    may_run,
    permissions_gate,
    stricter,
)
from ostinato.domain.plan import CommandAction, Plan
from tests.builders import a_plan, a_step

SRC = Policy(write=(("src/**",),))
_PATHS = st.sampled_from(["src/a.py", "src/deep/b.py", "docs/a.md", ".env", "Makefile"])
_GLOBS = st.sampled_from(["**", "src/**", "src", "*.py", "docs/*", ".env", "**/*.py"])
_COMMANDS = st.sampled_from([("pytest", "-q"), ("make", "test"), ("git", "push"), ("sh", "-c", "pytest && git push")])
_PATTERNS = st.sampled_from(["pytest", "make test", "git *", "git push*", "*"])
_POLICIES = st.builds(
    Policy,
    write=st.lists(st.lists(_GLOBS, max_size=2).map(tuple), max_size=2).map(tuple),
    deny_write=st.lists(_GLOBS, max_size=2).map(tuple),
    commands=st.lists(st.lists(_PATTERNS, max_size=2).map(tuple), max_size=2).map(tuple),
    deny_commands=st.lists(_PATTERNS, max_size=2).map(tuple),
    network=st.sampled_from(Network),
)


def running(*argv: str, writes: tuple[str, ...] | None = ("src/a.py",)) -> Plan:
    return a_plan(a_step("go", action=CommandAction(argv=argv), writes=writes))


def verdict(policy: Policy, plan: Plan, **more: Any) -> tuple[Status, str]:
    gate = permissions_gate(policy, plan, **{"can_cut_network": True, **more})
    return gate.status, gate.code


@given(_POLICIES, _POLICIES, _PATHS, _COMMANDS)
def test_two_policies_together_allow_what_both_allow(
    one: Policy, other: Policy, path: str, argv: tuple[str, ...]
) -> None:
    both = stricter(one, other)

    assert both.may_write(path) == (one.may_write(path) and other.may_write(path))
    assert may_run(both, argv) == (may_run(one, argv) and may_run(other, argv))
    assert (both.network is Network.DENY) == (Network.DENY in (one.network, other.network))


@given(_POLICIES, _POLICIES, _POLICIES)
def test_the_order_in_which_policies_meet_does_not_matter(one: Policy, two: Policy, three: Policy) -> None:
    assert stricter(one, two) == stricter(two, one)
    assert stricter(stricter(one, two), three) == stricter(one, stricter(two, three))
    assert stricter(stricter(one, two), two) == stricter(one, two)


def test_without_a_policy_everything_is_open() -> None:
    assert verdict(Policy(), running("rm", "-rf", "/", writes=None)) == (Status.PASS, "permissions_open")


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        (("src/a.py",), (Status.PASS, "permissions_kept")),
        (("src/deep/**",), (Status.PASS, "permissions_kept")),
        (("docs/a.md",), (Status.FAIL, "permission_denied")),
        (("docs/**",), (Status.FAIL, "permission_denied")),
        (("**/*.py",), (Status.WARN, "permissions_unsure")),
        (None, (Status.WARN, "permissions_unsure")),
        ((), (Status.PASS, "permissions_kept")),
    ],
)
def test_claims_are_held_against_the_policy(writes: tuple[str, ...] | None, expected: tuple[Status, str]) -> None:
    assert verdict(SRC, running("true", writes=writes)) == expected


def test_what_is_denied_is_denied_inside_what_is_allowed() -> None:
    policy = Policy(write=(("src/**",),), deny_write=("src/secret",))

    assert policy.may_write("src/a.py")
    assert not policy.may_write("src/secret/key")
    assert verdict(policy, running("true", writes=("src/secret/**",))) == (Status.FAIL, "permission_denied")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("pytest", "-q"), True),
        (("/usr/bin/pytest",), True),
        (("sh", "-c", "pytest -q && make test"), True),
        (("env", "A=1", "pytest"), True),
        (("sh", "-c", "A=1 pytest"), True),
        (("make", "deploy"), False),
        (("sh", "-c", "pytest; curl x | sh"), False),
        (("bash", "-lc", "pytest & curl x"), False),
        (("sh", "-c", "sh -c 'curl x'"), False),
        (("env", "curl", "x"), False),
        (("sh", "-c", "pytest $(curl x)"), False),
        (("sh", "-c", "pytest 'unclosed"), False),
    ],
)
def test_only_allowed_commands_are_started(argv: tuple[str, ...], expected: bool) -> None:
    assert may_run(Policy(commands=(("pytest", "make test"),)), argv) is expected


@pytest.mark.parametrize(
    "line", ["git push origin main", "make && git push", "FOO=1 git push", "if true; then git push; fi"]
)
def test_denied_commands_are_found_inside_shell_lines(line: str) -> None:
    policy = Policy(deny_commands=("git push*",))

    assert not may_run(policy, ("/bin/sh", "-c", line))
    assert may_run(policy, ("/bin/sh", "-c", "git status"))


def test_a_network_that_cannot_be_cut_is_said_and_not_claimed() -> None:
    policy = Policy(network=Network.DENY)

    assert verdict(policy, running("true")) == (Status.PASS, "permissions_kept")
    assert verdict(policy, running("true"), can_cut_network=False) == (Status.WARN, "network_not_enforced")


def test_agents_that_keep_the_network_are_named_and_nothing_is_claimed() -> None:
    policy = Policy(network=Network.DENY)

    gate = permissions_gate(policy, running("true"), can_cut_network=True, online_agents=("claude",))

    assert (gate.status, gate.code) == (Status.WARN, "network_not_enforced")
    assert "claude" in gate.message


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ((), ("*",)),
        ((("*",), ("pytest", "ruff")), ("pytest", "ruff")),
        ((("pytest", "make *"), ("pytest -q", "make test", "ruff")), ("pytest -q", "make test")),
        ((("git *",), ("git log *", "gi*")), ("git *", "git log *")),
        ((("a*",), ("*b",)), ()),
        ((("pytest",), ()), ()),
    ],
)
def test_of_several_lists_what_all_allow_is_one_list(
    lists: tuple[tuple[str, ...], ...], expected: tuple[str, ...]
) -> None:
    assert common_patterns(lists) == expected


def test_a_change_outside_the_policy_fails_on_its_commit() -> None:
    kept, broken = change_gate(SRC, ["src/a.py"]), change_gate(SRC, ["src/a.py", ".github/ci.yml"], commit="c1")

    assert kept.status is Status.PASS
    assert (broken.status, broken.code, broken.commit) == (Status.FAIL, "write_denied", "c1")
    assert [finding.path for finding in broken.introduced] == [".github/ci.yml"]
