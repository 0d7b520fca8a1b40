"""A model in a process of its own that says what its script says."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.stack import ROOT


@contextmanager
def a_model(folder: Path, script: dict[str, object]) -> Iterator[str]:
    """The address of a scripted model; what it is asked is in `asked.jsonl`."""
    (folder / "scripts.json").write_text(json.dumps({"default": script}))
    argv = [
        sys.executable,
        "-m",
        "tests.model_server",
        str(folder / "scripts.json"),
        "--log",
        str(folder / "asked.jsonl"),
    ]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], 20)[0], "the model never listened"
        yield process.stdout.readline().split()[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
