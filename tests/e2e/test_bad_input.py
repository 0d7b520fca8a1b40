"""Odd repositories, requests and options: refused at the door with a cure, or they just work. Nothing is lost."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import Ended, Stack, git
from tests.e2e.selecting import each_of
from tests.repositories import fingerprint, make_repository, plant_hooks, script, write

pytestmark = [pytest.mark.e2e, pytest.mark.server]

REQUEST = "fix the lint errors"
CODE = "import os\n\n\ndef answer() -> int:\n    return 42\n"
FILES = {
    "app.py": CODE,
    "test_app.py": "from app import answer\n\n\ndef test_answer() -> None:\n    assert answer() == 42\n",
}
HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-checkout", "post-commit", "post-index-change",
    "post-merge", "post-receive", "post-rewrite", "post-update", "pre-commit", "pre-merge-commit", "pre-push",
    "pre-receive", "prepare-commit-msg", "proc-receive", "reference-transaction", "update",
)  # fmt: skip
PROGRAMS = (
    "core.fsmonitor", "core.alternateRefsCommand", "core.sshCommand", "core.pager", "core.editor", "diff.external",
    "gpg.program", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv",
    "merge.evil.driver", "uploadpack.packObjectsHook",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is typed after `run`, in a folder of its own, and how it is refused."""

    typed: Callable[[Path], Sequence[str | Path]]
    code: str
    cure: str
    stdin: bytes | None = None


def a_repository(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    return make_repository(folder / "shop", files)


def a_plain_folder(folder: Path) -> Path:
    write(folder, {"plain/notes.txt": "no repository\n"})
    return folder / "plain"


def without_commits(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder / "empty")], check=True)
    return folder / "empty"


def cloned(folder: Path, *options: str) -> Path:
    source = make_repository(folder / "source", FILES, commits=[{"more.txt": "more\n"}])
    git(folder, "clone", "-q", *options, f"file://{source}", "clone")
    return folder / "clone"


def a_definition(folder: Path, text: str) -> Path:
    write(folder, {"flow.yaml": text})
    return folder / "flow.yaml"


