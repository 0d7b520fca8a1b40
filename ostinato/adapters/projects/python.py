"""Python: packages by their manifests, the manager that locks them, and what their configuration chooses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ostinato.adapters.projects.choices import Configuration, choose_format, choose_lint, choose_tests, choose_types
from ostinato.adapters.projects.grounds import Found, Grounds, above, join
from ostinato.adapters.projects.layout import is_test_file
from ostinato.adapters.projects.lines import NAMES
from ostinato.adapters.projects.manifest import Manifest, normalised, read_manifest, requirement_name
from ostinato.adapters.projects.reading import table, words
from ostinato.domain.project import ROOT, Basis, Command, Member, PackageManager, Purpose, ToolChoice

MARKS: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile")
Choices = Mapping[Purpose, ToolChoice | None]
_LOCKS = {
    "uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv", "Pipfile": "pipenv",
    "pixi.lock": "pixi",
}  # fmt: skip
_SECTIONS = ("uv", "poetry", "pdm", "hatch", "rye", "pixi")
_BACKENDS = {"poetry.": "poetry", "pdm.": "pdm", "uv_build": "uv"}
_BUILD = {"uv": ("uv", "build"), "poetry": ("poetry", "build"), "pdm": ("pdm", "build"), "hatch": ("hatch", "build")}
_SAMPLED_TESTS = 5
_BASIS = {"command": Basis.STATED, "make": Basis.TARGET}


def survey_python(grounds: Grounds, root: Choices) -> Found:
    """`root` are the tools already chosen for the repository itself."""
    manifests = _manifests(grounds)
    named = {normalised(manifest.name): folder for folder, manifest in manifests.items() if manifest.name}
    found = Found()
    for folder, manifest in manifests.items():
        reader = grounds.reader.below(folder)
        manager = _manager(grounds, folder)
        needs = [*manifest.requirements, *(r for group in (manifest.extras, manifest.groups) for r in _all(group))]
        uses = (named.get(requirement_name(need)) for need in needs)
        member = Member(
            path=folder,
            name=(manifest.name or folder)[:200],
            language="Python",
            manager=manager.tool,
            manifest=join(folder, manifest.file),
            depends_on=tuple(dict.fromkeys(use for use in uses if use is not None and use != folder)),
        )
        if manager not in found.managers:
            found.managers.append(manager)
        found.members.append(member)
        pyproject = reader.toml("pyproject.toml")
        found.commands += _chosen(member, root if folder == ROOT else _choices(grounds, folder))
        found.commands += _tasks(member, pyproject)
        found.commands += _build(member, manifest, pyproject)
    return found


def root_commands(choices: Choices) -> list[Command]:
    """Of Python without a manifest at the root: what is chosen serves the files all the same."""
    return list(_chosen(Member(path=ROOT, name="", language="Python", manager="", manifest=""), choices))


def _manifests(grounds: Grounds) -> dict[str, Manifest]:
    found = {}
    named = list(_workspace(grounds))
    for folder in grounds.folders(*MARKS, also=named):
        manifest = read_manifest(grounds.reader.tree / folder, grounds.reader.below(folder))
        is_package = manifest.installable or bool(manifest.requirement_files) or folder in named
        is_pipenv = bool(grounds.named(folder, "Pipfile"))
        if is_package or is_pipenv:
            found[folder] = manifest
    return found


def _workspace(grounds: Grounds) -> Iterator[str]:
    """Members of uv's workspaces."""
    for root in grounds.folders("uv.lock", "pyproject.toml")[:5]:
        workspace = table(grounds.reader.toml(join(root, "pyproject.toml")), "tool", "uv", "workspace")
        left_out = (f"!{pattern}" for pattern in words(workspace.get("exclude")))
        yield from grounds.matching("pyproject.toml", root, (*words(workspace.get("members")), *left_out))


def _manager(grounds: Grounds, folder: str) -> PackageManager:
    """A lock file, else a section of pyproject.toml, of the folder or the nearest above; else pip."""
    for place in above(folder):
        if lock := grounds.named(place, *_LOCKS):
            return _managed(_LOCKS[lock.rpartition("/")[2]], lock, place)
        if not (file := grounds.named(place, "pyproject.toml")):
            continue
        pyproject = grounds.reader.toml(file)
        if section := next((name for name in _SECTIONS if _manages(table(pyproject, "tool", name), name)), None):
            return _managed(section, f"{file} [tool.{section}]", place)
        backend = str(table(pyproject, "build-system").get("build-backend", ""))
        if tool := next((tool for start, tool in _BACKENDS.items() if backend.startswith(start)), None):
            return _managed(tool, f"{file} [build-system]", place)
    file = grounds.named(folder, "requirements.txt", "pyproject.toml", "setup.cfg", "setup.py")
    return _managed("pip", file or "pip comes with Python; nothing names another", folder)


