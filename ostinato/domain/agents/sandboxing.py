"""What an agent sees and reaches in a sandbox: mounts as data, and the command line of bubblewrap that makes them. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import urlsplit

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store")
"""Programs. Not /run and not /var: sockets there lead out, and binding them read-only would not keep anybody from talking."""
ETC = (
    "alternatives", "bash.bashrc", "ca-certificates", "debian_version", "fonts", "group", "hosts", "inputrc",
    "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime",
    "locale.alias", "magic", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki/ca-trust", "pki/tls/certs",
    "profile", "protocols", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""Of /etc what programs need; keys, tokens and what only root may read are not on the list."""
PLACE = PurePosixPath("/run/ostinato")
SOCKET = PLACE / "gateway.sock"
ENTRANCE = PLACE / "forwarder.py"
ISOLATION = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--as-pid-1",
    "--cap-drop",
    "ALL",
)
OF_ROOT = ("--remount-ro", "/proc", "--disable-userns")
"""Root outside owns files of the kernel's settings, whatever it may do inside, and needs no capability to write them."""
WRAPPERS = 1
"""Processes of bubblewrap's between the supervisor and the entrance, which passes signals on."""
NO_NETWORK = re.compile(
    r"(?i:(http|https|all|ftp|no)_proxy)|PIP_.*|UV_(INDEX|DEFAULT_INDEX|EXTRA_INDEX|FIND_LINKS|INSECURE).*|UV_CACHE_DIR"
    r"|XDG_RUNTIME_DIR|SSH_AUTH_SOCK|DBUS_SESSION_BUS_ADDRESS|DOCKER_HOST|DISPLAY|WAYLAND_DISPLAY"
)
"""Variables that name what is not there inside; addresses of package indexes may hold passwords."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class MountKind(StrEnum):
    READ = "read"
    WRITE = "write"
    EMPTY = "empty"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    kind: MountKind
    target: PurePosixPath
    source: PurePosixPath | None = None
    """Where it is outside; None: at the same path. Of a link: what it says."""
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPlace:
    path: PurePosixPath
    link_to: PurePosixPath | None = None
    """Where it is a link (/bin, mostly)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRepository:
    """The agent's own, which its worktree points at: all that git inside writes is in there."""

    place: PurePosixPath
    objects: PurePosixPath
    """Of the store that it borrows from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    tree: PurePosixPath
    private: PurePosixPath
    temporary: PurePosixPath
    """Is /tmp inside. On disk: what is in memory would count against nobody's limit."""
    system: tuple[SystemPlace, ...]
    hidden: tuple[PurePosixPath, ...] = ()
    """Of which nothing is seen but what is named here: the user's home, and ours."""
    readable: tuple[PurePosixPath, ...] = ()
    """Programs outside the system's folders, and the step's environment."""
    repository: OwnRepository | None = None
    gateway: PurePosixPath | None = None
    """Its Unix socket: the one way out."""
    entrance: PurePosixPath
    """The program that is started first inside."""
    is_root: bool = False
    """The worker is."""


def mounts(enclosure: Enclosure) -> tuple[Mount, ...]:
    """Outer folders first, so that the more exact word counts."""
    shown = tuple(_shown(enclosure))
    return tuple(sorted((*_emptied(enclosure.hidden, shown), *shown), key=lambda mount: len(mount.target.parts)))


def bwrap_argv(
    enclosure: Enclosure, command: Iterable[str], *, bwrap: str = "bwrap", cwd: PurePosixPath | None = None
) -> tuple[str, ...]:
    """The command in the sandbox. Its environment is bubblewrap's own, so that no key stands in a list of processes."""
    made = [word for mount in mounts(enclosure) for word in _words(mount)]
    place = ("--remount-ro", "/", "--chdir", str(cwd or enclosure.tree))
    return (bwrap, *ISOLATION, *made, *kernel_files(is_root=enclosure.is_root), *place, "--", *command)


def kernel_files(*, is_root: bool) -> tuple[str, ...]:
    return ("--proc", "/proc", "--dev", "/dev", *(OF_ROOT if is_root else ()))


