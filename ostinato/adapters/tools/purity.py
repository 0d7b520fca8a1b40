"""Which functions may be called with arbitrary values: judged from the syntax tree, with doubt counting against."""

import ast

_EFFECTS = frozenset(
    (
        "open",
        "print",
        "input",
        "exec",
        "eval",
        "exit",
        "quit",
        "compile",
        "__import__",
        "setattr",
        "delattr",
        "breakpoint",
    )
)
_MODULES = frozenset(
    (
        *(
            "os",
            "sys",
            "subprocess",
            "shutil",
            "socket",
            "requests",
            "urllib",
            "http",
            "sqlite3",
            "time",
            "random",
            "signal",
        ),
        *(
            "threading",
            "multiprocessing",
            "asyncio",
            "logging",
            "tempfile",
            "pathlib",
            "ctypes",
            "smtplib",
            "ftplib",
            "secrets",
        ),
    )
)
_METHODS = frozenset(
    ("write", "unlink", "mkdir", "rmdir", "write_text", "write_bytes", "commit", "execute", "send", "kill")
)


def pure_functions(module: ast.Module) -> tuple[str, ...]:
    """Public functions at the top level that take something and show no effect on the outside."""
    outside = _names_of_outside(module)
    return tuple(
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and (node.args.args or node.args.kwonlyargs)
        and not node.decorator_list
        and not any(_has_effect(inner, outside) for inner in ast.walk(node))
    )


def body_lines(module: ast.Module) -> frozenset[int]:
    """Lines that run only when a function is called."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    spans = ((node.body[0].lineno, node.end_lineno or node.lineno) for node in functions)
    return frozenset(line for first, last in spans for line in range(first, last + 1))


def _names_of_outside(module: ast.Module) -> frozenset[str]:
    """Names bound by imports of modules that reach outside the process."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name.partition(".")[0] for a in node.names if a.name.partition(".")[0] in _MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _MODULES:
            names |= {alias.asname or alias.name for alias in node.names}
    return frozenset(names)


def _has_effect(node: ast.AST, outside: frozenset[str]) -> bool:
    if isinstance(node, ast.Global | ast.Nonlocal | ast.Await | ast.Yield | ast.YieldFrom):
        return True
    if isinstance(node, ast.Name):
        return node.id in outside or node.id in _EFFECTS
    return isinstance(node, ast.Attribute) and node.attr in _METHODS
