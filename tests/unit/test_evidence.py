import pytest

from ostinato.domain.evidence.comparing import dependencies_in, dependency_changes, public_removed
from ostinato.domain.evidence.importing import imports_of, is_imported, search_words
from ostinato.domain.evidence.matching import Catalogue, match_names, nearby_tests
from ostinato.domain.evidence.naming import names_in
from ostinato.domain.evidence.owners import owner_rules, owners_of
from ostinato.domain.evidence.places import is_prose, is_test, package_of, packages_of, subject_of

PATHS = (
    "README.md",
    "src/auth/__init__.py",
    "src/auth/tokens.py",
    "src/auth/sessions.py",
    "src/http/rate_limiter.py",
    "src/http/client.py",
    "web/src/Button.tsx",
    "web/src/Button.test.tsx",
    "web/package.json",
    "tests/auth/test_tokens.py",
    "tests/auth/test_more.py",
    "docs/auth.md",
)


def matched(text: str, *paths: str) -> list[str]:
    found = match_names(names_in(text), Catalogue(paths or PATHS))
    return [candidate.path for candidate in found.best]


NAMED = {
    "fix src/auth/tokens.py": "src/auth/tokens.py",
    "fix auth/tokens.py, please": "src/auth/tokens.py",
    "fix tokens.py.": "src/auth/tokens.py",
    "the module auth.tokens is slow": "src/auth/tokens.py",
    "auth.tokens.decode crashes": "src/auth/tokens.py",
    "make `RateLimiter` fair": "src/http/rate_limiter.py",
    "make the rate limiter fair": "src/http/rate_limiter.py",
    "RateLimiter is unfair": "src/http/rate_limiter.py",
    "a token should expire": "src/auth/tokens.py",
    "restyle the Button component": "web/src/Button.tsx",
}


@pytest.mark.parametrize(("text", "path"), NAMED.items())
def test_a_name_in_the_request_finds_its_file_first(text: str, path: str) -> None:
    assert matched(text)[0] == path


@pytest.mark.parametrize("text", ["fix the tests", "add a feature", "why is it slow?", "https://x.org/tokens.py", ""])
def test_words_of_every_request_and_addresses_find_nothing(text: str) -> None:
    assert matched(text) == []


def test_every_match_says_why() -> None:
    found = match_names(names_in("fix src/auth/tokens.py"), Catalogue(PATHS))

    assert found.best[0].why[0] == "src/auth/tokens.py is named"
    assert found.best[0].score == 1.0


def test_a_definition_that_was_found_counts_more_than_a_word() -> None:
    found = match_names(names_in("`decode` loses tokens"), Catalogue(PATHS), {"decode": ["src/http/client.py"]})

    assert [candidate.path for candidate in found.best] == ["src/http/client.py", "src/auth/tokens.py"]


def test_a_path_that_is_not_there_is_said() -> None:
    found = match_names(names_in("fix src/gone.py"), Catalogue(PATHS))

    assert found.best == ()
    assert found.notes == ("src/gone.py is not in the repository",)


def test_two_folders_that_are_named_mean_their_intersection() -> None:
    paths = ("a/adapters/git/one.py", "a/adapters/sql/two.py", "b/git/three.py")

    assert matched("tidy the git adapters", *paths) == ["a/adapters/git/one.py"]


def test_a_word_that_many_files_share_means_none_of_them() -> None:
    found = match_names(names_in("the views break"), Catalogue(f"app{n}/views.py" for n in range(40)))

    assert found.best == ()
    assert "too many" in found.notes[0]


def test_matches_are_capped_and_counted() -> None:
    found = match_names(names_in("clean up the parsers"), Catalogue(f"parsers/p{n}.py" for n in range(90)))

    assert (len(found.best), found.total) == (30, 90)


def test_tests_near_are_those_of_the_same_subject() -> None:
    assert nearby_tests(["src/auth/tokens.py"], Catalogue(PATHS)) == ("tests/auth/test_tokens.py",)
    assert nearby_tests(["web/src/Button.tsx"], Catalogue(PATHS)) == ("web/src/Button.test.tsx",)


