"""Go and Rust: modules, crates and workspaces, whose standard tools do most jobs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ostinato.adapters.projects.grounds import Found, Grounds, folder_of, join
from ostinato.adapters.projects.reading import table, words
from ostinato.domain.project import ROOT, Basis, Command, Member, PackageManager, Purpose

MARKS: Final = ("go.mod", "go.work", "Cargo.toml")
STANDARD: Final = "the language's standard tool"
_MODULE = re.compile(r'^module[ \t]+"?([^\s"]+)', re.MULTILINE)
_BLOCK = re.compile(r"^(require|replace|use)[ \t]*\(([^)]*)(?:\)|\Z)", re.MULTILINE)
_LINE = re.compile(r"^(require|replace|use)[ \t]+([^\s(][^\n]*)", re.MULTILINE)
_GOLANGCI = (".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json")
_CLIPPY = ("clippy.toml", ".clippy.toml")
_RUSTFMT = ("rustfmt.toml", ".rustfmt.toml")
_CRATES = ("dependencies", "dev-dependencies", "build-dependencies")


def survey_go(grounds: Grounds) -> Found:
    used = _used_modules(grounds)
    folders = grounds.folders("go.mod", also=used)
    texts = {folder: _uncommented(grounds.reader.text(join(folder, "go.mod"))) for folder in folders}
    modules = {folder: match.group(1) for folder, text in texts.items() if (match := _MODULE.search(text))}
    for folder in texts.keys() - modules.keys():
        grounds.reader.notes.append(f"{join(folder, 'go.mod')} names no module")
    named = {module: folder for folder, module in modules.items()}
    found = Found()
    for folder, module in modules.items():
        needs = [words_[0] for words_ in _entries(texts[folder], "require") if words_]
        member = Member(
            path=folder,
            name=module,
            language="Go",
            manager="go",
            manifest=join(folder, "go.mod"),
            depends_on=tuple(dict.fromkeys(named[n] for n in needs if n in named and named[n] != folder)),
        )
        found.members.append(member)
        found.commands += _go_commands(grounds, member)
    if modules:
        place = next((join(folder, "go.work") for folder in grounds.marked.get("go.work", ())), "")
        first = next(iter(modules))
        source = place or join(first, "go.mod")
        found.managers.append(PackageManager(language="Go", tool="go", source=source, folder=folder_of(source)))
    return found


def _used_modules(grounds: Grounds) -> list[str]:
    found = []
    for root in grounds.folders("go.work"):
        text = _uncommented(grounds.reader.text(join(root, "go.work")))
        found += [join(root, entry[0].strip('"')) for entry in _entries(text, "use") if entry]
    return found


def _uncommented(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def _entries(text: str, directive: str) -> Iterator[list[str]]:
    for match in _BLOCK.finditer(text):
        if match.group(1) == directive:
            yield from (line.split() for line in match.group(2).splitlines())
    yield from (match.group(2).split() for match in _LINE.finditer(text) if match.group(1) == directive)


def _go_commands(grounds: Grounds, member: Member) -> Iterator[Command]:
    lint = grounds.named(member.path, *_GOLANGCI)
    every = "./..."
    yield _standard(member, Purpose.TEST, "go", ("go", "test", every))
    if lint:
        yield _standard(member, Purpose.LINT, "golangci-lint", ("golangci-lint", "run"), lint)
    else:
        yield _standard(member, Purpose.LINT, "go", ("go", "vet", every))
    yield _standard(member, Purpose.FORMAT, "gofmt", ("gofmt", "-w", "."))
    yield _standard(member, Purpose.BUILD, "go", ("go", "build", every))


def survey_rust(grounds: Grounds) -> Found:
    sources = {folder: grounds.reader.toml(join(folder, "Cargo.toml")) for folder in grounds.folders("Cargo.toml")}
    for root, source in tuple(sources.items()):
        for folder in _workspace_members(grounds, root, source):
            if folder not in sources:
                sources[folder] = grounds.reader.toml(join(folder, "Cargo.toml"))
    crates = {folder: source for folder, source in sources.items() if table(source, "package")}
    shared = {
        name: join(root, path)
        for root, source in sources.items()
        for name, value in table(source, "workspace", "dependencies").items()
        if isinstance(path := table(value).get("path"), str)
    }
    found = Found()
    for folder, source in crates.items():
        member = Member(
            path=folder,
            name=str(table(source, "package").get("name") or folder)[:200],
            language="Rust",
            manager="cargo",
            manifest=join(folder, "Cargo.toml"),
            depends_on=tuple(dict.fromkeys(p for p in _paths(folder, source, shared) if p in crates and p != folder)),
        )
        found.members.append(member)
        found.commands += _rust_commands(grounds, member, source)
    for root, source in sources.items():
        if table(source, "workspace"):
            found.commands += _rust_commands(grounds, _root(root), source)
    if sources:
        first = next((root for root, source in sources.items() if "workspace" in source), next(iter(sources)))
        lock = grounds.named(first, "Cargo.lock") or join(first, "Cargo.toml")
        found.managers.append(PackageManager(language="Rust", tool="cargo", source=lock, folder=first))
    return found


def _root(folder: str) -> Member:
    """Of a workspace: it is no crate, yet its commands serve all of them."""
    return Member(path=folder, name="", language="Rust", manager="cargo", manifest=join(folder, "Cargo.toml"))


def _workspace_members(grounds: Grounds, root: str, source: Mapping[str, Any]) -> Sequence[str]:
    workspace = table(source, "workspace")
    left_out = (f"!{pattern}" for pattern in words(workspace.get("exclude")))
    return grounds.matching("Cargo.toml", root, (*words(workspace.get("members")), *left_out))


def _paths(folder: str, source: Mapping[str, Any], shared: Mapping[str, str]) -> Iterator[str]:
    """Of crates that it uses by path, also through the workspace's table."""
    tables = [source, *(value for value in table(source, "target").values() if isinstance(value, dict))]
    for name, value in ((n, v) for t in tables for group in _CRATES for n, v in table(t, group).items()):
        path = table(value).get("path")
        if isinstance(path, str):
            yield join(folder, path)
        elif table(value).get("workspace") is True and name in shared:
            yield shared[name]


