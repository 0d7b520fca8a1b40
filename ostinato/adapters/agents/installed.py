"""Where the program of an agent is, and which version: what `doctor` asks of all of them."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ostinato.adapters.agents.port import Installation
from ostinato.adapters.processes import clean_environment, run_quiet

_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_ASK_S = 20.0


def program(name: str, env: Mapping[str, str]) -> Path | None:
    """As a shell with this environment would find it."""
    found = shutil.which(name, path=env.get("PATH", ""))
    return Path(found) if found else None


def first_set(env: Mapping[str, str], *names: str) -> str:
    """The first of these variables that says something."""
    return next((name for name in names if env.get(name)), "")


async def ask_installation(
    name: str, path: Path | None, *, install: str, login: str, log_in: str, folder: Path, env: Mapping[str, str]
) -> Installation:
    """Starts it for its version alone, in a HOME of its own, so that nothing of the person's is changed."""
    if path is None:
        return Installation(name=name, login=login, problem=f"{name} is not on the PATH", cure=install)
    private = clean_environment({"HOME": str(folder), "PATH": env.get("PATH", "")})
    asked = await run_quiet((str(path), "--version"), cwd=folder, env=private, timeout_s=_ASK_S)
    found = _VERSION.search(asked.stdout)
    if not asked.ok or found is None:
        said = (asked.stderr or asked.stdout).strip()[-300:]
        problem = f"it does not start (exit code {asked.exit_code}): {said}"
        return Installation(name=name, path=str(path), login=login, is_broken=True, problem=problem, cure=install)
    return Installation(
        name=name,
        path=str(path),
        version=found[0],
        login=login,
        works=bool(login),
        problem="" if login else "it has no login",
        cure="" if login else log_in,
    )
