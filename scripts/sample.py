"""The sample repository of the demo and of the tests: a small Python project with real defects and some history."""

import subprocess
from pathlib import Path
from textwrap import dedent

FILES_FIRST = {
    "pyproject.toml": """\
        [project]
        name = "tally"
        version = "0.3.0"
        description = "Adds up what a small shop sells."
        requires-python = ">=3.10"

        [tool.pytest.ini_options]
        testpaths = ["tests"]
        """,
    "README.md": """\
        # tally

        Adds up what a small shop sells.
        """,
    ".gitignore": """\
        __pycache__/
        .venv/
        """,
    "src/tally/__init__.py": """\
        \"\"\"Adds up what a small shop sells.\"\"\"
        """,
    "src/tally/money.py": """\
        import os
        from typing import Dict, List, Optional


        def cents(text: str) -> int:
            whole, _, part = text.strip().partition(".")
            return int(whole) * 100 + int((part + "00")[:2])

        def total( prices: List[int], discount: Optional[int] = None ) -> int:
            result = 0
            for p in prices:
                result = result + p
            if discount == None:
                return result
            return max(0, result - discount)


        def by_name(rows: List[Dict[str, int]]) -> Dict[str, int]:
            sums: Dict[str, int] = {}
            for row in rows:
                for name in row.keys():
                    sums[name] = sums.get(name, 0) + row[name]
            return sums
        """,
    "tests/test_money.py": """\
        from tally.money import cents, total


        def test_cents_reads_a_price():
            assert cents("12.34") == 1234


        def test_total_adds_up():
            assert total([100, 250]) == 350


        def test_a_discount_is_taken_off():
            assert total([100, 250], 50) == 300
        """,
}
FILES_THEN = {
    "src/tally/text.py": """\
        import re, sys


        def slug(name: str) -> str:
            '''A name as part of an address.'''
            return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


        def initials(name: str) -> str:
            return "".join([part[0].upper() for part in name.split()])


        def shorten(text: str, width: int = 20) -> str:
            if len(text) <= width:
                return text
            else:
                return "%s..." % text[:width]


        def plural(count: int, noun: str) -> str:
            return "{0} {1}{2}".format(count, noun, "" if count == 1 else "s")
        """,
    "src/tally/shelf.py": """\
        import hashlib
        import subprocess


        class Shelf(object):
            def __init__(self, items=[]):
                self.items = items

            def add(self, name, price):
                self.items.append((name, price))
                unused = 1
                return self

            def key(self):
                return hashlib.md5(repr(self.items).encode()).hexdigest()


        def print_label(path):
            subprocess.call("lpr " + path, shell=True)


        def _never_called(a, b):
            return a
        """,
    "tests/test_shelf.py": """\
        from tally.shelf import Shelf


        def test_a_shelf_remembers_what_is_on_it():
            shelf = Shelf([]).add("tea", 250)

            assert shelf.items == [("tea", 250)]
            assert shelf.key() == Shelf([("tea", 250)]).key()
        """,
}


def make_sample(path: Path) -> Path:
    """A git repository with two commits, or the one that is already there."""
    if (path / ".git").exists():
        return path
    path.mkdir(parents=True, exist_ok=True)
    _git(path, "init", "-q", "-b", "main")
    _git(path, "config", "user.name", "Sample Author")
    _git(path, "config", "user.email", "author@example.com")
    _commit(path, FILES_FIRST, "Add up prices")
    _commit(path, FILES_THEN, "Add texts and shelves")
    return path


def _commit(path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    _git(path, "add", "-A")
    _git(path, "commit", "-q", "-m", message)


def _git(path: Path, *args: str) -> None:
    subprocess.run(["git", "-C", str(path), *args], check=True)
