"""What people said about types, and the calibration fitted from it; both under the home, for this home only."""

import json
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ostinato.adapters.atomic import locked, make_folder, read_json_object, write_atomically
from ostinato.adapters.home import Home
from ostinato.domain.base import Fact
from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.calibration import Calibration
from ostinato.domain.redaction import Redactor

MOST_CHARS = 1000
"""More of a request is not read by the classifier either."""


class Correction(Fact):
    text: str
    """Redacted, and cut to what the classifier reads."""
    predicted: TaskType
    said: TaskType
    model: str

    @property
    def differs(self) -> bool:
        return self.predicted is not self.said


def keep_correction(home: Home, text: str, *, predicted: TaskType, said: TaskType, model: str) -> Correction:
    """Where people agreed is kept as well, or a fit would see mistakes only. Said again, it is kept again."""
    kept = Correction(text=Redactor(_secrets()).text(text[:MOST_CHARS]), predicted=predicted, said=said, model=model)
    path = home.corrections
    with locked(path.with_suffix(".lock")), path.open("a", encoding="utf-8") as stream:
        stream.write(kept.model_dump_json() + "\n")
    path.chmod(0o600)
    return kept


def read_corrections(home: Home) -> tuple[Correction, ...]:
    """The last word on each text; lines that are no corrections are passed over."""
    try:
        lines = home.corrections.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    found: dict[str, Correction] = {}
    for line in lines:
        try:
            each = Correction.model_validate_json(line)
        except ValidationError:
            continue
        found.pop(each.text, None)
        found[each.text] = each
    return tuple(found.values())


def load_calibration(home: Home) -> Calibration | None:
    """None where nothing was refitted, or the file is broken: the shipped calibration then holds."""
    kept: Mapping[str, Any] | None = read_json_object(home.calibration)
    try:
        return Calibration.model_validate(kept) if kept is not None else None
    except ValidationError:
        return None


def save_calibration(home: Home, calibration: Calibration) -> None:
    make_folder(home.calibration.parent)
    write_atomically(home.calibration, json.dumps(calibration.model_dump(mode="json"), indent=1) + "\n")


def forget_calibration(home: Home) -> bool:
    """True when there was one."""
    was_there = home.calibration.exists()
    home.calibration.unlink(missing_ok=True)
    return was_there


def _secrets() -> list[str]:
    """The keys in our own environment must not come back in a request that quotes them."""
    return [value for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN", "_SECRET", "PASSWORD"))]
