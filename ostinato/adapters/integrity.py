"""What a change did to its judges: the facts from git, and a checkout that is judged by the base's configuration."""

import sys
from pathlib import Path

from ostinato.adapters.git.command import nul_separated, private_git, readable
from ostinato.adapters.git.commits import changed_paths
from ostinato.adapters.git.objects import read_objects
from ostinato.domain.integrity.collection import PYTEST_FILES
from ostinato.domain.integrity.configuration import kind_of
from ostinato.domain.integrity.model import Change, FileChange

MAX_FILE_CHARS = 1_000_000
MAX_FILES = 5_000
_READ = (
    ".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".go", ".rs",
    ".java", ".kt", ".kts", ".scala", ".groovy", ".sh", ".bash", ".pth", ".egg-link", "entry_points.txt",
)  # fmt: skip


async def change_between(mirror: Path, base: str, head: str, *, source_roots: tuple[str, ...] = ()) -> Change:
    """Reads objects of the mirror only, never a working tree. `source_roots` as the base's project facts say."""
    changed = await changed_paths(mirror, base, head)
    wanted = [path for path in changed if path.endswith(_READ) or kind_of(path)]
    texts = await _texts(mirror, [*((base, path) for path in wanted), *((head, path) for path in wanted)])
    settings = await _texts(mirror, [(base, path) for path in PYTEST_FILES])
    tracked = nul_separated(await private_git(mirror)("ls-tree", "-r", "-z", "--name-only", head))
    unread = [path for path in wanted[:MAX_FILES] if _is_unread(texts[base, path], texts[head, path])]
    files = [
        FileChange(path=path, before=texts[base, path], after=texts[head, path])
        for path in wanted[:MAX_FILES]
        if path not in unread
    ]
    return Change(
        files=tuple(files),
        tracked=frozenset(map(readable, tracked)),
        source_roots=source_roots,
        stdlib=frozenset(sys.stdlib_module_names),
        unread=(*unread, *wanted[MAX_FILES:]),
        base_files={path: text for (_, path), text in settings.items() if text is not None},
    )


async def _texts(mirror: Path, places: list[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
    """None where a file is not there. A name with a line break cannot be asked for: as if it could not be read."""
    askable = [place for place in places if "\n" not in place[1]]
    found = await read_objects(mirror, [f"{commit}:{path}" for commit, path in askable])
    return {
        **dict.fromkeys(places, "\x00"),
        **{place: it.text if it.id else None for place, it in zip(askable, found, strict=True)},
    }


def _is_unread(before: str | None, after: str | None) -> bool:
    """Too big, no text, or by its name not to be found although it changed."""
    known = [text for text in (before, after) if text is not None]
    return not known or any(len(text) > MAX_FILE_CHARS or "\0" in text for text in known)
