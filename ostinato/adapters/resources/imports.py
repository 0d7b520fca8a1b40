"""What a CLAUDE.md brings along with `@path`: files of the same tree, five levels deep, never a user's own."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ostinato.adapters.resources.documents import clean_text
from ostinato.adapters.resources.markdown import digest_of, notice
from ostinato.adapters.resources.trees import Refusal, Tree
from ostinato.domain.errors import Problem
from ostinato.domain.resources import Kind, Resource, cost_of

MAX_LEVELS = 5
MAX_IMPORTS = 50
_CODE = re.compile(r"^```.*?^```[ \t]*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r"(?:^|(?<=\s))@((?:~/|\.{0,2}/)?[\w.-][\w./-]*)")


@dataclass(slots=True, kw_only=True)
class _Imports:
    texts: dict[str, str]
    notices: list[Problem]


async def with_imports(resource: Resource, tree: Tree) -> tuple[Resource, tuple[Problem, ...]]:
    """The file with what it imports below it, and imports that lead nowhere."""
    if resource.kind is not Kind.CONTEXT or not resource.path.endswith("CLAUDE.md") or "@" not in resource.text:
        return resource, ()
    found = _Imports(texts={}, notices=[])
    sources: Mapping[str, str] = {resource.path: resource.text}
    for _ in range(MAX_LEVELS):
        asked = _asked(sources, found, resource)
        if not asked:
            break
        sources = await _read(asked, found, tree)
    text = resource.text + "".join(f"\n<!-- {path} -->\n{text}" for path, text in found.texts.items())
    fields = {**resource.fields, "imports": ", ".join(found.texts)} if found.texts else resource.fields
    cost = cost_of(resource.name, resource.description, text)
    updates = {"text": text, "cost": cost, "digest": digest_of(text), "fields": fields}
    return resource.model_copy(update=updates), tuple(found.notices)


def _asked(sources: Mapping[str, str], found: _Imports, resource: Resource) -> dict[str, tuple[str, int]]:
    """Paths that were not read yet, with the file and line that ask for them."""
    asked: dict[str, tuple[str, int]] = {}
    for source, text in sources.items():
        for name, line in _named(text):
            if name.startswith(("~", "/")):
                said = f"the import @{name} leads out of the tree and is not followed"
                found.notices.append(notice(source, "path_outside", said, "Import files of the tree only", line))
                continue
            path = posixpath.normpath(posixpath.join(posixpath.dirname(source), name))
            is_new = path not in found.texts and path not in asked and path != resource.path
            if is_new and not path.startswith("../") and len(found.texts) + len(asked) < MAX_IMPORTS:
                asked[path] = (source, line)
    return asked


def _named(text: str) -> Iterator[tuple[str, int]]:
    """Only what looks like a file: @someone and @scope/package are no imports."""
    plain = _CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
    for found in _IMPORT.finditer(plain):
        name = found[1].rstrip(".")
        if name.startswith(("~/", "/", "./", "../")) or re.search(r"\.(?:md|txt|json|ya?ml|toml)$", name):
            yield name, plain.count("\n", 0, found.start()) + 1


async def _read(asked: Mapping[str, tuple[str, int]], found: _Imports, tree: Tree) -> dict[str, str]:
    read = await tree.read(tuple(asked))
    fresh: dict[str, str] = {}
    for path, (source, line) in asked.items():
        told = read.get(path)
        if isinstance(told, str):
            fresh[path] = found.texts[path] = clean_text(told)
        else:
            why = told.message if isinstance(told, Refusal) else "there is no such file"
            said = f"the import @{path} is left away: {why}"
            found.notices.append(notice(source, "import_missing", said, "Correct its path, or remove it", line))
    return fresh
