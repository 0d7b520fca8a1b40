"""Resources as text: what there is, what a request would get, what is broken. 80 columns are enough."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.text import Text

from ostinato.adapters.git.repository import RepositoryState, dirty_paths, inspect_repository
from ostinato.adapters.home import Home
from ostinato.adapters.resources import CommitTree, FolderTree, discover
from ostinato.cli.printable import printable
from ostinato.cli.rendering import spaced
from ostinato.cli.trust import is_trusted
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.request import headline
from ostinato.domain.resources import Activated, Activation, Cost, Found, Kind, Origin, Resource
from ostinato.domain.selection import UNTRUSTED

TITLES = {
    Kind.MODE: "Modes",
    Kind.SKILL: "Skills",
    Kind.SERVER: "MCP servers",
    Kind.COMMAND: "Commands",
    Kind.AGENT: "Agents",
    Kind.CONTEXT: "Project context",
}
NAME_CELLS = 27
PLACE_CELLS = 26
SHOWN_LEFT_OUT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    found: Found
    trusted: bool = False
    uncommitted: frozenset[str] = frozenset()
    """Paths that a run would not see, because it starts from a commit."""


async def look(home: Home, path: Path, base: str | None = None) -> Seen:
    """What lies in the folder, or in a commit; outside of a repository as well."""
    try:
        repository = await inspect_repository(path, base)
    except UserError:
        if base is not None or not path.is_dir():
            raise
        return Seen(found=await discover(FolderTree(path), Path.home()))
    trusted = is_trusted(home, repository.root)
    if base is not None:
        tree = CommitTree(repository.common_dir, repository.base_commit)
        return Seen(found=await discover(tree, Path.home()), trusted=trusted)
    found = await discover(FolderTree(repository.root), Path.home())
    return Seen(found=found, trusted=trusted, uncommitted=await _uncommitted(repository, found))


async def _uncommitted(repository: RepositoryState, found: Found) -> frozenset[str]:
    listed = await repository.git()("ls-files", "-z")
    dirty = set(await dirty_paths(repository.git()))
    committed = set(listed.split("\0")) - dirty
    ours = {each.path for each in found.resources if each.origin is Origin.REPOSITORY}
    return frozenset(path for path in ours - committed if not (repository.root / path).parent.is_symlink())


def named(found: Found, name: str, kind: str | None) -> tuple[Resource, ...]:
    chosen = tuple(each for each in found.named(name) if kind in (None, each.kind))
    if chosen:
        return chosen
    near = difflib.get_close_matches(name, [each.name for each in found.resources], n=1, cutoff=0.6)
    cure = f"Did you mean {near[0]}?" if near else "See: ostinato resources"
    raise UserError.of("resource_unknown", name, "there is no such resource here", cure)


def list_view(seen: Seen, kind: str | None) -> Group:
    kinds = [each for each in Kind if kind in (None, each)]
    blocks = [_table(each, seen) for each in kinds]
    return spaced([*blocks, *_troubles(seen.found, kind)])


def full_view(chosen: Sequence[Resource]) -> Group:
    return spaced([_whole(each) for each in chosen])


def active_view(activation: Activation, request: str, seen: Seen) -> Group:
    """What a run would be given, in the order in which it is switched on, and why."""
    head = Text.assemble((headline(printable(request), 50), "title"))
    head.append(f"  {activation.tokens:,} of {activation.budget_tokens:,} tokens", "quiet")
    mode = [_active_line("mode", activation.mode, "full", activation.mode_tokens), _because(activation.mode_because)]
    groups = (
        ("skill", activation.skills),
        ("server", activation.servers),
        ("command", (activation.command,) if activation.command else ()),
        ("agent", activation.agents),
        ("context", activation.context),
    )
    blocks = [[head], [*mode, *(line for kind, group in groups for each in group for line in _active(kind, each))]]
    if activation.on_demand_tokens:
        blocks.append([Text(f"  {activation.on_demand_tokens:,} tokens more on demand", style="quiet")])
    return spaced([*blocks, _left_out(activation), _summary(seen.found)])


def _table(kind: Kind, seen: Seen) -> list[Text]:
    rows = seen.found.of(kind)
    if not rows:
        return []
    head = Text.assemble((f"{TITLES[kind]:<{NAME_CELLS + PLACE_CELLS - 4}}", "title"))
    lines = [head.append(f"{'tokens:':>8}{'name':>6}{'+about':>8}{'full':>8}", "quiet")]
    for each in rows:
        line = Text(f"  {_cut(each.name, NAME_CELLS):<{NAME_CELLS}} ")
        line.append(f"{_cut(_place(each), PLACE_CELLS):<{PLACE_CELLS}} ", "quiet").append(_cells(each.cost))
        lines.append(line)
        if each.path in seen.uncommitted:
            lines.append(Text("      not committed: a run would not see it as it is", style="careful"))
    return lines


def _cells(cost: Cost) -> str:
    full = f"~{cost.full:,}" if cost.assumed else f"{cost.full:,}"
    return f"{cost.name:>6,}{cost.description:>8,}{full:>8}"


def _place(resource: Resource) -> str:
    """Where it comes from, without what its name says already."""
    if resource.origin is Origin.BUILT_IN:
        return "built-in"
    if resource.kind is Kind.CONTEXT:
        return str(resource.origin)
    folder = resource.path.removesuffix("/SKILL.md")
    return resource.path if resource.kind is Kind.SERVER else folder.rpartition("/")[0]


def _cut(text: str, cells: int) -> str:
    """The end of a path tells more than its middle."""
    plain = printable(text)
    return plain if len(plain) <= cells else f"{plain[: cells // 2 - 1]}…{plain[-(cells - cells // 2) :]}"


def _active(kind: str, each: Activated) -> list[Text]:
    line = _active_line(kind, each.name, each.level, each.tokens)
    if kind != "context":
        line.append(f"  fit {each.fit:.2f}", "quiet")
    return [line, _because(each.because)]


def _active_line(kind: str, name: str, level: str, tokens: int) -> Text:
    line = Text.assemble("  ", ("●", "good"), f" {kind:<8} ", (f"{_cut(name, 32):<32} ", "title"))
    return line.append(f"{level:<12}{tokens:>7,}")


def _because(reason: str) -> Text:
    return Text(f"               because {printable(reason)}", style="quiet")


def _left_out(activation: Activation) -> list[Text]:
    shown = activation.left_out[:SHOWN_LEFT_OUT]
    if not shown:
        return []
    lines = [Text("Left out", style="title")]
    if any(each.reason == UNTRUSTED for each in activation.left_out):
        lines.append(Text("  → Trust the repository to get what it brings: ostinato run --trust", style="command"))
    lines += [
        Text.assemble(f"  ○ {each.kind:<8} {_cut(each.name, 32):<32} ", (printable(each.reason), "quiet"))
        for each in shown
    ]
    more = activation.left_out_count - len(shown)
    return [*lines, Text(f"    … {more} more", style="quiet")] if more > 0 else lines


def _summary(found: Found) -> list[Text]:
    told = [f"{len(group)} {word}" for group, word in ((found.broken, "broken"), (found.shadowed, "shadowed")) if group]
    return [Text(f"  {', '.join(told)}: ostinato resources", style="careful")] if told else []


def _troubles(found: Found, kind: str | None) -> Iterable[list[Text]]:
    shadowed = [each for each in found.shadowed if kind in (None, each.kind)]
    if shadowed:
        yield [
            Text("In the shadow of another", style="title"),
            *(
                Text.assemble(f"  {_cut(each.name, 27):<27} ", (f"{printable(each.path)}\n{'':<30}for {printable(each.by)}", "quiet"))
                for each in shadowed
            ),
        ]  # fmt: skip
    if found.broken:
        yield [Text("Broken, and skipped", style="title"), *_problems(found.broken, "✘", "bad")]
    if found.notices:
        yield [Text("Worth a look", style="title"), *_problems(found.notices, "⚠", "careful")]


def _problems(problems: Iterable[Problem], mark: str, style: str) -> list[Text]:
    lines = []
    for each in problems:
        place = f"{each.field}:{each.line}" if each.line else each.field
        lines.append(Text.assemble("  ", (mark, style), f" {printable(place)}"))
        lines.append(Text(f"    {printable(each.message)}"))
        lines.append(Text(f"    → {printable(each.cure)}", style="command"))
    return lines


def _whole(resource: Resource) -> list[Text]:
    head = Text.assemble((printable(resource.name), "title"), f"  {resource.kind}, {resource.origin}")
    head.append(f"  {printable(resource.path)}", "quiet")
    cost = resource.cost
    full = f"about {cost.full:,} when its tools are listed" if cost.assumed else f"{cost.full:,} in full"
    rows = [("tokens", f"{cost.name:,} by name, {cost.description:,} with its description, {full}")]
    rows += [("for", ", ".join((*resource.types, *resource.domains)))] if resource.types or resource.domains else []
    rows += [(name, value) for name, value in resource.fields.items() if value]
    lines = [head, *(Text.assemble("  ", (f"{name:<14}", "quiet"), printable(value)) for name, value in rows)]
    about = [] if resource.kind is Kind.SERVER else [Text(""), Text(printable(resource.description))]
    return [*lines, *about, Text(""), Text(printable(resource.text).rstrip())]
