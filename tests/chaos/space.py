"""A disk of a trial's own: a small tmpfs on its home, in a user and mount namespace that ends with the trial."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

INSIDE: Final = ("unshare", "--user", "--map-root-user", "--mount")
SIZE: Final = "640m"
"""What the preflight asks for and more."""


@cache
def is_possible() -> bool:
    """Some kernels and distributions forbid namespaces to users who are not root."""
    if shutil.which("unshare") is None:
        return False
    probe = [*INSIDE, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def mount_home(home: Path) -> None:
    """Called inside the namespace."""
    home.mkdir(parents=True, exist_ok=True)
    options = f"size={SIZE},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home)], check=True, env=dict(os.environ))
