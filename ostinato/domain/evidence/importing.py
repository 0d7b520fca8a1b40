"""Who imports what, read from lines and files without running any: Python by its syntax tree, scripts by pattern."""

import ast
import re
from collections.abc import Iterable
from posixpath import normpath

from ostinato.domain.python_source import module_of

PYTHON = (".py", ".pyi")
SCRIPTS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte")
_SCRIPT_IMPORT = re.compile(r"""(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*['"]([^'"\n]{1,200})['"]""")
_PYTHON_LINE = re.compile(r"^\s*(?:from\s+(\.*[\w.]*)\s+import\b|import\s+([\w., ]+))")
_ENTRANCES = ("__init__", "index")


def search_words(path: str) -> str:
    """The word by which importers name this file: its stem, or its folder's name where it is a package's entrance."""
    folder, _, name = path.rpartition("/")
    stem = name.split(".", 1)[0]
    return folder.rpartition("/")[2] or stem if stem in _ENTRANCES else stem


def imports_of(path: str, text: str) -> frozenset[str]:
    """What the text imports, as paths without endings ("app/auth/tokens"); what is relative is resolved from `path`."""
    if path.endswith(PYTHON):
        return _python_imports(path, text)
    if path.endswith(SCRIPTS):
        return frozenset(_script_target(path, target) for target in _SCRIPT_IMPORT.findall(text))
    return frozenset()


def is_imported(target: str, imported: Iterable[str], importer: str) -> bool:
    """Whether one of the imports means this file. A name without a folder means a file at the top of the sources, or
    beside the importer: not every json.py is the library."""
    stem = target.rsplit(".", 1)[0]
    names = {stem, *(stem.removesuffix(f"/{entrance}") for entrance in _ENTRANCES)}
    tops = {"", "src/", "lib/", "tests/", f"{importer.rpartition('/')[0]}/".lstrip("/")}
    return any(
        f"/{name}".endswith(f"/{found}") if "/" in found else name in {f"{top}{found}" for top in tops}
        for name in names
        for found in imported
        if found
    )


def _python_imports(path: str, text: str) -> frozenset[str]:
    module = module_of(text.strip())
    if module is None:
        return _python_lines(path, text)
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found.update(alias.name.replace(".", "/") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _python_base(path, "." * node.level + (node.module or ""))
            found.update((base, *(f"{base}/{alias.name}".lstrip("/") for alias in node.names)))
    return frozenset(found)


def _python_lines(path: str, text: str) -> frozenset[str]:
    """For what does not parse: a single line, or another version's syntax."""
    found: set[str] = set()
    for line in text.splitlines():
        if match := _PYTHON_LINE.match(line):
            if match[1]:
                found.add(_python_base(path, match[1]))
            else:
                found.update(name.split(" as ")[0].strip().replace(".", "/") for name in match[2].split(","))
    return frozenset(found)


def _python_base(path: str, dotted: str) -> str:
    level = len(dotted) - len(dotted.lstrip("."))
    rest = dotted[level:].replace(".", "/")
    if not level:
        return rest
    folders = path.split("/")[:-1]
    kept = folders[: len(folders) - (level - 1)]
    return "/".join((*kept, rest)).rstrip("/")


def _script_target(path: str, target: str) -> str:
    """Relative targets from the file's folder, others without an alias's mark (@/, ~/); empty for a library's name."""
    bare = re.sub(r"\.(m|c)?[jt]sx?$", "", target)
    if bare.startswith("."):
        return normpath(f"{path.rpartition('/')[0] or '.'}/{bare}").removeprefix("./")
    return re.sub(r"^[@~]/", "", bare) if "/" in bare else ""
