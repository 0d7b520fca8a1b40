"""What a change did to tests of other languages, by careful patterns over text without comments."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ostinato.domain.integrity.model import Change, Weakening

_STRINGS_AND_COMMENTS = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/""", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    suffixes: tuple[str, ...]
    test: re.Pattern[str]
    """A test, by its name in the first group that matched."""
    skip: re.Pattern[str]
    only: re.Pattern[str] | None = None
    check: re.Pattern[str]
    """An assertion."""
    trivial: re.Pattern[str] | None = None
    file_mark: re.Pattern[str] = re.compile(
        r"_test\.go$|\.(test|spec)\.|(^|/)(__tests__|tests?)/|Tests?\.|IT\.java$|\.rs$"
    )


_SPEC = r"\b(?:it|test|describe|context|suite|specify)"
LANGUAGES = (
    Language(
        suffixes=(".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts"),
        test=re.compile(r"""\b(?:x?it|x?test|xspecify|specify|fit)(?:\.\w+(?:\([^()]*\))?)*\s*\(\s*(["'`])(?P<name>(?:\\.|(?!\1).)*)\1"""),
        skip=re.compile(rf"{_SPEC}(?:\.\w+)*\.(?:skip|todo|fails|failing|skipIf|runIf)\b|\b(?:xit|xtest|xdescribe|xcontext|xspecify)\s*\(|\bthis\.skip\(\)|\b(?:t|ctx|context)\.skip\(|[{{,]\s*(?:skip|todo)\s*:\s*(?!false)"),
        only=re.compile(rf"{_SPEC}(?:\.\w+)*\.only\b|\b(?:fit|fdescribe|fcontext)\s*\(|[{{,]\s*only\s*:\s*true"),
        check=re.compile(r"\bexpect\s*\(|\bassert(?:\.\w+)?\s*\(|\.should\b|\bt\.(?:is|deepEqual|true|false|throws|like|not)\("),
        trivial=re.compile(r"\bexpect\(\s*(true|1|false|null|0)\s*\)\.(?:toBe|toEqual|toStrictEqual)\(\s*\1\s*\)|\bexpect\(\s*(?:true|1)\s*\)\.toBeTruthy\(|\bassert(?:\.ok|\.equal|\.strictEqual)?\(\s*(?:true|1)\b"),
    ),
    Language(
        suffixes=("_test.go",),
        test=re.compile(r"^func\s+(?P<name>(?:Test|Fuzz|Example)\w*)\s*\(", re.MULTILINE),
        skip=re.compile(r"\b[tbf]\.(?:Skip|Skipf|SkipNow)\(|^//\s*(?:go:build|\+build)\s+(?:ignore|never|disabled)\b", re.MULTILINE),
        check=re.compile(r"\bt\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(|\b(?:assert|require)\.\w+\("),
        trivial=re.compile(r"\b(?:assert|require)\.True\(\s*\w+\s*,\s*true\b"),
    ),
    Language(
        suffixes=(".rs",),
        test=re.compile(r"#\[(?:\w+::)*test(?:\([^\]]*\))?\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\s+)?(?:async\s+)?fn\s+(?P<name>\w+)"),
        skip=re.compile(r"#\[ignore(?:\s*=\s*\"[^\"]*\")?\]|#\[cfg\(any\(\)\)\]|#\[cfg_attr\([^\]]*\bignore\b"),
        check=re.compile(r"\b(?:debug_)?assert(?:_eq|_ne|_matches)?!\s*\(|\bpanic!\s*\(|#\[should_panic"),
        trivial=re.compile(r"\bassert!\(\s*true\s*[,)]|\bassert_eq!\(\s*(\d+|true)\s*,\s*\1\s*[,)]"),
    ),
    Language(
        suffixes=(".java", ".kt", ".kts", ".groovy", ".scala"),
        test=re.compile(r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b(?:\([^)]*\))?[^;{]*?\b(?:void|fun)\s+(?P<name>\w+|`[^`]+`)\s*\("),
        skip=re.compile(r"@(?:Disabled|Ignore|DisabledIf\w*|DisabledOn\w*|EnabledIf\w*)\b|@Test\([^)]*enabled\s*=\s*false|\bassumeTrue\(\s*false|\bAssumptions\.abort\("),
        check=re.compile(r"\b(?:assert\w+|verify|fail)\s*\(|\bassertThat\b"),
        trivial=re.compile(r"\bassertTrue\(\s*true\s*\)|\bassertEquals\(\s*(\w+)\s*,\s*\1\s*\)"),
    ),
)  # fmt: skip


def other_findings(change: Change) -> Iterator[Weakening]:
    for language in LANGUAGES:
        files = [
            file
            for file in change.files
            if file.path.endswith(language.suffixes) and language.file_mark.search(file.path)
        ]
        after = {file.path: _bare(file.after) for file in files}
        everywhere = {name for text in after.values() for name in names(language, text)}
        marks = "".join(text for text in after.values())
        for file in files:
            before = _bare(file.before)
            if file.before is not None or language.only is not None:
                yield from _compared(language, file.path, before, after[file.path], everywhere, marks)


def names(language: Language, text: str) -> Counter[str]:
    return Counter(found["name"] for found in language.test.finditer(text))


def _compared(
    language: Language, path: str, before: str, after: str, everywhere: set[str], marks: str
) -> Iterator[Weakening]:
    gone = names(language, before) - names(language, after)
    for name in sorted(gone):
        if name not in everywhere:
            line = _line(before, before.find(name))
            yield Weakening(code="test_removed", path=path, line=line, what=f"{name!r} is gone", subject=name)
    if before:
        yield from _marked("test_skipped", language.skip, path, before, after)
        yield from _marked("assertion_trivial", language.trivial, path, before, after)
    yield from _marked("test_only", language.only, path, before, after)
    had, has = len(language.check.findall(before)), len(language.check.findall(after))
    if before and has < had and names(language, before) and not gone:
        code = "assertions_removed" if has else "test_emptied"
        yield Weakening(code=code, path=path, what=f"{has} assertions in the file, {had} before")


def _marked(code: str, mark: re.Pattern[str] | None, path: str, before: str, after: str) -> Iterator[Weakening]:
    if mark is None:
        return
    left = Counter(found[0] for found in mark.finditer(before))
    for found in mark.finditer(after):
        if left[found[0]] > 0:
            left[found[0]] -= 1
            continue
        end = after.find("\n", found.end())
        shown = after[after.rfind("\n", 0, found.start()) + 1 : end if end > 0 else None].strip()
        yield Weakening(code=code, path=path, line=_line(after, found.start()), what=shown[:120], subject=shown[:120])


def _bare(text: str | None) -> str:
    """Without comments, except those that are orders (build tags); lines stay where they are."""
    return _STRINGS_AND_COMMENTS.sub(_kept, text or "")


def _kept(found: re.Match[str]) -> str:
    if found[1] or found[0].startswith(("//go:build", "// +build")):
        return found[0]
    return "\n" * found[0].count("\n")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, max(at, 0)) + 1
