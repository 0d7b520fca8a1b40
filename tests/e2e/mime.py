"""A coding agent without a model: what it does stands in a file. `python mime.py STATE [SESSION]`, the task by stdin.

STATE/parts.json names the scenes of each part. Its part is the first whose name the task holds as `part: NAME`, or whose
`when` it holds. It counts in STATE how often it was asked: each time it plays the next scene, and the last one again after that.
A scene: `{"wait_for": PATTERN, "write": {PATH: TEXT}, "append": {PATH: TEXT}, "remove": [PATH], "dies": BOOL, "says": TEXT}`.
"""

import glob
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def main(state: Path, session: str) -> None:
    task = sys.stdin.read()
    part = session or part_of(state, task)
    tell(type="started", session=part)
    scene = next_scene(state, part)
    play(scene, Path())
    tell(type="usage", input=1_000, output=100)
    tell(type="text", text=scene.get("says", "It is done."))


def part_of(state: Path, task: str) -> str:
    parts = json.loads((state / "parts.json").read_text())
    return next(str(name) for name, said in parts.items() if f"part: {name}" in task or said["when"] in task)


def next_scene(state: Path, part: str) -> dict[str, Any]:
    scenes: list[dict[str, Any]] = json.loads((state / "parts.json").read_text())[part]["scenes"]
    return scenes[min(count(state / f"{part}.asked"), len(scenes) - 1)]


def count(file: Path) -> int:
    """How often it was asked before."""
    asked = len(file.read_text()) if file.exists() else 0
    with file.open("a") as stream:
        stream.write("+")
    return asked


def play(scene: dict[str, Any], tree: Path) -> None:
    wait_for(scene.get("wait_for", ""))
    for name, text in scene.get("write", {}).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for name, text in scene.get("append", {}).items():
        with (tree / name).open("a") as stream:
            stream.write(text)
    for name in scene.get("remove", ()):
        (tree / name).unlink()
    if scene.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)


def wait_for(pattern: str) -> None:
    limit = time.monotonic() + 60
    while pattern and not glob.glob(pattern) and time.monotonic() < limit:
        time.sleep(0.05)


def tell(**event: Any) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
