from pathlib import Path

import pytest

from ostinato.adapters.home import Home
from ostinato.domain.errors import UserError
from ostinato.domain.permissions import Network, Policy
from ostinato.domain.plan import GateName
from ostinato.domain.request import Interaction, RunOptions
from ostinato.reading import parse_size
from ostinato.settings import (
    INTERACTIONS,
    POST_GATES,
    TAKEOVER_AFTER_S,
    ensure_home,
    load_repository_settings,
    load_settings,
)


def written(folder: Path, name: str, text: str) -> Path:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return folder


def test_the_environment_wins_over_the_users_file(tmp_path: Path) -> None:
    written(tmp_path, "ostinato/config.toml", 'max_parallel = 3\ninteraction = "checkpoint"\n')

    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path), "OSTINATO_MAX_PARALLEL": "7"})

    assert settings.max_parallel == 7
    assert settings.interaction == "checkpoint"


def test_the_home_comes_from_the_environment(tmp_path: Path) -> None:
    settings = load_settings({"OSTINATO_HOME": str(tmp_path / "état"), "XDG_CONFIG_HOME": str(tmp_path)})

    assert settings.home.root == tmp_path / "état"


def test_every_bad_value_is_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, "ostinato/config.toml", "colour = 1\n")
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path), "OSTINATO_MAX_PARALLEL": "99", "OSTINATO_LOG_LEVEL": "loud"
    }  # fmt: skip

    with pytest.raises(UserError) as raised:
        load_settings(environment)

    fields = [problem.field for problem in raised.value.problems]
    assert fields == [f"{tmp_path}/ostinato/config.toml: colour", "OSTINATO_MAX_PARALLEL", "OSTINATO_LOG_LEVEL"]


def test_a_missing_repository_file_says_nothing(tmp_path: Path) -> None:
    settings = load_repository_settings(tmp_path)

    assert settings.max_parallel is None
    assert settings.post_gates is None


def test_a_repository_says_its_commands_and_gates(tmp_path: Path) -> None:
    text = '[run]\nmax_parallel = 2\n[commands]\ntest = ["pytest", "-q"]\n[gates]\npost = ["tests"]\n'
    written(tmp_path, ".ostinato/config.toml", text)

    settings = load_repository_settings(tmp_path)

    assert settings.max_parallel == 2
    assert settings.commands == {"test": ("pytest", "-q")}
    assert settings.post_gates == ("tests",)


def test_broken_toml_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    written(tmp_path, ".ostinato/config.toml", "[run\n")

    with pytest.raises(UserError, match="is not TOML"):
        load_repository_settings(tmp_path)


def test_a_home_that_cannot_be_written_has_its_cure(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(UserError) as raised:
        ensure_home(Home(blocked / "home"))

    assert raised.value.code == "home_unwritable"
    assert "OSTINATO_HOME=" in raised.value.problems[0].cure


def test_the_words_of_settings_are_those_of_the_domain() -> None:
    assert tuple(Interaction) == INTERACTIONS
    assert tuple(GateName) == POST_GATES
    assert RunOptions().takeover_after_s == TAKEOVER_AFTER_S


def test_checkpoints_takeovers_and_payloads_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path), "OSTINATO_CHECKPOINT_REMOTE": "/backup/shop.git",
        "OSTINATO_TAKEOVER_AFTER": "5", "OSTINATO_PAYLOADS": str(tmp_path / "shared"),
    }  # fmt: skip

    settings = load_settings(environment)

    assert (settings.checkpoint_remote, settings.takeover_after_s) == ("/backup/shop.git", 5.0)
    assert settings.home.payloads == tmp_path / "shared"


def test_retention_comes_from_the_users_file(tmp_path: Path) -> None:
    written(tmp_path, "ostinato/config.toml", '[gc]\nkeep_days = 7\nmax_size = "5G"\n')

    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path)})

    assert (settings.keep_days, settings.max_bytes) == (7.0, 5 * 1024**3)


@pytest.mark.parametrize("text", ["takeover_after = 0", "takeover_after = true", 'gc = {max_size = "much"}'])
def test_values_that_mean_nothing_are_refused(text: str, tmp_path: Path) -> None:
    written(tmp_path, "ostinato/config.toml", text + "\n")

    with pytest.raises(UserError):
        load_settings({"XDG_CONFIG_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("10K", 10_240), ("3 MB", 3 * 1024**2), ("1gib", 1024**3), ("-1", None), ("G", None), ("", None)],
)
def test_a_size_is_read_in_binary_units(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_a_repository_names_its_checkpoint_remote(tmp_path: Path) -> None:
    written(tmp_path, ".ostinato/config.toml", '[run]\ncheckpoint_remote = "../backup.git"\ntakeover_after = 30\n')

    settings = load_repository_settings(tmp_path)

    assert (settings.checkpoint_remote, settings.takeover_after_s) == ("../backup.git", 30.0)


def test_a_policy_is_read_from_the_repository_and_from_the_user(tmp_path: Path) -> None:
    text = '[policy]\nwrite = ["src/**"]\ndeny_commands = ["git push*"]\nnetwork = "deny"\n'
    for folder in (".ostinato", "ostinato"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.toml").write_text(text)

    users, repositorys = load_settings({"XDG_CONFIG_HOME": str(tmp_path)}), load_repository_settings(tmp_path)

    expected = Policy(write=(("src/**",),), deny_commands=("git push*",), network=Network.DENY)
    assert users.policy == repositorys.policy == expected


def test_an_empty_list_of_what_is_allowed_allows_nothing(tmp_path: Path) -> None:
    (tmp_path / ".ostinato").mkdir()
    (tmp_path / ".ostinato" / "config.toml").write_text("[policy]\nwrite = []\n")

    policy = load_repository_settings(tmp_path).policy

    assert policy is not None
    assert not policy.may_write("a.py")


@pytest.mark.parametrize("line", ['write = "src"', "write = [1]", 'network = "maybe"', "writes = []"])
def test_a_policy_that_cannot_be_read_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / ".ostinato").mkdir()
    (tmp_path / ".ostinato" / "config.toml").write_text(f"[policy]\n{line}\n")

    with pytest.raises(UserError, match=r"policy\."):
        load_repository_settings(tmp_path)


def test_a_tape_is_recorded_or_played_from_a_folder(tmp_path: Path) -> None:
    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path), "OSTINATO_TAPE": f"replay:{tmp_path}/tape"})

    assert settings.tape == ("replay", tmp_path / "tape")


@pytest.mark.parametrize("said", ["play:/tmp/x", "record:", "record"])
def test_a_tape_that_is_none_is_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        load_settings({"XDG_CONFIG_HOME": str(tmp_path), "OSTINATO_TAPE": said})

    assert [problem.field for problem in refused.value.problems] == ["OSTINATO_TAPE"]
