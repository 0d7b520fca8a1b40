"""What a setup.py says, read as a syntax tree: it is never run."""

import ast
from dataclasses import dataclass
from typing import Any

from ostinato.domain.python_source import module_of

_BUILDING = ("ext_modules", "cmdclass", "cffi_modules", "rust_extensions", "use_scm_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupScript:
    keywords: dict[str, Any]
    """Literal arguments of setup()."""
    unread: frozenset[str]
    """Arguments that are computed."""

    @property
    def builds(self) -> bool:
        """It compiles, or hooks into the build."""
        return any(name in self.keywords or name in self.unread for name in _BUILDING)


NO_SCRIPT = SetupScript(keywords={}, unread=frozenset())


def read_setup_script(text: str) -> SetupScript | None:
    """None when the script cannot be parsed."""
    module = module_of(text)
    if module is None:
        return None
    call = next((node for node in ast.walk(module) if isinstance(node, ast.Call) and _is_setup(node.func)), None)
    if call is None:
        return NO_SCRIPT
    keywords: dict[str, Any] = {}
    unread = set()
    for keyword in call.keywords:
        try:
            keywords[keyword.arg or "**"] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, RecursionError):
            unread.add(keyword.arg or "**")
    return SetupScript(keywords=keywords, unread=frozenset(unread))


def _is_setup(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "setup"
