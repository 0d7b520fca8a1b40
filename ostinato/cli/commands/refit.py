"""`refit`: recalibrate the classifier from the types you stated."""

import argparse
from typing import Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

EXAMPLES = ("ostinato refit", "ostinato refit --reset")
VARIABLES = ("OSTINATO_HOME",)


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reset", action="store_true", help="go back to the calibration that was shipped")


def execute(call: Call) -> Exit:
    return _reset(call) if call.arguments.reset else _refit(call)


def _reset(call: Call) -> Exit:
    from ostinato.adapters.corrections import forget_calibration

    was_there = forget_calibration(call.home)
    text = "back to the shipped calibration; the corrections are kept" if was_there else "there was no refit to undo"
    call.answer({"refitted": False, "reset": was_there}, text)
    return Exit.OK


def _refit(call: Call) -> Exit:
    """Temperature and the types' bias, thirteen numbers; the weights stay as they were shipped."""
    from ostinato.adapters.corrections import read_corrections, save_calibration
    from ostinato.domain.classifying.artefact import shipped_model
    from ostinato.domain.classifying.calibration import FEWEST_CORRECTIONS, refit
    from ostinato.domain.classifying.features import read
    from ostinato.domain.errors import UserError

    kept, model = read_corrections(call.home), shipped_model()
    count = sum(each.differs for each in kept)
    if count < FEWEST_CORRECTIONS:
        message = f"{count} corrections are kept, and fewer than {FEWEST_CORRECTIONS} say too little"
        cure = "Go on stating types with --type where the classifier is wrong; nothing was changed"
        raise UserError.of("corrections_too_few", "refit", message, cure)
    fitted = refit([(model.scores(read(each.text)), each.said) for each in kept], model)
    save_calibration(call.home, fitted)
    data: dict[str, Any] = {
        "refitted": True,
        "corrections": count,
        **fitted.model_dump(mode="json", exclude={"corrections"}),
    }
    agreed = len(kept) - count
    call.answer(data, f"recalibrated from {count} corrections and {agreed} agreements; undo: ostinato refit --reset")
    return Exit.OK