REFUSALS = {
    "not a repository": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_plain_folder(at)], code="not_a_repository", cure="git init"
    ),
    "no such folder": Refusal(
        typed=lambda at: [REQUEST, "--repo", at / "nowhere"], code="repository_missing", cure="Name the folder"
    ),
    "a path that no system takes": Refusal(
        typed=lambda at: [REQUEST, "--repo", "x" * 5000], code="repository_missing", cure="Name the folder"
    ),
    "nobody's home": Refusal(
        typed=lambda at: [REQUEST, "--repo", "~no-such-user/shop"], code="path_unknown", cure="in full"
    ),
    "a path that is not UTF-8": Refusal(
        typed=lambda at: [REQUEST, "--repo", make_repository(at / "caf\udce9", FILES)],
        code="path_not_utf8",
        cure="Rename the folder",
    ),
    "no commits": Refusal(
        typed=lambda at: [REQUEST, "--repo", without_commits(at)], code="no_commits", cure="git commit"
    ),
    "a bare clone": Refusal(
        typed=lambda at: [REQUEST, "--repo", cloned(at, "--bare")], code="bare_repository", cure="git clone"
    ),
    "inside .git": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at) / ".git"], code="bare_repository", cure="git clone"
    ),
    "a shallow clone": Refusal(
        typed=lambda at: [REQUEST, "--repo", cloned(at, "--depth=1")], code="shallow_repository", cure="--unshallow"
    ),
    "a partial clone": Refusal(
        typed=lambda at: [REQUEST, "--repo", cloned(at, "--filter=blob:none")],
        code="partial_repository",
        cure="without --filter",
    ),
    "an unknown base": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--base", "mian"], code="base_unknown", cure="main"
    ),
    "an unknown option": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--include-drity"],
        code="usage",
        cure="Did you mean --include-dirty?",
    ),
    "an unknown type": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--type", "cooking"], code="usage", cure="--help"
    ),
    "an unknown mode": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--mode", "lazy"], code="mode_unknown", cure="Use one of"
    ),
    "a risk that nobody can state": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--risk", "critical"], code="usage", cure="--help"
    ),
    "a risk lowered without a reason": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--risk", "low"],
        code="risk_unexplained",
        cure="--because",
    ),
    "a risk with an empty reason": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--risk", "high", "--because", " "],
        code="risk_unexplained",
        cure="Say why",
    ),
    "a reason for no risk": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--because", "only comments"],
        code="risk_missing",
        cure="--risk",
    ),
    "an unknown definition": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--definition", at / "nowhere.yaml"],
        code="file_unreadable",
        cure="that you may read",
    ),
    "a definition of nobody's home": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--definition", "~no-such-user/flow.yaml"],
        code="path_unknown",
        cure="in full",
    ),
    "a definition that is a folder": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--definition", at], code="file_unreadable", cure="path"
    ),
    "a definition that is none": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--definition", a_definition(at, "- just\n- a list\n")],
        code="definition_shape",
        cure="steps:",
    ),
    "an unknown tool": Refusal(
        typed=lambda at: [
            "--repo", a_repository(at), "--definition", a_definition(at, "id: a\nsteps: [{id: b, tool: lint.fxi}]\n"),
        ],
        code="tool_unknown",
        cure="lint.fix",
    ),
    "a broken configuration of the repository": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at, {**FILES, ".ostinato/config.toml": "[gates]\npost = 7\n"})],
        code="setting_invalid",
        cure="list of: tests",
    ),
    "an empty request": Refusal(
        typed=lambda at: ["", "--repo", a_repository(at)], code="request_empty", cure="Say what you want"
    ),
    "no request": Refusal(typed=lambda at: ["--repo", a_repository(at)], code="request_empty", cure="Say what you want"),
    "a request of control characters": Refusal(
        typed=lambda at: [" \x01\x1b\x7f\n ", "--repo", a_repository(at)], code="request_empty", cure="Say what you want"
    ),
    "120 kB of request": Refusal(
        typed=lambda at: ["x" * 120_000, "--repo", a_repository(at)], code="request_too_long", cure="file of the repository"
    ),
    "1 MB of request": Refusal(
        typed=lambda at: ["-", "--repo", a_repository(at)],
        code="request_too_long",
        cure="file of the repository",
        stdin=b"please " * 150_000,
    ),
    "a request of bytes that are no text": Refusal(
        typed=lambda at: ["-", "--repo", a_plain_folder(at)],
        code="not_a_repository",
        cure="git init",
        stdin=b"fix \xff\xfe it",
    ),
    "a run id with a slash": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--id", "../up"], code="run_id_invalid", cure="lower-case"
    ),
    "a deadline in the past": Refusal(
        typed=lambda at: [REQUEST, "--repo", a_repository(at), "--deadline", "2001-01-01T00:00Z"],
        code="deadline_past",
        cure="to come",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The command line with a home of its own: who is refused there never starts a server."""

    home: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def call(self, *typed: str | Path, stdin: bytes | None = None) -> Ended:
        stack = Stack(home=self.home)
        command = stack.command(*map(str, typed))
        environment = {**stack.environment(), **self.env}
        done = subprocess.run(
            command, env=environment, input=stdin or b"", capture_output=True, timeout=60, check=False
        )
        return Ended(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(home=tmp_path / "home")
    yield door
    assert not (door.home / "server").exists()
    assert not (door.home / "crashes").exists()


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_refused_at_the_door_with_its_cure(door: Door, tmp_path: Path, case: str) -> None:
    refusal = REFUSALS[case]
    place = tmp_path / "place"
    place.mkdir()
    typed = refusal.typed(place)
    before = fingerprint(place)

    ended = door.call("run", *typed, "--json", stdin=refusal.stdin)

    problems = ended.data["error"]["problems"]
    assert (ended.code, problems[0]["code"]) == (2, refusal.code), ended.err
    assert refusal.cure in problems[0]["cure"]
    assert refusal.cure in ended.err
    assert "Traceback" not in ended.out + ended.err
    assert fingerprint(place) == before


def test_every_problem_of_one_command_is_told_at_once(door: Door, tmp_path: Path) -> None:
    place = a_plain_folder(tmp_path)

    ended = door.call("run", " ", "--repo", place, "--mode", "lazy", "--max-parallel", "0", "--id", "Ä", "--json")

    codes = {problem["code"] for problem in ended.data["error"]["problems"]}
    assert ended.code == 2
    assert codes == {"request_empty", "not_a_repository", "mode_unknown", "parallel_invalid", "run_id_invalid"}


@pytest.mark.parametrize("command", ["run", "start"])
def test_a_home_that_cannot_be_written_is_told_with_its_cure(tmp_path: Path, command: str) -> None:
    repository = a_repository(tmp_path)
    (tmp_path / "file").write_text("in the way\n")
    door = Door(home=tmp_path / "file" / "home")

    ended = door.call(command, REQUEST, "--repo", repository, "--trust")

    assert ended.code == 2
    assert "OSTINATO_HOME=~/somewhere" in ended.err
    assert "Traceback" not in ended.out + ended.err


@pytest.mark.parametrize("typed", [("approve", "run"), ("reject", "run"), ("decide", "run", "approval", "approve")])
def test_a_note_that_is_too_long_is_refused(door: Door, typed: tuple[str, ...]) -> None:
    ended = door.call(*typed, "--note", "x" * 5000)

    assert ended.code == 2
    assert "at most 4,000" in ended.err


def test_a_system_without_git_is_told_what_to_install(door: Door, tmp_path: Path) -> None:
    repository = a_repository(tmp_path)

    ended = Door(home=door.home, env={"PATH": str(tmp_path)}).call("run", REQUEST, "--repo", repository)

    assert ended.code == 1
    assert "Install git 2.38" in ended.err
    assert "Traceback" not in ended.err


def test_a_locale_that_is_not_utf_8_loses_no_letter(door: Door, tmp_path: Path) -> None:
    repository = a_repository(tmp_path)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}

    ended = Door(home=door.home, env=plain).call("plan", "räume auf 日本", "--repo", repository)

    assert ended.code == 0, ended.err
    assert "räume auf 日本" in ended.out


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A repository that is odd, and what its run must say about that."""

    make: Callable[[Path], Path]
    said: tuple[str, ...] = ()
    request: str = REQUEST
    options: tuple[str, ...] = ("--trust",)
    outcome: str = "completed"


def tracked_by_lfs(folder: Path) -> Path:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    repository = a_repository(folder, {**FILES, "model.bin": pointer, ".gitattributes": "*.bin filter=lfs -text\n"})
    for name in ("clean", "smudge", "process"):
        git(repository, "config", f"filter.lfs.{name}", "git-lfs-is-not-installed")
    git(repository, "config", "filter.lfs.required", "true")
    return repository


def with_a_submodule(folder: Path) -> Path:
    repository = a_repository(folder)
    library = make_repository(folder / "library", {"lib.txt": "1\n"})
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    git(repository, "commit", "-q", "-m", "Add the library")
    return repository


def with_a_detached_head(folder: Path) -> Path:
    repository = make_repository(folder / "shop", FILES, commits=[{"more.txt": "more\n"}])
    git(repository, "checkout", "-q", "--detach", "HEAD~1")
    return repository


def with_latin_1_names(folder: Path) -> Path:
    repository = make_repository(folder / "shop", FILES, branch="caf\udce9")
    (repository / "caf\udce9.py").write_text(CODE)
    (repository / "caf\udce9.md").write_text("[a](b.md)\n")
    git(repository, "config", "user.name", "Ren\udce9")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "Add a file")
    return repository


