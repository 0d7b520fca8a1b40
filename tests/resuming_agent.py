"""An agent that keeps its session in its home and can be asked to go on: it writes one.txt, waits to be let on, writes two.txt.

Arguments: a journal, a file that lets it on, what it says to itself, and --resume SESSION.
"""

import json
import os
import sys
import time
import uuid
from pathlib import Path

journal, gate, aside, *rest = sys.argv[1:]
session = rest[rest.index("--resume") + 1] if "--resume" in rest else ""
talk = Path(os.environ["HOME"]) / "talks"
told = sys.stdin.read()


def note(text: str) -> None:
    with Path(journal).open("a") as lines:
        lines.write(f"{text}\n")


def remember(**said: str) -> None:
    talk.mkdir(exist_ok=True)
    with (talk / f"{session}.jsonl").open("a") as lines:
        lines.write(f"{json.dumps(said)}\n")


if session:
    if not (talk / f"{session}.jsonl").is_file():
        note(f"no session {session}")
        sys.exit(3)
    before = [json.loads(line) for line in (talk / f"{session}.jsonl").read_text().splitlines()]
    texts = " ".join(sorted(path.name for path in Path().glob("*.txt")))
    is_told = str(Path.cwd()) in told and before[0]["where"] in told
    note(f"resumed {session} in {Path.cwd()} with {texts}, and was{' not' * (not is_told)} told")
    note(f"knows {before[0]['aside']}")
else:
    session = uuid.uuid4().hex
    remember(where=str(Path.cwd()), told=told[:100], aside=aside)
    Path("one.txt").write_text("one\n")
    note(f"began {session}")
print(f"session={session}", flush=True)
print("tokens: 1,000", flush=True)
while not Path(gate).exists():
    time.sleep(0.05)
    print("waiting", flush=True)
Path("two.txt").write_text("two\n")
remember(where=str(Path.cwd()), told="end", aside="")
print("I created `one.txt` and `two.txt`.")
