"""A folder with the test tools that every prepared environment can import, made from our own installation: no network."""

import compileall
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ostinato.adapters import inside
from ostinato.adapters.home import Home
from ostinato.domain.errors import ExternalError

DISTRIBUTIONS = (
    "pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage", "hypothesis", "sortedcontainers",
)  # fmt: skip


def ensure_toolbox(home: Home) -> Path:
    """Named after its content: made once, and again after an upgrade. Safe when two start at once."""
    target = home.toolbox / _fingerprint()
    if target.is_dir():
        return target
    home.toolbox.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=home.toolbox, prefix=".draft-"))
    try:
        for source, name in _files():
            _place(source, draft / name)
        # Environments write no bytecode, so without this each start would compile the tools again.
        compileall.compile_dir(draft, quiet=2, rx=re.compile(r"pygments[\\/](?:lexers|styles)"))
        draft.chmod(0o755)
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _own_files() -> list[Path]:
    return sorted(Path(inside.__path__[0]).glob("ostinato_*.py"))


def _fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in DISTRIBUTIONS:
        digest.update(f"{name}=={_distribution(name).version}\n".encode())
    for path in _own_files():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as missing:
        raise ExternalError(
            f"{name} is not installed beside Ostinato: install ostinato again with its dependencies",
            code="toolbox_incomplete",
        ) from missing


def _files() -> Iterator[tuple[Path, str]]:
    for name in DISTRIBUTIONS:
        distribution = _distribution(name)
        for file in distribution.files or ():
            if ".." in file.parts or "__pycache__" in file.parts or file.suffix == ".pth":
                continue
            yield Path(str(distribution.locate_file(file))), str(file)
    for path in _own_files():
        yield path, path.name


def _place(source: Path, target: Path) -> None:
    """Copied, not linked: a test that rewrites its tools must not reach our own installation."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copyfile(source, target)
        os.utime(target, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
