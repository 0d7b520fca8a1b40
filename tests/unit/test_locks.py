"""Lock files that were not made from their manifest as it is now."""

import json

import pytest

from ostinato.domain.locks import declared_by_python, stale_locks

UV = '[[package]]\nname = "calc"\n\n[[package]]\nname = "ruamel-yaml"\n'
NODE = {"dependencies": {"left-pad": "^1.0.0"}}
NPM = json.dumps({"packages": {"": NODE}})
PYTHON = '[project]\nname = "calc"\ndependencies = ["Ruamel.YAML>=0.18{}"]\n'
FITS = {
    "uv": {"pyproject.toml": PYTHON.format(""), "uv.lock": UV},
    "npm": {"package.json": json.dumps(NODE), "package-lock.json": NPM},
    "yarn": {"package.json": json.dumps(NODE), "yarn.lock": "left-pad@^1.0.0:\n  version 1.3\n"},
    "pnpm": {"package.json": json.dumps(NODE), "pnpm-lock.yaml": "importers:\n  .:\n    dependencies:\n      left-pad:\n"},
    "cargo": {"Cargo.toml": '[dependencies]\nserde = "1"\n', "Cargo.lock": '[[package]]\nname = "serde"\n'},
    "go": {"go.mod": "module x\n\nrequire (\n\tgithub.com/a/b v1.2.0\n)\n", "go.sum": "github.com/a/b v1.2.0/go.mod h1:x\n"},
    "unreadable": {"pyproject.toml": "[", "uv.lock": "["},
    "no lock file": {"pyproject.toml": PYTHON.format("")},
}  # fmt: skip
OLDER = {
    "uv": ({"pyproject.toml": PYTHON.format('", "httpx'), "uv.lock": UV}, "httpx"),
    "poetry": ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3"\nhttpx = "1"\n', "poetry.lock": UV}, "httpx"),
    "npm": ({"package.json": '{"dependencies": {"left-pad": "^2.0.0"}}', "package-lock.json": NPM}, "left-pad ^2.0.0"),
    "yarn": ({"package.json": json.dumps(NODE), "yarn.lock": "pad-left@1:\n"}, "left-pad"),
    "pnpm": ({"package.json": json.dumps(NODE), "pnpm-lock.yaml": "importers: {}\n"}, "left-pad"),
    "cargo": ({"Cargo.toml": '[dependencies]\nx = {package = "serde"}\n', "Cargo.lock": ""}, "serde"),
    "go": ({"go.mod": "require github.com/a/b v1.3.0\n", "go.sum": "github.com/a/b v1.2.0 h1:x\n"}, "github.com/a/b v1.3.0"),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_a_lock_file_that_fits_or_cannot_be_told_is_passed_by(name: str) -> None:
    assert stale_locks(FITS[name]) == ()


@pytest.mark.parametrize("name", OLDER)
def test_a_lock_file_that_is_older_names_what_it_does_not_have(name: str) -> None:
    files, missing = OLDER[name]

    (found,) = stale_locks(files)

    assert found.why.endswith(f"which asks for {missing}")
    assert found.cure.startswith("Make it anew: ")


def test_a_lock_file_without_its_manifest_belongs_to_nothing() -> None:
    (found,) = stale_locks({"Cargo.lock": ""})

    assert (found.lock, found.why) == ("Cargo.lock", "there is no Cargo.toml that it belongs to")


def test_what_any_group_and_requirement_file_asks_for_is_declared() -> None:
    document = PYTHON.format("") + '[dependency-groups]\ndev = ["Black", {include-group = "x"}]\n'

    assert declared_by_python({"pyproject.toml": document, "requirements-dev.txt": "-r x\ntox==4\n"}) == {
        "ruamel-yaml", "black", "tox",
    }  # fmt: skip