def _manages(section: Mapping[str, Any], name: str) -> bool:
    """Hatch's build section alone says nothing of who installs."""
    return bool(section.keys() - {"build", "version", "metadata"}) if name == "hatch" else bool(section)


def _managed(tool: str, source: str, folder: str) -> PackageManager:
    return PackageManager(language="Python", tool=tool, source=source, folder=folder)


def _all(groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for group in groups.values():
        yield from group


def _choices(grounds: Grounds, folder: str) -> Choices:
    """As for a repository of its own; a few of its tests are looked at."""
    configuration = Configuration.of(grounds.reader.below(folder))
    tests = [name for name in grounds.below(folder) if is_test_file(name)][:_SAMPLED_TESTS]
    return {
        Purpose.TEST: choose_tests(configuration, tests),
        Purpose.LINT: choose_lint(configuration),
        Purpose.FORMAT: choose_format(configuration),
        Purpose.TYPES: choose_types(configuration),
    }


def _chosen(member: Member, choices: Choices) -> Iterator[Command]:
    for purpose, choice in choices.items():
        if choice is not None and choice.own and (choice.tool != "command" or member.path == ROOT):
            basis = _BASIS.get(choice.tool, Basis.CONFIGURED)
            between = ": " if choice.source.startswith("used by") else "/"
            source = choice.source if member.path == ROOT else f"{member.path}{between}{choice.source}"
            yield _command(member, purpose, choice.tool, choice.argv, source, basis)


def _tasks(member: Member, pyproject: Mapping[str, Any]) -> Iterator[Command]:
    """Scripts of PDM, Poe, taskipy, Rye and Hatch's default environments."""
    tool = table(pyproject, "tool")
    runners: list[tuple[str, tuple[str, ...], Mapping[str, Any], str]] = [
        ("pdm", ("pdm", "run"), table(tool, "pdm", "scripts"), "tool.pdm.scripts"),
        ("poe", ("poe",), table(tool, "poe", "tasks"), "tool.poe.tasks"),
        ("taskipy", ("task",), table(tool, "taskipy", "tasks"), "tool.taskipy.tasks"),
        ("rye", ("rye", "run"), table(tool, "rye", "scripts"), "tool.rye.scripts"),
    ]
    for name, environment in table(tool, "hatch", "envs").items():
        start = "" if name == "default" else f"{name}:"
        scripts = {f"{start}{key}": value for key, value in table(environment, "scripts").items()}
        runners.append(("hatch", ("hatch", "run"), scripts, f"tool.hatch.envs.{name}.scripts"))
    for runner, argv, tasks, section in runners:
        by_name = {key.rpartition(":")[2]: key for key in reversed(list(tasks))}
        for purpose, names in NAMES.items():
            if found := next((by_name[name] for name in names if name in by_name), None):
                source = f"{join(member.path, 'pyproject.toml')} [{section}] {found.rpartition(':')[2]}"
                yield _command(member, purpose, runner, (*argv, found), source, Basis.TARGET)


def _build(member: Member, manifest: Manifest, pyproject: Mapping[str, Any]) -> Iterator[Command]:
    backend = table(pyproject, "build-system").get("build-backend")
    if not manifest.installable:
        return
    argv = _BUILD.get(member.manager, ("python", "-m", "build"))
    file = join(member.path, "pyproject.toml")
    source = f"{file} [build-system] {backend}" if isinstance(backend, str) else member.manifest
    yield _command(member, Purpose.BUILD, argv[0] if argv[0] != "python" else "build", argv, source, Basis.CONFIGURED)


def _command(member: Member, purpose: Purpose, tool: str, argv: tuple[str, ...], source: str, basis: Basis) -> Command:
    return Command(
        purpose=purpose,
        tool=tool,
        argv=argv,
        source=source,
        basis=basis,
        language=member.language,
        member=member.path,
        folder=member.path,
    )
