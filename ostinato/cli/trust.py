"""Whether a repository's own code may run: asked once on a terminal, remembered."""

import json
from pathlib import Path

from ostinato.adapters.home import Home
from ostinato.cli.call import Call
from ostinato.settings import ensure_home

UNTRUSTED = "its own tests, builds and configured tools will not run. Allow and remember it with --trust"


def is_trusted(home: Home, root: Path) -> bool:
    return _remembered(home).get(str(root)) is True


def remember_trust(home: Home, root: Path) -> None:
    ensure_home(home)
    part = home.trust_file.with_suffix(".part")
    part.write_text(json.dumps({**_remembered(home), str(root): True}, indent=2), encoding="utf-8")
    part.replace(home.trust_file)


def settle_trust(call: Call, root: Path) -> bool:
    """From --trust, memory, or the person at the terminal; says so when the answer is no."""
    if is_trusted(call.home, root):
        return True
    if call.arguments.trust or (call.may_ask and call.terminal.confirm(_question(root))):
        remember_trust(call.home, root)
        return True
    call.terminal.say(f"{root} is not trusted: {UNTRUSTED}")
    return False


def _question(root: Path) -> str:
    return f"Ostinato will run this repository's own code: tests, build, configured tools. Trust {root}?"


def _remembered(home: Home) -> dict[str, object]:
    try:
        known = json.loads(home.trust_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