def _rust_commands(grounds: Grounds, member: Member, source: Mapping[str, Any]) -> Iterator[Command]:
    workspace = ("--workspace",) if "workspace" in source else ()
    clippy = grounds.nearest(member.path, *_CLIPPY) or _lints(member, source)
    nextest = grounds.named(member.path, ".config/nextest.toml")
    if nextest:
        yield _standard(member, Purpose.TEST, "cargo", ("cargo", "nextest", "run", *workspace), nextest)
    yield _standard(member, Purpose.TEST, "cargo", ("cargo", "test", *workspace))
    yield _standard(member, Purpose.LINT, "clippy", ("cargo", "clippy", *workspace), clippy)
    fmt = ("cargo", "fmt", *(("--all",) if workspace else ()))
    yield _standard(member, Purpose.FORMAT, "rustfmt", fmt, grounds.nearest(member.path, *_RUSTFMT))
    yield _standard(member, Purpose.TYPES, "cargo", ("cargo", "check", *workspace))
    yield _standard(member, Purpose.BUILD, "cargo", ("cargo", "build", *workspace))


def _lints(member: Member, source: Mapping[str, Any]) -> str:
    """The table of the manifest that configures clippy."""
    for keys in (("workspace", "lints", "clippy"), ("lints", "clippy")):
        if table(source, *keys):
            return f"{member.manifest} [{'.'.join(keys)}]"
    return f"{member.manifest} [lints] workspace" if table(source, "lints").get("workspace") is True else ""


def _standard(member: Member, purpose: Purpose, tool: str, argv: tuple[str, ...], configured: str = "") -> Command:
    return Command(
        purpose=purpose,
        tool=tool,
        argv=argv,
        source=configured or f"{STANDARD} ({member.manifest})",
        basis=Basis.CONFIGURED if configured else Basis.CONVENTION,
        language=member.language,
        member=member.path,
        folder=member.path or ROOT,
    )
