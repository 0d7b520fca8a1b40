"""What a test run came to, and where the project's modules were imported from, as JSON."""

import json
import os
import sys
from pathlib import Path

OUTPUT = "OSTINATO_WITNESS"
PACKAGES = "OSTINATO_PACKAGES"


def imported_modules() -> dict[str, str]:
    """First-party module → the file or folder it came from."""
    wanted = [name for name in os.environ.get(PACKAGES, "").split(",") if name]
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in wanted and module is not None:
            place = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")
            if place:
                found[name] = os.path.realpath(place)
    return found


def write(tests: dict[str, dict[str, object]], suffix: str = "") -> None:
    target = os.environ.get(OUTPUT)
    if target:
        text = json.dumps({"tests": tests, "modules": imported_modules()})
        Path(target + suffix).write_text(text, encoding="utf-8")


def entry(outcome: str, reason: str = "", path: str = "", line: int = 0) -> dict[str, object]:
    return {"outcome": outcome, "reason": reason, "path": path, "line": line}
