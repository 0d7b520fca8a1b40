"""What a change did to Python tests, by their syntax trees."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ostinato.domain.integrity.collection import Collection
from ostinato.domain.integrity.model import Change, Weakening, Weight
from ostinato.domain.python_source import module_of

_SKIPS = ("skip", "skipif", "skipIf", "skipUnless", "skip_unless", "xfail", "expectedFailure", "importorskip", "exit", "skipTest", "SkipTest")  # fmt: skip
_CHECKS = ("raises", "warns", "deprecated_call", "fail", "assert_that", "expect", "verify", "check")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    __test__ = False

    name: str
    """`Class::function`."""
    path: str
    line: int
    collected: bool
    body: str
    """The same for the same statements, whatever the name."""
    skips: tuple[str, ...]
    asserts: tuple[str, ...]
    """Those that are reached and can fail."""
    trivial: int
    swallowed: int
    cases: int | None
    """Of its parametrisation, where they are written out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    tests: Mapping[str, Test]
    skips: tuple[tuple[str, int], ...]
    """Of the whole module: what, and its line."""


def python_findings(change: Change, collection: Collection) -> Iterator[Weakening]:
    """Tests that moved to another file, or got another name with the same statements, are not gone."""
    files = [file for file in change.files if file.path.endswith(".py")]
    before = {file.path: _read(file.before, file.path, collection) for file in files}
    after = {file.path: _read(file.after, file.path, collection) for file in files}
    everywhere = [test for module in after.values() if module for test in module.tests.values()]
    earlier = [test for module in before.values() if module for test in module.tests.values()]
    for file in files:
        old, new = before[file.path], after[file.path]
        yield from _skipped_from_the_start(old, new, earlier)
        if old is None:
            continue
        if file.after is not None and new is None:
            yield (
                Weakening(code="test_uncollected", path=file.path, what="it is no Python any more")
                if old.tests
                else _unreadable(file.path)
            )
            continue
        known = {line for line, _ in old.skips}
        for what, line in new.skips if new else ():
            if what not in known and old.tests:
                yield Weakening(code="test_skipped", path=file.path, line=line, what=f"{what} for the whole file")
        for name, test in old.tests.items():
            if test.collected:
                yield from _compared(test, new.tests.get(name) if new else None, everywhere)


def _skipped_from_the_start(old: Module | None, new: Module | None, earlier: list[Test]) -> Iterator[Weakening]:
    """A new test that is skipped makes nothing weaker, and is worth a note."""
    for name, test in new.tests.items() if new else ():
        if test.collected and test.skips and (old is None or name not in old.tests) and _moved(test, earlier) is None:
            what = f"{name} is new, and skipped: {test.skips[0]}"
            yield Weakening(
                code="test_skipped", path=test.path, line=test.line, what=what, subject=name, weight=Weight.NOTE
            )


def _unreadable(path: str) -> Weakening:
    return Weakening(code="unread", path=path, what="it is no Python any more")


def _compared(old: Test, same: Test | None, everywhere: list[Test]) -> Iterator[Weakening]:
    new = same or _moved(old, everywhere)
    if new is None:
        yield Weakening(code="test_removed", path=old.path, line=old.line, what=f"{old.name} is gone", subject=old.name)
        return
    place = {"path": new.path, "line": new.line, "subject": old.name}
    if not new.collected:
        yield Weakening(code="test_uncollected", what=f"{old.name} is not collected there ({new.name})", **place)
    for skip in _added(old.skips, new.skips):
        yield Weakening(code="test_skipped", what=f"{old.name}: {skip}", **place)
    if new.trivial > old.trivial:
        yield Weakening(code="assertion_trivial", what=f"{old.name} has an assertion that cannot fail", **place)
    if new.swallowed > old.swallowed:
        yield Weakening(code="assertion_swallowed", what=f"{old.name} catches its own failures", **place)
    if old.cases and new.cases is not None and new.cases < old.cases:
        code = "cases_removed" if new.cases else "cases_emptied"
        yield Weakening(code=code, what=f"{old.name} has {new.cases} cases, {old.cases} before", **place)
    yield from _less_asserted(old, new, place)