def test_without_a_test_of_its_own_the_folder_of_the_same_name_counts() -> None:
    assert nearby_tests(["src/auth/sessions.py"], Catalogue(PATHS)) == (
        "tests/auth/test_tokens.py",
        "tests/auth/test_more.py",
    )


@pytest.mark.parametrize(
    "path", ["tests/a.py", "a/test_b.py", "a/b_test.go", "a/b.spec.ts", "src/ParserTest.java", "pkg/__tests__/x.js"]
)
def test_tests_are_known_by_their_place_or_name(path: str) -> None:
    assert is_test(path)


@pytest.mark.parametrize("path", ["src/latest.py", "src/attestation.py", "contest/a.py", "src/testimony.py"])
def test_names_that_only_hold_the_word_are_no_tests(path: str) -> None:
    assert not is_test(path)


def test_prose_is_known_and_requirements_are_none() -> None:
    assert is_prose("docs/a.md")
    assert not is_prose("requirements.txt")


def test_subjects_lose_what_marks_a_test() -> None:
    assert {subject_of(path) for path in ("a/test_parser.py", "parser_test.go", "ParserTest.java")} == {"parser"}


PACKAGES = {
    "src/auth/jwt/deep/x.py": "src/auth/jwt",
    "web/src/a/b.ts": "web",
    "setup.py": ".",
    "src/x.py": "src",
    "packages/core/x.ts": "packages/core",
}


@pytest.mark.parametrize(("path", "package"), PACKAGES.items())
def test_a_package_is_the_folder_with_a_manifest_or_two_deep(path: str, package: str) -> None:
    assert package_of(path, {"web"}) == package


def test_tests_and_prose_cross_no_package() -> None:
    assert packages_of(["src/auth/a.py", "tests/a/test_b.py", "docs/a.md"]) == ("src/auth",)


IMPORTS = {
    ("app/main.py", "from auth.tokens import decode"): True,
    ("app/main.py", "import auth.tokens as t"): True,
    ("src/auth/sessions.py", "from . import tokens"): True,
    ("src/auth/sessions.py", "from .tokens import (\n    decode,\n)"): True,
    ("src/http/client.py", "from ..auth import tokens"): True,
    ("src/http/client.py", "from .tokens import x"): False,
    ("app/main.py", "from other.tokens import decode"): False,
    ("app/main.py", "print('auth.tokens')"): False,
    ("app/main.py", "import tokens"): False,
    ("app/broken.py", "from auth.tokens import decode\nprint 'two'"): True,
}


@pytest.mark.parametrize(("source", "expected"), IMPORTS.items())
def test_imports_of_python_are_resolved_by_the_syntax_tree(source: tuple[str, str], expected: bool) -> None:
    importer, text = source

    assert is_imported("src/auth/tokens.py", imports_of(importer, text), importer) is expected


SCRIPTS = {
    ("web/src/App.tsx", "import { Button } from './Button'"): True,
    ("web/src/pages/Home.tsx", 'import Button from "../Button.js"'): True,
    ("web/src/App.js", "const b = require('./Button')"): True,
    ("web/src/App.ts", "await import('@/src/Button')"): True,
    ("web/src/App.tsx", "import x from './Buttons'"): False,
    ("web/src/App.tsx", "import x from 'Button'"): False,
}


@pytest.mark.parametrize(("source", "expected"), SCRIPTS.items())
def test_imports_of_scripts_are_found_by_pattern(source: tuple[str, str], expected: bool) -> None:
    importer, text = source

    assert is_imported("web/src/Button.tsx", imports_of(importer, text), importer) is expected


def test_a_package_is_looked_for_by_its_folder() -> None:
    assert search_words("src/auth/__init__.py") == "auth"
    assert is_imported("src/auth/__init__.py", imports_of("a.py", "import src.auth"), "a.py")


