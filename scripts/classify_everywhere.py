"""Do all Pythons that are found here classify every kept request alike, byte for byte, under two hash seeds? `make test-all` asks.

Looks for 3.11 to 3.13 in PATH and under pyenv. Each gets an environment with pydantic, in the pinned version, and nothing else.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
SEEDS = ("0", "4242")
TEXTS = ("training/development.jsonl", "training/explicit.jsonl", "tests/unit/explicit_requests.jsonl")
CLASSIFY = """\
import sys
from ostinato.domain.rules import classify
for line in sys.stdin.buffer.read().decode().split("\\0"):
    sys.stdout.buffer.write(classify(line).model_dump_json().encode() + b"\\n")
"""


def main() -> int:
    found = {version: python for version in VERSIONS if (python := _interpreter(version))}
    missing = [version for version in VERSIONS if version not in found]
    print("".join(f"Python {version}: skipped, no such interpreter here\n" for version in missing), end="")
    with tempfile.TemporaryDirectory(prefix="ostinato-pythons-") as folder:
        seen = {
            (version, seed): _classified(python, seed)
            for version, bare in found.items()
            for python in (_environment(bare, Path(folder) / version),)
            for seed in SEEDS
        }
    for (version, seed), classified in seen.items():
        digest, count = sha256(classified).hexdigest()[:16], len(classified.splitlines())
        print(f"Python {version}, hash seed {seed}: {count} requests, {digest}")
    alike = len(set(seen.values())) <= 1
    print("all alike" if alike else "they differ")
    return 0 if alike else 1


def _interpreter(version: str) -> str | None:
    """A real one: a name that pyenv puts in PATH may stand for a version that is not chosen."""
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    named = (shutil.which(f"python{version}"), *map(str, kept))
    return next((each for each in named if each and _runs(each, version)), None)


def _runs(python: str, version: str) -> bool:
    asked = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True)
    return answer.returncode == 0 and answer.stdout.strip() == version


def _environment(python: str, folder: Path) -> Path:
    subprocess.run([python, "-m", "venv", folder], check=True)
    inside = folder / "bin" / "python"
    quiet = ("-qqq", "--disable-pip-version-check", "--no-warn-script-location")
    subprocess.run([inside, "-m", "pip", "install", *quiet, "-c", ROOT / "constraints.txt", "pydantic"], check=True)
    return inside


def _classified(python: Path, seed: str) -> bytes:
    lines = (line for name in TEXTS for line in (ROOT / name).read_text("utf-8").splitlines())
    texts = [json.loads(line)["text"] for line in lines]
    done = subprocess.run(
        [python, "-c", CLASSIFY],
        input="\0".join(texts).encode(),
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
