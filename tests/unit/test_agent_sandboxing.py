"""What an agent in a sandbox is shown, as data."""

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from ostinato.domain.agents.sandboxing import (
    ENTRANCE,
    SOCKET,
    Enclosure,
    Mount,
    MountKind,
    OwnRepository,
    SystemPlace,
    bwrap_argv,
    inside_environment,
    loopback_port,
    mounts,
    unfit,
    visible_root,
)

HOME = PurePosixPath("/home/sam")
OURS = HOME / ".local/share/ostinato"


def an_enclosure(
    *,
    readable: tuple[PurePosixPath, ...] = (),
    hidden: tuple[PurePosixPath, ...] = (HOME,),
    gateway: PurePosixPath | None = None,
) -> Enclosure:
    run = OURS / "runs" / "r-1"
    return Enclosure(
        tree=run / "s-1",
        private=run / "private",
        temporary=run / "sandbox/tmp",
        system=(
            SystemPlace(path=PurePosixPath("/usr")),
            SystemPlace(path=PurePosixPath("/bin"), link_to=PurePosixPath("usr/bin")),
        ),
        hidden=hidden,
        readable=readable,
        repository=OwnRepository(place=run / "own", objects=OURS / "repos/x/mirror.git/objects"),
        gateway=gateway,
        entrance=PurePosixPath("/opt/ostinato/forwarder.py"),
    )


def at(enclosure: Enclosure, place: PurePosixPath) -> list[Mount]:
    return [mount for mount in mounts(enclosure) if mount.target == place]


def test_only_the_step_s_own_places_can_be_written() -> None:
    enclosure = an_enclosure(gateway=PurePosixPath("/home/sam/gateway.sock"))

    writable = {mount.target for mount in mounts(enclosure) if mount.kind is MountKind.WRITE}

    assert enclosure.repository is not None
    own = enclosure.repository.place
    assert writable == {enclosure.tree, enclosure.private, own, own / "objects", PurePosixPath("/tmp")}


def test_what_points_elsewhere_is_fixed_by_a_mount_of_its_own() -> None:
    enclosure = an_enclosure()

    assert enclosure.repository is not None
    for place in (enclosure.tree / ".git", enclosure.repository.place / "objects/info", enclosure.repository.objects):
        assert [mount.kind for mount in at(enclosure, place)] == [MountKind.READ]


def test_a_home_that_nothing_shows_needs_no_hiding() -> None:
    assert not at(an_enclosure(), HOME)


def test_a_home_below_a_folder_that_is_shown_is_emptied() -> None:
    enclosure = an_enclosure(readable=(PurePosixPath("/home"),))

    assert [mount.kind for mount in at(enclosure, HOME)] == [MountKind.EMPTY]


def test_the_gateway_s_socket_is_the_only_one_and_has_a_short_name() -> None:
    socket = PurePosixPath("/home/sam") / ("x" * 150)

    assert [mount.source for mount in at(an_enclosure(gateway=socket), SOCKET)] == [socket]
    assert not at(an_enclosure(), SOCKET)


def test_no_value_of_the_environment_stands_on_the_command_line() -> None:
    argv = bwrap_argv(an_enclosure(), ("agent", "--print"), bwrap="/usr/bin/bwrap")

    assert argv[0] == "/usr/bin/bwrap"
    assert argv[-3:] == ("--", "agent", "--print")
    assert "--setenv" not in argv


def test_all_namespaces_are_its_own_and_it_dies_with_its_supervisor() -> None:
    argv = bwrap_argv(an_enclosure(), ("agent",))

    assert {"--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent"} <= set(argv)


@pytest.mark.parametrize("is_root", [True, False])
def test_a_worker_that_is_root_shows_the_kernel_s_files_read_only(is_root: bool) -> None:
    argv = bwrap_argv(replace(an_enclosure(), is_root=is_root), ("agent",))

    assert "--remount-ro /proc --disable-userns" in " ".join(argv) if is_root else "--disable-userns" not in argv
    assert argv[argv.index("--cap-drop") + 1] == "ALL"