def with_confusing_names(folder: Path) -> Path:
    names = ("-rf.py", "--fix", "a\nb.py", "'q\"$(touch marker)`.py", " space .py", "HEAD", "refs/heads/main", "*.py")
    return a_repository(folder, {**FILES, **dict.fromkeys(names, CODE)})


def with_broken_links(folder: Path) -> Path:
    repository = a_repository(folder)
    for name in ("gone.py", "gone.md", "gone.html", "Dockerfile", "setup.cfg", "requirements.txt"):
        (repository / name).symlink_to("nowhere")
    (repository / "loop.py").symlink_to("loop.py")
    (repository / "up").symlink_to("..")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "Add links")
    return repository


def with_a_huge_file(folder: Path) -> Path:
    repository = a_repository(folder)
    (repository / "huge.bin").write_bytes(os.urandom(1_000_000) * 30)
    git(repository, "add", "huge.bin")
    git(repository, "-c", "core.compression=0", "commit", "-q", "-m", "Add a huge file")
    return repository


def with_a_failing_hook(folder: Path) -> Path:
    repository = a_repository(folder)
    (repository / ".git/hooks").mkdir(exist_ok=True)
    script(repository / ".git/hooks/pre-commit", "echo no commits on Saturdays; exit 1")
    return repository


def that_signs_without_a_key(folder: Path) -> Path:
    repository = a_repository(folder)
    git(repository, "config", "commit.gpgSign", "true")
    git(repository, "config", "user.signingKey", "0xNOBODY")
    return repository


