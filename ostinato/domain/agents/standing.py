"""What the sandbox of agents keeps on this machine, and what it does not: for `doctor`, and for the report of a run. Pure."""

from collections.abc import Iterator
from typing import Final

from ostinato.domain.base import Fact

HOLDS: Final = (
    "no network but the gateway's socket; loopback ports and abstract sockets of this machine cannot be reached",
    "the system is read-only; nothing of the user's home and of other steps is seen; /tmp is the step's own",
    "only the step's worktree and private folder can be written; git works on a copy of the worktree's records",
    "its processes see each other alone, and all end with their supervisor",
    "no capabilities, and no way to gain any (sudo and its kin do nothing)",
)
LACKS: Final = (
    "system calls are not filtered: a hole in the kernel is a way out",
    "what the agent wrote is run outside when the run's gates run the project's tests; deny the network there by policy",
)
ROOT: Final = "the worker runs as root: what only root may read below /usr and /opt is readable inside"
NOTHING: Final = (
    "nothing is enforced: an agent can read what the worker's user can read, write it, and reach the network",
    "what it leaves in its worktree is still checked: paths, secrets and gates do not depend on the sandbox",
)
_INSTALL = "Install bubblewrap (Debian and Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap)"
_CAUSES: Final = (
    (
        "disable-userns",
        "for a worker that runs as root bubblewrap has to be 0.8 or newer",
        "Run the worker as a user of its own, or install a newer bubblewrap",
    ),
    (
        "uid map",
        "this system forbids user namespaces to programs without a profile",
        "Allow bwrap the right `userns` in an AppArmor profile, or set kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    (
        "mount proc",
        "it runs in a container that masks parts of /proc",
        "Start the container with unmasked paths (Docker: --security-opt systempaths=unconfined)",
    ),
    (
        "namespace",
        "user namespaces are switched off here, or a container's filter forbids them",
        "Set kernel.unprivileged_userns_clone=1 and user.max_user_namespaces above 0; in a container allow the call `unshare`",
    ),
)


class SandboxFacts(Fact):
    platform: str
    """As `sys.platform` says it."""
    bwrap: str = ""
    """Where it is; empty: not installed."""
    version: str = ""
    works: bool = False
    """It was tried, not assumed."""
    complaint: str = ""
    """What it said when it did not."""
    is_root: bool = False


class SandboxStanding(Fact):
    works: bool
    message: str
    cure: str = ""
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


def sandbox_standing(facts: SandboxFacts) -> SandboxStanding:
    if facts.works:
        lacks = (*LACKS, ROOT) if facts.is_root else LACKS
        return SandboxStanding(works=True, message=f"bubblewrap {facts.version}".strip(), holds=HOLDS, lacks=lacks)
    message, cure = next(_problems(facts))
    return SandboxStanding(works=False, message=message, cure=cure, lacks=NOTHING)


def _problems(facts: SandboxFacts) -> Iterator[tuple[str, str]]:
    if not facts.platform.startswith("linux"):
        yield (
            f"there is none on {facts.platform}: it is made of namespaces of Linux",
            "Run the worker on Linux, or in a virtual machine",
        )
    if not facts.bwrap:
        yield "bubblewrap is not installed", _INSTALL
    for sign, cause, cure in _CAUSES:
        if sign in facts.complaint.lower():
            yield f"{cause} ({_first_line(facts.complaint)})", cure
    yield (
        f"bubblewrap does not work here: {_first_line(facts.complaint)}",
        "Try: bwrap --unshare-all --ro-bind / / true",
    )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "it said nothing")[:200]
