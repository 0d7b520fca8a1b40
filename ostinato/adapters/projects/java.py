"""Java (and Kotlin): Maven's and Gradle's modules, their wrappers, and the plugins that check."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from ostinato.adapters.projects.grounds import Found, Grounds, above, folder_of, join
from ostinato.adapters.projects.native import STANDARD
from ostinato.domain.project import ROOT, Basis, Command, Member, PackageManager, Purpose

MARKS: Final = ("pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
_SETTINGS = ("settings.gradle.kts", "settings.gradle")
_BUILDS = ("build.gradle.kts", "build.gradle")
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|(?<![:\"'])//[^\n]*", re.DOTALL)
_INCLUDE = re.compile(r"^[ \t]*include\b[ \t]*\(?((?:\s*[\"'][^\"'\n]+[\"']\s*,?)+)", re.MULTILINE)
_QUOTED = re.compile(r"[\"']([^\"'\n]+)[\"']")
_MOVED = re.compile(r"project\(\s*[\"']([^\"'\n]+)[\"']\s*\)\.projectDir\s*=\s*(?:new\s+File|file)\s*\(([^)\n]*)\)")
_PROJECT = re.compile(r"\bproject\(\s*(?:path\s*[:=]\s*)?[\"'](:[^\"'\n]+)[\"']")
_ACCESSOR = re.compile(r"\bprojects((?:\.[A-Za-z_]\w*)+)")
_ROOT_NAME = re.compile(r"rootProject\.name\s*=\s*[\"']([^\"'\n]+)[\"']")
_MAVEN_PLUGINS = (
    ("spotless-maven-plugin", Purpose.FORMAT, "spotless", "spotless:apply"),
    ("fmt-maven-plugin", Purpose.FORMAT, "google-java-format", "fmt:format"),
    ("formatter-maven-plugin", Purpose.FORMAT, "formatter", "formatter:format"),
    ("maven-checkstyle-plugin", Purpose.LINT, "checkstyle", "checkstyle:check"),
    ("spotbugs-maven-plugin", Purpose.LINT, "spotbugs", "spotbugs:check"),
    ("maven-pmd-plugin", Purpose.LINT, "pmd", "pmd:check"),
)
_GRADLE_PLUGINS = (
    (re.compile(r"com\.diffplug\.(?:gradle\.)?spotless"), Purpose.FORMAT, "spotless", "spotlessApply"),
    (re.compile(r"org\.jlleitschuh\.gradle\.ktlint"), Purpose.FORMAT, "ktlint", "ktlintFormat"),
    (re.compile(r"(?:\bid[ (]*[\"']|plugin:\s*[\"']|^\s*`?)checkstyle\b", re.MULTILINE), Purpose.LINT, "checkstyle",
     "checkstyleMain"),
    (re.compile(r"com\.github\.spotbugs"), Purpose.LINT, "spotbugs", "spotbugsMain"),
    (re.compile(r"(?:\bid[ (]*[\"']|plugin:\s*[\"']|^\s*`?)pmd\b", re.MULTILINE), Purpose.LINT, "pmd", "pmdMain"),
    (re.compile(r"io\.gitlab\.arturbosch\.detekt"), Purpose.LINT, "detekt", "detekt"),
    (re.compile(r"org\.jlleitschuh\.gradle\.ktlint"), Purpose.LINT, "ktlint", "ktlintCheck"),
)  # fmt: skip
_KOTLIN = re.compile(r"kotlin\(\s*[\"'](?:jvm|multiplatform)|org\.jetbrains\.kotlin\.(?:jvm|multiplatform)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pom:
    folder: str
    group: str
    artifact: str
    modules: tuple[str, ...]
    needs: tuple[tuple[str, str], ...]
    plugins: frozenset[str]


def survey_maven(grounds: Grounds) -> Found:
    poms = dict(_poms(grounds))
    named = {(pom.group, pom.artifact): folder for folder, pom in poms.items()}
    parents = {module: folder for folder, pom in poms.items() for module in pom.modules if module in poms}
    found = Found()
    for folder, pom in poms.items():
        top = _top(parents, folder)
        member = Member(
            path=folder,
            name=pom.artifact or folder,
            language="Java",
            manager="maven",
            manifest=join(folder, "pom.xml"),
            depends_on=tuple(dict.fromkeys(named[n] for n in pom.needs if n in named and named[n] != folder)),
        )
        found.members.append(member)
        found.commands += _maven_commands(grounds, member, pom, poms[top])
    for folder in poms.keys() - parents.keys():
        wrapper = grounds.named(folder, "mvnw")
        source = wrapper or join(folder, "pom.xml")
        found.managers.append(PackageManager(language="Java", tool="maven", source=source, folder=folder))
    return found


def _poms(grounds: Grounds) -> Iterator[tuple[str, _Pom]]:
    waiting = grounds.folders("pom.xml")
    seen = set(waiting)
    for folder in waiting:
        root = grounds.reader.xml(join(folder, "pom.xml"))
        if root is None or root.tag != "project":
            continue
        pom = _pom(folder, root)
        waiting += [m for m in pom.modules if m not in seen and join(m, "pom.xml") in grounds.names]
        seen.update(pom.modules)
        yield folder, pom


def _pom(folder: str, root: Element) -> _Pom:
    own = root.findtext("groupId") or root.findtext("parent/groupId") or ""
    names = [text for element in root.iterfind(".//module") if (text := (element.text or "").strip())]
    modules = (folder_of(m) if (m := join(folder, name)).endswith("pom.xml") else m for name in names)
    needs = (
        (_resolved(it.findtext("groupId"), own), (it.findtext("artifactId") or "").strip())
        for it in root.iterfind(".//dependencies/dependency")
    )
    return _Pom(
        folder=folder,
        group=own.strip(),
        artifact=(root.findtext("artifactId") or "").strip()[:200],
        modules=tuple(dict.fromkeys(modules)),
        needs=tuple(needs),
        plugins=frozenset((it.text or "").strip() for it in root.iterfind(".//plugin/artifactId")),
    )


def _resolved(group: str | None, own: str) -> str:
    group = (group or "").strip()
    return own if group in ("${project.groupId}", "${pom.groupId}", "${groupId}") else group


def _top(parents: Mapping[str, str], folder: str) -> str:
    """The pom that the build starts from; a circle of modules ends where it closes."""
    seen = {folder}
    while (above_it := parents.get(folder)) is not None and above_it not in seen:
        folder = above_it
        seen.add(folder)
    return folder


def _maven_commands(grounds: Grounds, member: Member, pom: _Pom, top: _Pom) -> Iterator[Command]:
    wrapper = grounds.named(top.folder, "mvnw")
    maven = ("./mvnw",) if wrapper else ("mvn",)
    inside = member.path[len(top.folder) + 1 :] if top.folder != ROOT else member.path
    chosen = () if member.path == top.folder else ("-pl", inside, "-am")
    yield _java(member, top.folder, Purpose.TEST, "maven", (*maven, *chosen, "test"))
    yield _java(member, top.folder, Purpose.BUILD, "maven", (*maven, *chosen, "-DskipTests", "package"))
    for plugin, purpose, tool, goal in _MAVEN_PLUGINS:
        if holder := next((p for p in (pom, top) if plugin in p.plugins), None):
            source = f"{join(holder.folder, 'pom.xml')} {plugin}"
            only = chosen[:2]
            yield _java(member, top.folder, purpose, tool, (*maven, *only, goal), source)


def survey_gradle(grounds: Grounds) -> Found:
    found = Found()
    roots = [f for f in grounds.folders(*_SETTINGS, *_BUILDS) if grounds.named(f, *_SETTINGS)]
    taken: set[str] = set()
    for root in roots:
        if root not in taken:
            found.add(_gradle_build(grounds, root, taken))
    for folder in grounds.folders(*_BUILDS):
        if folder not in taken and not taken.intersection(above(folder)):
            found.add(_gradle_build(grounds, folder, taken))
    return found


def _gradle_build(grounds: Grounds, root: str, taken: set[str]) -> Found:
    """One build: its root and what its settings include."""
    settings = _COMMENT.sub("", grounds.reader.text(join(root, "settings.gradle.kts")))
    settings = settings or _COMMENT.sub("", grounds.reader.text(join(root, "settings.gradle")))
    folders = {":": root, **_included(grounds, root, settings)}
    taken.update(folders.values())
    texts = {path: _text(grounds, folder) for path, folder in folders.items()}
    accessors = {re.sub(r"[-_.:]", "", path).lower(): folder for path, folder in folders.items()}
    wrapper = grounds.named(root, "gradlew")
    source = wrapper or grounds.named(root, *_SETTINGS, *_BUILDS)
    found = Found(managers=[PackageManager(language="Java", tool="gradle", source=source, folder=root)])
    for path, folder in folders.items():
        text = texts[path]
        uses = [folders[name] for name in _PROJECT.findall(text) if name in folders]
        uses += [accessors[n] for m in _ACCESSOR.findall(text) if (n := m.replace(".", "").lower()) in accessors]
        stated = _ROOT_NAME.search(settings)
        member = Member(
            path=folder,
            name=stated.group(1) if path == ":" and stated else path.strip(":") or folder,
            language="Kotlin" if _KOTLIN.search(text) else "Java",
            manager="gradle",
            manifest=grounds.named(folder, *_BUILDS, *_SETTINGS) or source,
            depends_on=tuple(dict.fromkeys(use for use in uses if use != folder)),
        )
        found.members.append(member)
        found.commands += _gradle_commands(member, root, path, text, has_wrapper=bool(wrapper))
    return found


def _included(grounds: Grounds, root: str, settings: str) -> dict[str, str]:
    """Project path → folder, of those that the repository holds."""
    names = [name for match in _INCLUDE.finditer(settings) for name in _QUOTED.findall(match.group(1))]
    paths = dict.fromkeys(":" + name.strip(":") for name in names)
    moved = {":" + name.strip(":"): _QUOTED.findall(place) for name, place in _MOVED.findall(settings)}
    folders = {path: join(root, (moved.get(path) or [path.strip(":").replace(":", "/")])[-1]) for path in paths}
    return {path: folder for path, folder in folders.items() if grounds.below(folder)}


def _text(grounds: Grounds, folder: str) -> str:
    file = grounds.named(folder, *_BUILDS)
    return _COMMENT.sub("", grounds.reader.text(file)) if file else ""


def _gradle_commands(member: Member, root: str, path: str, text: str, *, has_wrapper: bool) -> Iterator[Command]:
    gradle = "./gradlew" if has_wrapper else "gradle"
    start = "" if path == ":" else f"{path}:"
    yield _java(member, root, Purpose.TEST, "gradle", (gradle, f"{start}test"))
    yield _java(member, root, Purpose.BUILD, "gradle", (gradle, f"{start}assemble"))
    for plugin, purpose, tool, task in _GRADLE_PLUGINS:
        if plugin.search(text):
            yield _java(member, root, purpose, tool, (gradle, f"{start}{task}"), f"{member.manifest} plugin {tool}")


def _java(
    member: Member, folder: str, purpose: Purpose, tool: str, argv: tuple[str, ...], configured: str = ""
) -> Command:
    return Command(
        purpose=purpose,
        tool=tool,
        argv=argv,
        source=configured or f"{STANDARD} ({member.manifest})",
        basis=Basis.CONFIGURED if configured else Basis.CONVENTION,
        language=member.language,
        member=member.path,
        folder=folder,
    )
