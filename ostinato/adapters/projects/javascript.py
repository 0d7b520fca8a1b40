"""JavaScript and TypeScript: package.json, workspaces, lock files, and the tools that configuration files name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.adapters.projects.grounds import MOST_MANIFESTS, Found, Grounds, above, folder_of, join
from ostinato.adapters.projects.lines import NAMES, recognise_line
from ostinato.adapters.projects.reading import table, words
from ostinato.domain.project import ROOT, Basis, Command, Member, PackageManager, Purpose

MARKS: Final = ("package.json",)
_LOCKS = {
    "pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun",
    "package-lock.json": "npm", "npm-shrinkwrap.json": "npm",
}  # fmt: skip
_EXECUTE = {"npm": ("npx", "--no-install"), "pnpm": ("pnpm", "exec"), "yarn": ("yarn",), "bun": ("bunx",)}
_NEEDED = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
_PLACEHOLDER = "no test specified"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tool:
    """A tool and what configures it: files that begin so, a key of package.json, a dependency."""

    purpose: Purpose
    name: str
    argv: tuple[str, ...]
    files: tuple[str, ...] = ()
    key: str = ""
    package: str = ""


_TOOLS = (
    _Tool(purpose=Purpose.TEST, name="vitest", argv=("run",), files=("vitest.config.",), package="vitest"),
    _Tool(purpose=Purpose.TEST, name="jest", argv=(), files=("jest.config.",), key="jest", package="jest"),
    _Tool(purpose=Purpose.TEST, name="mocha", argv=(), files=(".mocharc.",), key="mocha", package="mocha"),
    _Tool(purpose=Purpose.TEST, name="ava", argv=(), files=("ava.config.",), key="ava", package="ava"),
    _Tool(purpose=Purpose.LINT, name="biome", argv=("lint",), files=("biome.json",), package="@biomejs/biome"),
    _Tool(
        purpose=Purpose.LINT, name="eslint", argv=(".",), files=("eslint.config.", ".eslintrc"), key="eslintConfig",
        package="eslint",
    ),
    _Tool(purpose=Purpose.FORMAT, name="biome", argv=("format", "--write"), files=("biome.json",)),
    _Tool(
        purpose=Purpose.FORMAT, name="prettier", argv=("--write", "."), files=(".prettierrc", "prettier.config."),
        key="prettier", package="prettier",
    ),
)  # fmt: skip


def survey_javascript(grounds: Grounds) -> Found:
    sources = _manifests(grounds)
    managers = {folder: _manager(grounds, sources, folder) for folder in sources}
    named = {name: folder for folder, source in sources.items() if isinstance(name := source.get("name"), str)}
    has_root_types = "typescript" in _needs(sources.get(ROOT, {}))
    found = Found(managers=list(dict.fromkeys(managers.values())))
    for folder, source in sources.items():
        needs, manager = _needs(source), managers[folder]
        typed = bool(grounds.named(folder, "tsconfig.json")) or "typescript" in needs
        language = "TypeScript" if typed else "JavaScript"
        member = Member(
            path=folder,
            name=str(source.get("name") or folder)[:200],
            language=language,
            manager=manager.tool,
            manifest=join(folder, "package.json"),
            depends_on=tuple(dict.fromkeys(named[need] for need in needs if need in named and named[need] != folder)),
        )
        found.members.append(member)
        found.commands += _scripts(member, source)
        found.commands += _conductors(grounds, member)
        found.commands += _configured(grounds, member, source, has_types=has_root_types or "typescript" in needs)
    return found


def _manifests(grounds: Grounds) -> dict[str, dict[str, Any]]:
    """Folder → its package.json, workspaces first; a broken one is still a package."""
    roots = grounds.folders(*MARKS)
    sources = {folder: grounds.reader.json(join(folder, "package.json")) for folder in roots}
    declared: list[str] = []
    for folder, source in sources.items():
        declared += grounds.matching("package.json", folder, _workspaces(grounds, folder, source))
    more = [folder for folder in declared if folder not in sources][: MOST_MANIFESTS - len(sources)]
    return sources | {folder: grounds.reader.json(join(folder, "package.json")) for folder in more}


def _workspaces(grounds: Grounds, folder: str, source: Mapping[str, Any]) -> tuple[str, ...]:
    stated = source.get("workspaces")
    found = words(table(stated).get("packages")) or (words(stated) if isinstance(stated, list) else ())
    if file := grounds.named(folder, "pnpm-workspace.yaml"):
        found += words(grounds.reader.yaml(file).get("packages"))
    if file := grounds.named(folder, "lerna.json"):
        found += words(grounds.reader.jsonc(file).get("packages"))
    return found


def _manager(grounds: Grounds, sources: Mapping[str, Mapping[str, Any]], folder: str) -> PackageManager:
    """`packageManager`, else a lock file, of the folder or the nearest above it; else npm."""
    for place in above(folder):
        source = sources.get(place, {})
        stated = source.get("packageManager")
        if isinstance(stated, str) and (tool := stated.partition("@")[0]) in _EXECUTE:
            return _managed(tool, f"{join(place, 'package.json')} packageManager", place)
        engine = table(source, "devEngines", "packageManager").get("name")
        if isinstance(engine, str) and engine in _EXECUTE:
            return _managed(engine, f"{join(place, 'package.json')} devEngines.packageManager", place)
        locks = [lock for lock in _LOCKS if grounds.named(place, lock)]
        if len({_LOCKS[lock] for lock in locks}) > 1:
            note = f"lock files of several package managers: {', '.join(locks)}; {_LOCKS[locks[0]]} is taken"
            grounds.reader.notes.append(f"{place}: {note}")
        if locks:
            return _managed(_LOCKS[locks[0]], join(place, locks[0]), place)
        if file := grounds.named(place, "pnpm-workspace.yaml"):
            return _managed("pnpm", file, place)
    return _managed("npm", "npm comes with Node; nothing names another", ROOT)


def _managed(tool: str, source: str, folder: str) -> PackageManager:
    return PackageManager(language="JavaScript", tool=tool, source=source, folder=folder)


def _needs(source: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for group in _NEEDED for name in table(source, group))


def _scripts(member: Member, source: Mapping[str, Any]) -> Iterator[Command]:
    scripts = {name: line for name, line in table(source, "scripts").items() if isinstance(line, str) and line.strip()}
    for purpose, names in NAMES.items():
        spread = [name for name in scripts if name.startswith(f"{purpose}:")]
        name = next((name for name in (*names, *spread) if _PLACEHOLDER not in scripts.get(name, _PLACEHOLDER)), None)
        if name is None:
            continue
        job = recognise_line(scripts[name])
        yield _command(
            member,
            purpose,
            tool=job.tool if job and not job.is_declared else member.manager,
            argv=(member.manager, "run", name),
            source=f"{member.manifest} scripts.{name}",
            basis=Basis.SCRIPT,
        )


def _conductors(grounds: Grounds, member: Member) -> Iterator[Command]:
    """Turborepo, Nx and Lerna run one task in every package."""
    execute = _EXECUTE[member.manager]
    if file := grounds.named(member.path, "turbo.json"):
        source = grounds.reader.jsonc(file)
        tasks = {**table(source, "pipeline"), **table(source, "tasks")}
        for purpose, name in _named(tasks):
            argv = (*execute, "turbo", "run", name)
            yield _command(member, purpose, tool="turbo", argv=argv, source=f"{file} {name}", basis=Basis.CONFIGURED)
    if file := grounds.named(member.path, "nx.json"):
        for purpose, name in _named(table(grounds.reader.jsonc(file), "targetDefaults")):
            argv = (*execute, "nx", "run-many", "-t", name)
            yield _command(member, purpose, tool="nx", argv=argv, source=f"{file} {name}", basis=Basis.CONFIGURED)


def _named(tasks: Mapping[str, Any]) -> Iterator[tuple[Purpose, str]]:
    for purpose, names in NAMES.items():
        if name := next((name for name in names if name in tasks), None):
            yield purpose, name


def _configured(grounds: Grounds, member: Member, source: Mapping[str, Any], *, has_types: bool) -> Iterator[Command]:
    execute, needs = _EXECUTE[member.manager], _needs(source)
    for tool in _TOOLS:
        file = grounds.beginning(member.path, *tool.files)
        key = f"{member.manifest} {tool.key}" if tool.key and tool.key in source else ""
        dependency = f"{member.manifest} dependency {tool.package}" if tool.package in needs else ""
        if place := file or key or dependency:
            argv = (*execute, tool.name, *tool.argv)
            yield _command(member, tool.purpose, tool=tool.name, argv=argv, source=place, basis=Basis.CONFIGURED)
    if (file := grounds.named(member.path, "tsconfig.json")) and has_types:
        flags = ("--build",) if grounds.reader.jsonc(file).get("references") else ("--noEmit",)
        argv = (*execute, "tsc", *flags)
        yield _command(member, Purpose.TYPES, tool="tsc", argv=argv, source=file, basis=Basis.CONFIGURED)


def _command(member: Member, purpose: Purpose, *, tool: str, argv: Sequence[str], source: str, basis: Basis) -> Command:
    return Command(
        purpose=purpose,
        tool=tool,
        argv=tuple(argv),
        source=source,
        basis=basis,
        language=member.language,
        member=member.path,
        folder=folder_of(member.manifest),
    )
