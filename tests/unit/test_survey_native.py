"""Reading Go and Rust: modules, crates, workspaces."""

from pathlib import Path

import pytest

from tests.trees import command_in, commands_in, edges, facts_of, managers_in, survey_of

MOD = "module example.com/shop\n\ngo 1.22\n"


def test_a_go_module_is_worked_on_by_the_languages_own_tools(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"go.mod": MOD, "main.go": ""})

    assert commands_in(survey) == {
        "test": "go test ./...",
        "lint": "go vet ./...",
        "format": "gofmt -w .",
        "build": "go build ./...",
    }
    assert (command_in(survey, "test").confidence, managers_in(survey)) == ("low", [("go", "go.mod")])


@pytest.mark.parametrize("name", [".golangci.yml", ".golangci.toml"])
def test_golangci_lints_where_it_is_configured(tmp_path: Path, name: str) -> None:
    survey = survey_of(tmp_path, {"go.mod": MOD, name: ""})

    assert command_in(survey, "lint").argv == ("golangci-lint", "run")
    assert command_in(survey, "lint").source == name


@pytest.mark.parametrize(
    "require",
    [
        "require example.com/shop/lib v0.0.0\nreplace example.com/shop/lib => ../lib\n",
        "require (\n\texample.com/other v1.0.0\n\texample.com/shop/lib v0.0.0 // indirect\n)\n",
    ],
)
def test_a_go_workspace_has_modules_that_use_each_other(tmp_path: Path, require: str) -> None:
    survey = survey_of(
        tmp_path,
        {
            "go.work": "go 1.22\n\nuse (\n\t./api\n\t./lib\n)\n",
            "api/go.mod": f"module example.com/shop/api\n{require}",
            "lib/go.mod": "module example.com/shop/lib\n",
        },
    )

    assert edges(survey) == {"api": ("lib",)}
    assert (managers_in(survey), command_in(survey, "test", "lib").folder) == ([("go", "go.work")], "lib")


def test_a_module_without_a_name_is_a_note(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"go.mod": "require (\n" * 50})

    assert facts.survey.members == ()
    assert "go.mod names no module" in facts.notes


def test_a_crate_is_worked_on_by_cargo(tmp_path: Path) -> None:
    manifest = '[package]\nname = "shop"\n[lints.clippy]\npedantic = "warn"\n'

    survey = survey_of(tmp_path, {"Cargo.toml": manifest, "Cargo.lock": "", "rustfmt.toml": "", "src/lib.rs": ""})

    assert commands_in(survey) == {
        "test": "cargo test",
        "lint": "cargo clippy",
        "types": "cargo check",
        "build": "cargo build",
        "format": "cargo fmt",
    }
    assert [command_in(survey, purpose).source for purpose in ("lint", "format")] == [
        "Cargo.toml [lints.clippy]",
        "rustfmt.toml",
    ]


def test_a_virtual_workspace_serves_all_of_its_crates(tmp_path: Path) -> None:
    survey = survey_of(
        tmp_path,
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\nexclude = ["crates/old"]\n'
            '[workspace.dependencies]\ncore = { path = "crates/core" }\n',
            "crates/core/Cargo.toml": '[package]\nname = "core"\n',
            "crates/cli/Cargo.toml": '[package]\nname = "cli"\n[dependencies]\ncore.workspace = true\n',
            "crates/web/Cargo.toml": '[package]\nname = "web"\n[dev-dependencies]\ncli = { path = "../cli" }\n',
        },
    )

    assert edges(survey) == {"crates/cli": ("crates/core",), "crates/web": ("crates/cli",)}
    assert command_in(survey, "test").argv == ("cargo", "test", "--workspace")
    assert command_in(survey, "test", "crates/cli").folder == "crates/cli"


def test_nextest_is_used_where_it_is_configured(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"Cargo.toml": '[package]\nname = "shop"\n', ".config/nextest.toml": ""})

    assert command_in(survey, "test").argv == ("cargo", "nextest", "run")