def test_the_command_line_says_each_kind_of_mount() -> None:
    line = " ".join(bwrap_argv(an_enclosure(readable=(PurePosixPath("/home"),)), ("agent",)))

    assert "--symlink usr/bin /bin" in line
    assert "--ro-bind /usr /usr" in line
    assert "--ro-bind-try /etc/passwd /etc/passwd" in line
    assert f"--tmpfs {HOME} " in line
    assert f"--bind {OURS}/runs/r-1/sandbox/tmp /tmp" in line
    assert f"--ro-bind /opt/ostinato/forwarder.py {ENTRANCE}" in line


def test_the_system_s_keys_are_not_among_what_is_shown_of_etc() -> None:
    shown = {str(mount.target) for mount in mounts(an_enclosure()) if mount.target.is_relative_to("/etc")}

    assert "/etc/passwd" in shown
    assert not {"/etc", "/etc/shadow", "/etc/ssl", "/etc/ssl/private", "/etc/ssh", "/etc/gitconfig"} & shown


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MODEL", "m", "m"),
        ("PATH", "/usr/bin", "/usr/bin"),
        ("https_proxy", "http://proxy:1", None),
        ("PIP_INDEX_URL", "https://me:secret@index.example", None),
        ("UV_INDEX_OURS_PASSWORD", "secret", None),
        ("SSH_AUTH_SOCK", "/run/agent", None),
        ("TMPDIR", "/home/sam/tmp", "/tmp"),
        ("HOME", "/home/sam", f"{OURS}/runs/r-1/private"),
        ("HOME", f"{OURS}/runs/r-1/private/home", f"{OURS}/runs/r-1/private/home"),
        ("XDG_CONFIG_HOME", "/home/sam/.config", None),
        ("XDG_CONFIG_HOME", f"{OURS}/runs/r-1/private/config", f"{OURS}/runs/r-1/private/config"),
    ],
)
def test_the_environment_names_nothing_that_is_not_there(name: str, value: str, expected: str | None) -> None:
    assert inside_environment({name: value}, an_enclosure()).get(name) == expected


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("/opt/tool/bin/agent", "/opt/tool"),
        ("/home/sam/.nvm/versions/node/v20/bin/node", "/home/sam/.nvm/versions/node/v20"),
        ("/home/sam/clis/node_modules/@a/agent/cli.js", "/home/sam/clis/node_modules"),
        ("/home/sam/.local/bin/agent", "/home/sam/.local/bin/agent"),
        ("/home/sam/.cargo/bin/agent", "/home/sam/.cargo/bin/agent"),
        ("/home/sam/bin/agent", "/home/sam/bin/agent"),
        ("/home/sam/.local/share/agent/versions/2.1", "/home/sam/.local/share/agent/versions/2.1"),
        ("/bin/agent", "/bin/agent"),
    ],
)
def test_of_a_program_its_installation_is_shown_and_never_a_folder_of_settings(program: str, shown: str) -> None:
    assert visible_root(PurePosixPath(program), HOME) == PurePosixPath(shown)


@pytest.mark.parametrize(
    ("base_url", "port"),
    [
        ("http://127.0.0.1:8080/anthropic", 8080),
        ("http://localhost:8080", 8080),
        ("https://127.0.0.1:8080", None),
        ("http://api.example:8080", None),
        ("http://127.0.0.1:99999", None),
        ("", None),
    ],
)
def test_the_gateway_is_where_the_agent_expects_it_on_its_loopback(base_url: str, port: int | None) -> None:
    assert loopback_port(base_url) == port


@pytest.mark.parametrize(
    ("base_url", "has_gateway", "word"),
    [
        ("http://127.0.0.1:8080", True, ""),
        ("http://127.0.0.1:8080", False, "not the gateway's address"),
        ("https://api.example", True, "not the gateway's address"),
        ("", True, "login of its own"),
    ],
)
def test_an_agent_that_could_not_reach_its_model_is_told_why(base_url: str, has_gateway: bool, word: str) -> None:
    problem = unfit(base_url, has_gateway=has_gateway)

    assert word in problem
    assert bool(problem) is bool(word)
