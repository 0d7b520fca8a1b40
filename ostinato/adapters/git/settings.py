"""What the user's git configuration says that a run has to respect."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import user_git

FALLBACK_NAME = "Ostinato"
FALLBACK_EMAIL = "ostinato@localhost"
_CARRIED = ("core.autocrlf", "core.eol", "core.filemode", "core.ignorecase", "core.symlinks", "core.precomposeunicode")
"""How files look on the user's disk: needed to read them the way their git does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """Effective configuration of one repository; keys in lower case but for their middle part."""

    values: Mapping[str, str]

    def text(self, key: str) -> str:
        return self.values.get(key, "")

    def is_on(self, key: str) -> bool:
        return self.text(key).lower() in ("true", "yes", "on", "1")

    @property
    def user_name(self) -> str:
        return self.text("user.name") or FALLBACK_NAME

    @property
    def user_email(self) -> str:
        return self.text("user.email") or FALLBACK_EMAIL

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the filter drivers that have a program."""
        names = {
            key[len("filter.") :].rpartition(".")[0]
            for key, value in self.values.items()
            if key.startswith("filter.") and key.rpartition(".")[2] in ("clean", "smudge", "process") and value
        }
        return tuple(sorted(names))

    @property
    def signing(self) -> dict[str, str]:
        """Everything a signature depends on."""
        return {key: value for key, value in self.values.items() if key.startswith("gpg.") or key == "user.signingkey"}

    @property
    def disk(self) -> dict[str, str]:
        return {key: self.values[key] for key in _CARRIED if key in self.values}

    @property
    def is_partial_clone(self) -> bool:
        return any(key.startswith("remote.") and key.endswith(".promisor") for key in self.values)

    @property
    def excludes_file(self) -> Path:
        return self._file("core.excludesfile", "ignore")

    @property
    def attributes_file(self) -> Path:
        return self._file("core.attributesfile", "attributes")

    def hooks_folder(self, root: Path, common_dir: Path) -> Path:
        configured = self.text("core.hookspath")
        return root / Path(configured).expanduser() if configured else common_dir / "hooks"

    def _file(self, key: str, default: str) -> Path:
        if self.text(key):
            return Path(self.text(key)).expanduser()
        config_home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return Path(config_home) / "git" / default


async def read_settings(root: Path) -> GitSettings:
    """Reads only: git's own overrides of ours are left out, so that the user's values are seen."""
    git = user_git(root)
    listed = await type(git)(cwd=git.cwd, env=git.env, config={})("config", "--list", "-z", "--includes")
    values: dict[str, str] = {}
    for entry in listed.split("\0"):
        key, has_value, value = entry.partition("\n")
        if key:
            values[key] = value if has_value else "true"
    return GitSettings(values=values)