def inside_environment(env: Mapping[str, str], enclosure: Enclosure) -> dict[str, str]:
    """Without what is not there; a home that cannot be seen becomes the private folder."""
    kept = {name: value for name, value in env.items() if not NO_NETWORK.fullmatch(name)}
    home = PurePosixPath(kept.get("HOME", "/"))
    own = (enclosure.private, enclosure.tree)
    kept["HOME"] = str(home if any(home.is_relative_to(place) for place in own) else enclosure.private)
    temporary = {name: "/tmp" for name in ("TMPDIR", "TMP", "TEMP") if name in kept}
    unseen = [name for name, value in kept.items() if name.startswith("XDG_") and not _is_seen(value, enclosure)]
    return {name: value for name, value in (kept | temporary).items() if name not in unseen}


def loopback_port(base_url: str) -> int | None:
    """Where the agent expects its model, if that is on this machine."""
    try:
        parts = urlsplit(base_url)
        return parts.port if parts.scheme == "http" and parts.hostname in _LOOPBACK else None
    except ValueError:
        return None


def unfit(base_url: str, *, has_gateway: bool) -> str:
    """Why an agent could not reach its model from inside; empty when it could."""
    if not base_url:
        return (
            "in the sandbox there is no network: an agent with a login of its own cannot use it; switch the gateway on"
        )
    if loopback_port(base_url) is None or not has_gateway:
        return f"in the sandbox there is no network, and {base_url} is not the gateway's address"
    return ""


def visible_root(program: PurePosixPath, home: PurePosixPath) -> PurePosixPath:
    """The least that has to be seen for a program to work: its installation, or the file alone where that is unclear.

    A hidden folder right in the home (.local, .cargo) has programs and credentials side by side: never the whole of it.
    """
    if "node_modules" in program.parts:
        return PurePosixPath(*program.parts[: program.parts.index("node_modules") + 1])
    prefix = program.parent.parent
    is_settings = prefix.parent == home and prefix.name.startswith(".")
    if program.parent.name != "bin" or is_settings or home.is_relative_to(prefix):
        return program
    return prefix


def _emptied(hidden: Iterable[PurePosixPath], shown: Iterable[Mount]) -> Iterator[Mount]:
    """Only where it would be seen: below a folder that is shown as it is."""
    around = [mount.target for mount in shown if mount.source is None]
    for place in hidden:
        if any(above in place.parents for above in around):
            yield Mount(kind=MountKind.EMPTY, target=place)


def _shown(enclosure: Enclosure) -> Iterator[Mount]:
    for each in enclosure.system:
        kind = MountKind.LINK if each.link_to else MountKind.READ
        yield Mount(kind=kind, target=each.path, source=each.link_to)
    for name in ETC:
        yield Mount(kind=MountKind.READ, target=PurePosixPath("/etc", name), is_optional=True)
    yield Mount(kind=MountKind.WRITE, target=PurePosixPath("/tmp"), source=enclosure.temporary)
    for place in enclosure.readable:
        yield Mount(kind=MountKind.READ, target=place)
    yield Mount(kind=MountKind.WRITE, target=enclosure.tree)
    yield Mount(kind=MountKind.WRITE, target=enclosure.private)
    yield Mount(kind=MountKind.READ, target=ENTRANCE, source=enclosure.entrance)
    if enclosure.repository is not None:
        yield from _git(enclosure.repository, enclosure.tree)
    if enclosure.gateway is not None:
        yield Mount(kind=MountKind.READ, target=SOCKET, source=enclosure.gateway)


def _git(repository: OwnRepository, tree: PurePosixPath) -> Iterator[Mount]:
    """A mount can be neither replaced nor moved from inside, but a folder that it lies in can: so each is one by itself.

    What points elsewhere, the worktree's .git and the alternates, keeps pointing there for git outside too.
    """
    own = repository.place / "objects"
    yield Mount(kind=MountKind.READ, target=tree / ".git")
    yield Mount(kind=MountKind.WRITE, target=repository.place)
    yield Mount(kind=MountKind.WRITE, target=own)
    yield Mount(kind=MountKind.READ, target=own / "info")
    yield Mount(kind=MountKind.READ, target=repository.objects)


def _words(mount: Mount) -> tuple[str, ...]:
    source, target = str(mount.source or mount.target), str(mount.target)
    match mount.kind:
        case MountKind.EMPTY:
            return ("--tmpfs", target)
        case MountKind.LINK:
            return ("--symlink", source, target)
        case MountKind.READ | MountKind.WRITE:
            option = "--ro-bind" if mount.kind is MountKind.READ else "--bind"
            return (f"{option}-try" if mount.is_optional else option, source, target)


def _is_seen(path: str, enclosure: Enclosure) -> bool:
    return any(PurePosixPath(path).is_relative_to(place) for place in (enclosure.private, enclosure.tree))
