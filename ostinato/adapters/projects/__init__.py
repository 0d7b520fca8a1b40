"""What a repository is made of, by reading alone: nothing of it is ever run here."""

from collections.abc import Sequence
from pathlib import Path

from ostinato.adapters.projects.choices import (
    Configuration,
    choose_format,
    choose_lint,
    choose_tests,
    choose_types,
)
from ostinato.adapters.projects.layout import (
    count_languages,
    find_packages,
    find_source_roots,
    find_test_paths,
    is_test_file,
)
from ostinato.adapters.projects.manifest import read_manifest
from ostinato.adapters.projects.reading import Reader
from ostinato.adapters.projects.setup_script import NO_SCRIPT, read_setup_script
from ostinato.domain.project import ProjectFacts


def inspect_project(tree: Path, commit: str, tracked: Sequence[str]) -> ProjectFacts:
    """Facts of the checkout in `tree`; `tracked` are its files, relative, POSIX style."""
    reader = Reader(tree=tree)
    languages = count_languages(tracked)
    if not languages.get("Python"):
        return ProjectFacts(commit=commit, languages=languages, files=len(tracked), notes=("no Python files",))
    configuration = Configuration.of(reader)
    manifest = read_manifest(tree, reader)
    script = read_setup_script(reader.text("setup.py")) or NO_SCRIPT
    roots = find_source_roots(reader, configuration.pyproject, configuration.setup_cfg, script, tracked)
    inis = (
        reader.ini("pytest.ini").get("pytest", {}),
        configuration.setup_cfg.get("tool:pytest", {}),
        configuration.tox_ini.get("pytest", {}),
    )
    if ".pre-commit-config.yaml" in tracked:
        reader.notes.append("pre-commit is configured; its hooks run when the final commit is made")
    return ProjectFacts(
        commit=commit,
        languages=languages,
        files=len(tracked),
        source_roots=roots,
        packages=find_packages(tracked, roots),
        test_paths=find_test_paths(reader, configuration.pyproject, inis, tracked),
        test_files=sum(1 for name in tracked if is_test_file(name)),
        dependencies_declared=bool(manifest.needs) or manifest.computed,
        manifest=manifest.file,
        tests=choose_tests(configuration, tracked),
        lint=choose_lint(configuration),
        format=choose_format(configuration),
        types=choose_types(configuration),
        notes=tuple(dict.fromkeys(reader.notes)),
    )