def _less_asserted(old: Test, new: Test, place: dict[str, object]) -> Iterator[Weakening]:
    had, has = len(old.asserts), len(new.asserts)
    if had and not has:
        yield Weakening(code="test_emptied", what=f"{old.name} asserts nothing any more", **place)
    elif has < had:
        what = f"{old.name} has {has} assertions, {had} before"
        yield Weakening(code="assertions_removed", what=what, **place)
    elif not had and not has and _is_hollow(new) and not _is_hollow(old):
        yield Weakening(code="test_emptied", what=f"{old.name} does nothing any more", **place)
    elif set(old.asserts) - set(new.asserts):
        yield Weakening(code="test_edited", what=f"{old.name} expects something else", **place)


def _moved(old: Test, everywhere: list[Test]) -> Test | None:
    """A collected one is better than none."""
    found = [test for test in everywhere if test.body == old.body and not _is_hollow(test)]
    found += [test for test in everywhere if test.name == old.name and test.path != old.path]
    return next((test for test in found if test.collected), next(iter(found), None))


def _is_hollow(test: Test) -> bool:
    return test.body in ("", "Pass()", "Return()")


def _added(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    left = list(old)
    for skip in new:
        if skip in left:
            left.remove(skip)
        else:
            yield skip


def _read(text: str | None, path: str, collection: Collection) -> Module | None:
    tree = None if text is None else module_of(text)
    if tree is None:
        return None
    tests = {test.name: test for test in _tests(tree.body, path, collection, collection.takes_file(path))}
    return Module(tests=tests, skips=tuple(_module_skips(tree)))


def _tests(
    body: list[ast.stmt],
    path: str,
    collection: Collection,
    collected: bool,
    prefix: str = "",
    inherited: tuple[str, ...] = (),
) -> Iterator[Test]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            is_unit = any("TestCase" in ast.unparse(base) for base in node.bases)
            takes = (is_unit or collection.takes_name(node.name, collection.classes)) and not _is_no_test(node)
            skips = (*inherited, *_marks(node.decorator_list), *_marks(_class_marks(node)))
            yield from _tests(node.body, path, collection, collected and takes, f"{prefix}{node.name}::", skips)
        elif isinstance(node, Function):
            takes = collection.takes_name(node.name, collection.functions)
            if takes or prefix or not collected:
                yield _test(node, path, prefix, collected=collected and takes, inherited=inherited)


def _test(node: Function, path: str, prefix: str, *, collected: bool, inherited: tuple[str, ...]) -> Test:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    asserts = tuple(_asserts(body))
    real = tuple(text for text, trivial in asserts if not trivial)
    calls = tuple(
        f"{_name(call.func)}() in it" for call in _calls(body) if _name(call.func).rpartition(".")[2] in _SKIPS
    )
    return Test(
        name=prefix + node.name,
        path=path,
        line=node.lineno,
        collected=collected,
        body="; ".join(ast.dump(statement) for statement in body),
        skips=(*inherited, *_marks(node.decorator_list), *calls),
        asserts=real,
        trivial=len(asserts) - len(real),
        swallowed=sum(1 for inner in body for each in ast.walk(inner) if isinstance(each, ast.Try) and _swallows(each)),
        cases=_cases(node.decorator_list),
    )


def _asserts(body: list[ast.stmt]) -> Iterator[tuple[str, bool]]:
    """(its text, whether it cannot fail) of what is reached: nothing after a bare return, nothing under `if False`."""
    for node in body:
        if isinstance(node, ast.Assert):
            yield ast.unparse(node.test), _is_trivial(node.test)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
            yield from _asserts(node.body if node.test.value else node.orelse)
        else:
            yield from (found for call in _own_calls(node) if (found := _checking(call)))
            for inner in _blocks(node):
                yield from _asserts(inner)
        if isinstance(node, ast.Return | ast.Raise):
            return


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(node, name, None)
        if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
            yield inner
    yield from (handler.body for handler in getattr(node, "handlers", ()))
    yield from (case.body for case in getattr(node, "cases", ()))


def _own_calls(node: ast.stmt) -> Iterator[ast.Call]:
    """Calls in the statement itself, not in those that it holds."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from (each for each in ast.walk(child) if isinstance(each, ast.Call))


def _checking(call: ast.Call) -> tuple[str, bool] | None:
    last = _name(call.func).rpartition(".")[2]
    if not (last.startswith("assert") or last in _CHECKS):
        return None
    trivial = last in ("assertTrue", "assertFalse", "assertEqual", "assertIs") and all(
        isinstance(argument, ast.Constant) for argument in call.args
    )
    return ast.unparse(call), trivial or (len(call.args) == 2 and ast.dump(call.args[0]) == ast.dump(call.args[1]))


def _is_trivial(test: ast.expr) -> bool:
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=[_, *_]) | ast.JoinedStr() | ast.Lambda():
            return True
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_is_trivial(value) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_is_trivial(value) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)):
            return not value
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()], comparators=[right]):
            return ast.dump(left) == ast.dump(right)
        case ast.Compare(left=ast.Constant(), comparators=[ast.Constant()]):
            return True
        case _:
            return False


def _swallows(node: ast.Try) -> bool:
    """Assertions whose failure leads to nothing."""
    holds = any(isinstance(each, ast.Assert) for statement in node.body for each in ast.walk(statement))
    return holds and any(
        (handler.type is None or _caught(handler.type) & {"AssertionError", "Exception", "BaseException"})
        and not any(
            isinstance(each, ast.Raise | ast.Assert | ast.Call) for inner in handler.body for each in ast.walk(inner)
        )
        for handler in node.handlers
    )


def _caught(kind: ast.expr) -> set[str]:
    return {_name(each) for each in (kind.elts if isinstance(kind, ast.Tuple) else [kind])}


def _cases(decorators: list[ast.expr]) -> int | None:
    counts = [
        len(call.args[1].elts)
        for call in decorators
        if isinstance(call, ast.Call)
        and _name(call.func).endswith("parametrize")
        and len(call.args) > 1
        and isinstance(call.args[1], ast.List | ast.Tuple | ast.Set)
    ]
    total = 1
    for count in counts:
        total *= count
    return total if counts else None


def _marks(decorators: list[ast.expr]) -> tuple[str, ...]:
    return tuple("@" + ast.unparse(each) for each in decorators if _name(each).rpartition(".")[2] in _SKIPS)


def _class_marks(node: ast.ClassDef) -> list[ast.expr]:
    return [mark for statement in node.body for mark in _pytestmark(statement)]


def _is_no_test(node: ast.ClassDef) -> bool:
    return any(
        isinstance(each, ast.Assign)
        and ast.unparse(each.targets[0]) == "__test__"
        and ast.unparse(each.value) == "False"
        for each in node.body
    )


def _pytestmark(node: ast.stmt) -> list[ast.expr]:
    if not (isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets)):
        return []
    return node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]


def _module_skips(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        yield from (("pytestmark = " + ast.unparse(mark), node.lineno) for mark in _pytestmark(node) if _marks([mark]))
        if isinstance(node, ast.Assign) and ast.unparse(node) == "__test__ = False":
            yield "__test__ = False", node.lineno
        if isinstance(node, ast.Raise) and "Skip" in ast.unparse(node):
            yield ast.unparse(node), node.lineno
        if isinstance(node, ast.Expr | ast.If | ast.Try | ast.With | ast.Assign):
            for call in _calls([node]):
                if _name(call.func) in (
                    "pytest.skip",
                    "pytest.exit",
                    "pytest.importorskip",
                    "sys.exit",
                    "os._exit",
                    "exit",
                ):
                    yield ast.unparse(call), call.lineno


def _calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    return (each for statement in body for each in ast.walk(statement) if isinstance(each, ast.Call))


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_name(value)}.{attr}"
        case ast.Call(func=func):
            return _name(func)
        case _:
            return ""