def test_the_last_rule_of_codeowners_wins() -> None:
    rules = owner_rules("# all\n*  @org/all\n/src/auth/  @sec @ada # both\n*.md docs@example.org\n/src/auth/free/\n")

    assert owners_of("src/auth/tokens.py", rules) == ("@sec", "@ada")
    assert owners_of("src/auth/deep/a.md", rules) == ("docs@example.org",)
    assert owners_of("src/auth/free/x.py", rules) == ()
    assert owners_of("other.py", rules) == ("@org/all",)


def test_patterns_of_codeowners_are_those_of_the_forges() -> None:
    rules = owner_rules("docs/* @direct\napps/ @apps\n/build/logs/ @logs\n**/gen @gen\na\\ b.txt @space")

    assert owners_of("docs/a.md", rules) == ("@direct",)
    assert owners_of("docs/deep/a.md", rules) == ()
    assert owners_of("x/apps/a.py", rules) == ("@apps",)
    assert owners_of("x/build/logs/a", rules) == ()
    assert owners_of("x/gen/y/z.py", rules) == ("@gen",)
    assert owners_of("a b.txt", rules) == ("@space",)


def test_sections_of_gitlab_add_up_and_have_default_owners() -> None:
    rules = owner_rules("* @all\n[Docs][2] @writers\n*.md\n^[Database]\n*.sql @dba\n")

    assert owners_of("a.md", rules) == ("@all", "@writers")
    assert owners_of("a.sql", rules) == ("@all", "@dba")


REMOVED = {
    ("def a(): ...\ndef b(): ...", "def a(): ..."): ("x.py:b",),
    ("class A:\n  def m(self): ...", "class A:\n  pass"): ("x.py:A.m",),
    ("def _a(): ...\nA = 1", ""): ("x.py:A",),
    ("def a(): ...", "from y import a"): (),
    ("def a(): ...", "def a(:"): (),
    ("def a(): ...", "async def a(): ..."): (),
}


@pytest.mark.parametrize(("versions", "expected"), REMOVED.items())
def test_public_names_that_are_gone_are_named(versions: tuple[str, str], expected: tuple[str, ...]) -> None:
    assert public_removed("x.py", *versions) == expected


def test_exports_of_scripts_that_are_gone_are_named() -> None:
    before = "export function a() {}\nexport const b = 1\nexport { c, d as e }"

    assert public_removed("x.ts", before, "export const b = 2") == ("x.ts:a", "x.ts:c", "x.ts:e")


DECLARED = {
    "pyproject.toml": (
        '[project]\ndependencies = ["pydantic>=1.10", "old_one"]',
        '[project]\ndependencies = ["pydantic>=2.1,<3", "httpx"]',
        (("pydantic 1 → 2",), ("+ httpx", "- old-one")),
    ),
    "package.json": (
        '{"dependencies": {"react": "^17.0.2", "left": "1"}}',
        '{"dependencies": {"react": "^18.0.0"}}',
        (("react 17 → 18",), ("- left",)),
    ),
    "requirements.txt": ("django==4.2  # x\n-r other", "Django==4.9", ((), ())),
    "Cargo.toml": ('[dependencies]\nserde = "1"', '[dependencies]\nserde = {version = "2"}', (("serde 1 → 2",), ())),
    "go.mod": ("require a.b/c v1.2.0", "require (\n\ta.b/c v2.0.0\n)", (("a.b/c 1 → 2",), ())),
}


@pytest.mark.parametrize("path", DECLARED)
def test_majors_and_comings_of_dependencies_are_read_from_manifests(path: str) -> None:
    before, after, expected = DECLARED[path]

    assert dependency_changes(dependencies_in(path, before), dependencies_in(path, after)) == expected


@pytest.mark.parametrize("path", ["pyproject.toml", "package.json", "Cargo.toml", "go.mod"])
def test_a_manifest_that_cannot_be_read_declares_nothing(path: str) -> None:
    assert dependencies_in(path, "{[broken") == {}
    assert dependencies_in(path, "[]") == {}