def with_a_stale_lock(folder: Path) -> Path:
    repository = a_repository(folder)
    (repository / ".git/index.lock").write_bytes(b"")
    return repository


def that_runs_programs(folder: Path) -> Path:
    repository = a_repository(folder, {**FILES, ".gitattributes": "*.py filter=evil diff=evil merge=evil\n"})
    plant_hooks(repository, folder / "marker", HOOKS)
    tell = script(folder / "tell", f'echo "$0 $@" >> "{folder / "marker"}"; cat')
    for key in PROGRAMS:
        git(repository, "config", key, str(tell))
    git(repository, "config", "filter.evil.required", "true")
    git(repository, "config", "commit.gpgSign", "true")
    return repository


ODDITIES = {
    "a path with spaces and other letters": Odd(make=lambda at: make_repository(at / "Größe 大 'x\" $HOME", FILES)),
    "another language and control characters": Odd(
        make=a_repository,
        request="Bitte \x1b[31mlint\x07 aufräumen: 修复 lint errors, \u202eעברית\u200f 🎻\x01",
        options=("--trust", "--type", "maintenance"),
    ),
    "submodules": Odd(make=with_a_submodule, said=("submodules",)),
    "LFS pointers": Odd(make=tracked_by_lfs, said=("Git LFS",)),
    "a detached HEAD": Odd(make=with_a_detached_head),
    "names that are not UTF-8": Odd(make=with_latin_1_names),
    "names that look like options": Odd(make=with_confusing_names),
    "links that lead nowhere": Odd(make=with_broken_links),
    "a huge file": Odd(make=with_a_huge_file),
    "a stale index lock": Odd(make=with_a_stale_lock, said=("index.lock",)),
    "a signature without a key": Odd(make=that_signs_without_a_key, said=("not signed",)),
    "a failing hook": Odd(make=with_a_failing_hook, said=("no commits on Saturdays",), outcome="failed"),
    "programs of its own, not trusted": Odd(
        make=that_runs_programs, said=("hook was not run", "not trusted"), options=(), outcome="degraded"
    ),
}
USUAL_ODDITIES = (
    "a path with spaces and other letters",
    "submodules",
    "names that are not UTF-8",
    "a stale index lock",
    "a failing hook",
    "programs of its own, not trusted",
)


@pytest.mark.parametrize("case", each_of(ODDITIES, USUAL_ODDITIES))
def test_an_odd_repository_just_works_and_stays_as_it_is(stack: Stack, tmp_path: Path, case: str) -> None:
    odd = ODDITIES[case]
    repository = odd.make(tmp_path)
    (tmp_path / "marker").unlink(missing_ok=True)
    write(repository, {"mine.txt": "not committed\n"})
    before = fingerprint(repository)

    ended = stack.call("run", odd.request, "--repo", str(repository), "--no-input", "--json", *odd.options)

    report = ended.data
    assert report["outcome"] == odd.outcome, ended.err
    assert all(words in str(report["notes"]) + str(report["gates"]) for words in odd.said), report["notes"]
    assert "import os" not in git(repository, "show", f"ostinato/{report['run_id']}:app.py")
    assert "Traceback" not in ended.out + ended.err
    assert not (tmp_path / "marker").exists(), (tmp_path / "marker").read_text()
    assert fingerprint(repository) == before


def test_who_has_no_name_in_git_commits_under_a_stand_in(own_stack: Stack, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "shop", FILES, user=None)
    nameless = Stack(home=own_stack.home, env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)})

    report = nameless.ok("run", REQUEST, "--repo", str(repository), "--trust", "--no-input")

    assert "git knows no user.name" in str(report["notes"])
    assert git(repository, "log", "-1", "--format=%an", f"ostinato/{report['run_id']}") == "Ostinato"
