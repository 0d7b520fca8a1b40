"""What we import is what we declare; the worker finds its workflows wherever it is installed."""

import re
import sys
import tomllib
from typing import Any

from ostinato import __version__
from tests.architecture.source import ROOT, imports_of, modules, tree_of

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = {"ostinato", "workflows", "activities", "worker", "client"}
DISTRIBUTIONS = {
    "cel": "common-expression-language",
    "yaml": "pyyaml",
    "google": "protobuf",
    "acp": "agent-client-protocol",
}
INSIDE = ROOT / "ostinato" / "adapters" / "inside"
"""Runs in the environments of projects, next to what those have installed."""


def test_every_third_party_that_is_imported_is_declared() -> None:
    declared = {
        re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0].lower()
        for requirement in PROJECT["project"]["dependencies"]
    }

    imported = {
        name.split(".")[0]
        for path in modules("ostinato", "workflows", "activities", "worker.py", "client.py")
        if INSIDE not in path.parents
        for name in imports_of(tree_of(path))
    }

    third_parties = imported - OURS - set(sys.stdlib_module_names)
    assert {DISTRIBUTIONS.get(name, name) for name in third_parties} <= declared


def test_workflows_activities_and_worker_travel_inside_the_package() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["packages"] == ["ostinato"]
    assert set(wheel["force-include"]) == {"workflows", "activities", "worker.py"}
    assert all(target.startswith("ostinato/_app/") for target in wheel["force-include"].values())


def test_the_version_is_said_once_in_each_place_alike() -> None:
    assert PROJECT["project"]["version"] == __version__


def test_the_console_script_exists() -> None:
    module, name = PROJECT["project"]["scripts"]["ostinato"].split(":")

    found = __import__(module, fromlist=[name])

    assert callable(getattr(found, name))
