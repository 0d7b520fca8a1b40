"""`make demo`: a real request on a sample repository, from words to a proven branch. Takes a folder for it, if you like."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.sample import make_sample  # noqa: E402 - the path comes first

REQUEST = "Modernise and clean up this project: fix lint errors, format it, and add missing tests"


def main() -> int:
    given = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / ".demo" / "tally"
    sample = make_sample(given)
    shown = sample.relative_to(ROOT) if sample.is_relative_to(ROOT) else sample
    print(f"sample repository: {shown} (a small Python project with real defects)\n")
    print(f'$ ostinato run "{REQUEST}" --repo {shown} --trust\n', flush=True)
    command = [sys.executable, str(ROOT / "client.py"), "run", REQUEST, "--repo", str(sample), "--trust", "--no-input"]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ}, check=False)
    if ended.returncode == 0:
        print(_next(shown))
    return ended.returncode


def _next(shown: Path) -> str:
    program = ".venv/bin/ostinato"
    commands = {
        f"git -C {shown} log --oneline --all": "the commits, one for each step that wrote",
        f"{program} list": "all runs (a run is named by any unique prefix of its id)",
        f"{program} diff RUN": "what the run changed",
        f"{program} merge RUN": "bring it into main: only because its gates passed",
        "make down": "stop the local Temporal server and worker",
    }
    width = max(map(len, commands)) + 3
    return "\nNext:\n" + "\n".join(f"  {command:{width}}{meaning}" for command, meaning in commands.items())


if __name__ == "__main__":
    raise SystemExit(main())
