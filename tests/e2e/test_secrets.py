"""Whatever a step does with a secret, it is kept nowhere but in the quarantine, which is named."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, git
from tests.everywhere import assert_nowhere

COMMIT = "git -c user.name=A -c user.email=a@b.c commit -qm"
CAUGHT = {
    "written": "echo \"KEY = '$KEY'\" > src/config.py",
    "attributes": "echo '* binary' > .gitattributes; echo \"KEY = '$KEY'\" > src/config.py",
    "named": "touch src/$KEY.txt",
    "personal": '. ./.env; rm .env; echo "$PASSWORD" > src/config.txt; echo "$PASSWORD"',
}
"""What these leave in the worktree may not be committed."""
HARMLESS = {
    "printed": 'echo "$KEY"; echo "$KEY" >&2',
    "stated": 'printf \'{"key": "%s"}\' "$KEY" > "$OSTINATO_OUTPUT"',
    "committed": f'echo "$KEY" > a.txt; git add -A; {COMMIT} "use $KEY"; git rm -q a.txt; {COMMIT} gone',
    "staged": 'echo "$KEY" > "$KEY.txt"; git add -A; git rm -qf "$KEY.txt"; git branch "$KEY"',
    "packed": f'echo "$KEY" > a.txt; git add -A; {COMMIT} use; git repack -adq; git reset -q --hard HEAD~1',
    "ignored": 'mkdir -p build; echo "$KEY" > .env.local; echo "$KEY" > build/log.txt',
    "known": 'echo "$WORKERS" | tee noted.txt >&2; rm noted.txt',
}
"""These leave nothing: only in passing, or outside of what is committed."""
PASSWORD, OF_WORKER = "staple-battery-7713", "a-value-of-the-worker-5521"


def key_of(name: str) -> str:
    return "AKIA" + f"Q3{name.upper()}ZB5WQ3X7ZB5WQ3"[:16]


def leaky(folder: Path) -> Path:
    """The definition itself does not hold a whole key."""
    file = folder / "leaky.yaml"
    steps: list[dict[str, object]] = []
    for name, line in {**HARMLESS, **CAUGHT}.items():  # few may fail of those that have ended
        key = key_of(name)
        ending = "; exit 3" if name == "printed" else ""
        begin = f"KEY=$(printf '%s%s' {key[:9]} {key[9:]}); WORKERS=$(printf '%s%s' {OF_WORKER[:9]} {OF_WORKER[9:]}); "
        after = list(HARMLESS)[1:] if name in CAUGHT else []
        run = f"{begin}{line}{ending}"
        steps.append({"id": name, "run": run, "writes": ["**"], "critical": False, "depends_on": after})
    told = "We saw {{ steps.stated.key }}. Go on?"
    steps.append({"id": "asked", "ask": told, "options": ["on", "stop"], "depends_on": ["stated"]})
    file.write_text(json.dumps({"id": "leaky", "version": 1, "steps": steps, "gates": {"post": []}}))
    return file


@pytest.fixture
def guarded(tmp_path: Path, sample: Path) -> Iterator[Stack]:
    """With a secret in the user's environment, and one in a file that their steps get a copy of."""
    (sample / ".gitignore").write_text(".env*\nbuild/\n__pycache__/\n")
    (sample / ".worktreeinclude").write_text(".env\n")
    git(sample, "add", "-A")
    git(sample, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "Include .env")
    (sample / ".env").write_text(f"PASSWORD='{PASSWORD}'\n")
    stack = Stack(home=tmp_path / "home", env={"MY_API_TOKEN": OF_WORKER})
    yield stack
    stack.call("down", timeout=60)


def test_no_secret_of_a_step_or_of_a_person_is_kept(guarded: Stack, sample: Path, tmp_path: Path) -> None:
    typed = key_of("typed")
    quarantine = guarded.home / "quarantine"

    run_id = guarded.start(
        f"rotate {typed} and {OF_WORKER}",
        sample,
        "--definition",
        str(leaky(tmp_path)),
        "--trust",
        "--yes",
        "--max-parallel",
        "3",
    )
    guarded.until(run_id, lambda status: bool(status["pending_decisions"] or status["outcome"]))
    asked = json.loads(guarded.call("decisions", run_id, "--json").out)["data"][0]
    guarded.ok("decide", run_id, asked["id"], "on", "--note", f"it was {typed}")
    report = guarded.finished(run_id)
    guarded.call("down", timeout=90)

    steps = {step["id"]: step for step in report["steps"]}
    text = json.dumps(report)
    assert report["outcome"] == "degraded"
    assert {name for name in CAUGHT if steps[name]["error"]["kind"] == "secret"} == set(CAUGHT)
    assert "src/config.py:1" in json.dumps(steps["written"])
    assert "[redacted:aws-access-key]" in json.dumps(asked)
    for name in ("committed", "staged", "packed"):
        assert "put a secret into git" in json.dumps(steps[name])
    kept = [path for path in quarantine.iterdir() if path.name.startswith(run_id)]
    assert len(kept) == len(CAUGHT)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (quarantine, *kept)} == {0o700}
    assert all(str(path) in text for path in kept)
    (sample / ".env").unlink()
    for secret in (*map(key_of, (*CAUGHT, *HARMLESS)), typed, PASSWORD, OF_WORKER):
        assert_nowhere(secret, guarded.home, sample, but=(quarantine,))
    with pytest.raises(AssertionError, match=r"temporal\.db"):  # the search does see what the server stores
        assert_nowhere("redacted:aws-access-key", guarded.home / "server")


def test_a_definition_that_holds_a_secret_is_not_even_sent(own_stack: Stack, tmp_path: Path, sample: Path) -> None:
    file = tmp_path / "leaky.yaml"
    file.write_text(json.dumps({"id": "leaky", "version": 1, "steps": [{"id": "x", "run": f"curl {key_of('x')}"}]}))

    ended = own_stack.call("start", "leak", "--repo", str(sample), "--definition", str(file), "--trust", "--json")

    assert ended.code == 2
    assert "options.plan.steps[x].action.shell" in ended.out
    assert_nowhere(key_of("x"), own_stack.home)
