"""A project's Python as a syntax tree."""

import ast
import warnings

TRIES = 5


def module_of(source: str | bytes, tries: int = TRIES) -> ast.Module | None:
    """None for what this interpreter cannot parse; what it only warns of is the project's own affair.

    Early releases of CPython 3.11 and 3.12 count the depth of all threads' trees as one: when the collection of garbage
    lets another thread parse in between, both are told `SystemError: AST constructor recursion depth mismatch`
    (CPython issue 106905). Nothing is wrong with the text then, so it is parsed once more.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    except SystemError:
        if tries == 1:
            raise
        return module_of(source, tries - 1)
