"""What a repository is made of, by reading alone: nothing of it is ever run here."""

import re
from collections.abc import Sequence
from pathlib import Path

from ostinato.adapters.projects.choices import (
    Configuration,
    choose_format,
    choose_lint,
    choose_tests,
    choose_types,
    command_stated,
)
from ostinato.adapters.projects.layout import (
    count_languages,
    find_packages,
    find_source_roots,
    find_test_paths,
    is_test_file,
)
from ostinato.adapters.projects.manifest import Manifest, read_manifest
from ostinato.adapters.projects.reading import Reader, table
from ostinato.adapters.projects.setup_script import NO_SCRIPT, read_setup_script
from ostinato.adapters.projects.surveying import survey
from ostinato.domain.project import ProjectFacts, Purpose

MOST_NOTES = 30


def inspect_project(tree: Path, commit: str, tracked: Sequence[str]) -> ProjectFacts:
    """Facts of the checkout in `tree`; `tracked` are its files, relative, POSIX style."""
    reader = Reader(tree=tree)
    files = len(tracked)
    tracked = [name for name in tracked if name.isascii() or _is_text(name)]
    if len(tracked) < files:
        reader.notes.append(f"{files - len(tracked)} file names are no UTF-8 and were passed over")
    languages = count_languages(tracked)
    facts = ProjectFacts(commit=commit, languages=languages, files=files)
    if languages.get("Python"):
        facts = _with_python(facts, reader, tracked)
    else:
        reader.notes.append("no Python files")
        commands = table(reader.toml(".ostinato/config.toml"), "commands")
        facts = facts.model_copy(update={"tests": command_stated(reader, commands, "test")})
    choices = {
        Purpose.TEST: facts.tests,
        Purpose.LINT: facts.lint,
        Purpose.FORMAT: facts.format,
        Purpose.TYPES: facts.types,
    }
    commands = table(reader.toml(".ostinato/config.toml"), "commands")
    if command_stated(reader, commands, "benchmark"):
        facts = facts.model_copy(update={"benchmark": ".ostinato/config.toml [commands]"})
    found = survey(reader, tracked, choices if facts.is_python else {})
    return facts.model_copy(update={"survey": found, "notes": _bounded(reader.notes)})


def _with_python(facts: ProjectFacts, reader: Reader, tracked: Sequence[str]) -> ProjectFacts:
    """The facts that Ostinato's own tools and gates work by."""
    configuration = Configuration.of(reader)
    manifest = read_manifest(reader.tree, reader)
    script = read_setup_script(reader.text("setup.py")) or NO_SCRIPT
    roots = find_source_roots(reader, configuration.pyproject, configuration.setup_cfg, script, tracked)
    inis = (
        reader.ini("pytest.ini").get("pytest", {}),
        configuration.setup_cfg.get("tool:pytest", {}),
        configuration.tox_ini.get("pytest", {}),
    )
    if ".pre-commit-config.yaml" in tracked:
        reader.notes.append("pre-commit is configured; its hooks run when the final commit is made")
    return facts.model_copy(
        update={
            "source_roots": roots,
            "packages": find_packages(tracked, roots),
            "test_paths": find_test_paths(reader, configuration.pyproject, inis, tracked),
            "test_files": sum(1 for name in tracked if is_test_file(name)),
            "dependencies_declared": bool(manifest.needs) or manifest.computed,
            "manifest": manifest.file,
            "tests": choose_tests(configuration, tracked),
            "lint": choose_lint(configuration),
            "benchmark": f"pytest-benchmark in {manifest.file}" if _has_benchmarks(manifest) else "",
            "format": choose_format(configuration),
            "types": choose_types(configuration),
        }
    )


def _has_benchmarks(manifest: Manifest) -> bool:
    stated = (manifest.requirements, *manifest.extras.values(), *manifest.groups.values())
    return any(re.match(r"pytest[-_.]benchmark\b", line.strip(), re.IGNORECASE) for lines in stated for line in lines)


def _is_text(name: str) -> bool:
    """Names of other encodings cannot travel as JSON."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _bounded(notes: Sequence[str]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(note[:300] for note in notes))
    more = len(distinct) - MOST_NOTES
    return distinct if more <= 0 else (*distinct[:MOST_NOTES], f"{more} more notes")
