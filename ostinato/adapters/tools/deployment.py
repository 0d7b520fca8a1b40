"""deploy.check: container, compose, CI and version files, read as text and YAML."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from ostinato.adapters.projects.manifest import read_manifest
from ostinato.adapters.tools.context import ToolContext, ToolReport, counted, keep, tracked_files
from ostinato.domain.gates import Finding, Level

_SHA = re.compile(r"@[0-9a-f]{40}$")
_SECRET_ENV = re.compile(r"^(?:ENV|ARG)\s+\w*(?:PASSWORD|SECRET|TOKEN|API_?KEY)\w*[= ]\S", re.IGNORECASE)
_UNPINNED_PIP = re.compile(r"\bpip3? install\b(?!.*(?:==|-r |--requirement|-e |--editable| \.(?:\s|$)|\.\[))")


async def check_deployment(context: ToolContext) -> ToolReport:
    names = await tracked_files(context)
    findings: list[Finding] = []
    checked = 0
    for name in names:
        check = _check_for(PurePosixPath(name))
        if check is not None:
            checked += 1
            findings += check(name, (context.tree / name).read_text(encoding="utf-8", errors="replace"))
    findings += _check_version(context, names)
    return ToolReport(
        tool="deploy.check",
        ok=True,
        summary=f"{counted(len(findings), 'finding')} in {counted(checked, 'deployment file')}",
        findings=tuple(findings),
        changed=False,
        metrics={"files": checked, "findings": len(findings)},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
    )


def _check_for(path: PurePosixPath) -> Any:
    if path.name == "Dockerfile" or path.name.startswith("Dockerfile.") or path.suffix == ".dockerfile":
        return _dockerfile
    if path.suffix in (".yml", ".yaml"):
        if re.match(r"(docker-)?compose\b", path.name):
            return _compose
        if path.parts[:2] == (".github", "workflows"):
            return _workflow
    return None


def _say(path: str, rule: str, line: int, message: str, level: Level = Level.WARNING) -> Finding:
    return Finding(tool="deploy", rule=rule, path=path, line=line, message=message, level=level)


def _dockerfile(path: str, text: str) -> Iterator[Finding]:
    user, health, stages = "", False, set[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        word, _, rest = line.strip().partition(" ")
        match word.upper():
            case "FROM":
                image, _, alias = rest.replace(" AS ", " as ").partition(" as ")
                image = image.split()[-1] if image.split() else ""
                if image not in stages and (problem := _image_problem(image)):
                    yield _say(path, "image-pin", number, problem)
                stages.add(alias.strip())
                user = ""
            case "USER":
                user = rest.strip()
            case "HEALTHCHECK":
                health = True
            case "ADD" if rest.startswith(("http:", "https:")):
                yield _say(path, "remote-add", number, "ADD fetches a file that nothing verifies")
            case _:
                pass
        if _SECRET_ENV.match(line.strip()):
            yield _say(path, "secret-in-image", number, "a secret becomes part of the image", Level.ERROR)
        if _UNPINNED_PIP.search(line):
            yield _say(path, "pip-pin", number, "pip installs whatever is newest", Level.INFO)
    if user in ("", "root", "0"):
        yield _say(path, "root-user", 1, "the container runs as root")
    if not health:
        yield _say(path, "no-healthcheck", 1, "no HEALTHCHECK tells whether the container works", Level.INFO)


def _image_problem(image: str) -> str:
    name = image.rpartition("/")[2]
    if "$" in image or "@sha256:" in image or image == "scratch":
        return ""
    if ":" not in name:
        return f"image {image} has no tag"
    return f"image {image} can change under its tag" if name.endswith(":latest") else ""


def _compose(path: str, text: str) -> Iterator[Finding]:
    document = _yaml(text)
    if document is None:
        yield _say(path, "syntax", 1, "this is not valid YAML", Level.ERROR)
        return
    services = document.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        if not isinstance(service, dict):
            continue
        if isinstance(image := service.get("image"), str) and (problem := _image_problem(image)):
            yield _say(path, "image-pin", 0, f"service {name}: {problem}")
        if service.get("privileged") is True:
            yield _say(path, "privileged", 0, f"service {name} is privileged", Level.ERROR)
        if "healthcheck" not in service:
            yield _say(path, "no-healthcheck", 0, f"service {name} has no healthcheck", Level.INFO)


def _workflow(path: str, text: str) -> Iterator[Finding]:
    document = _yaml(text)
    if document is None:
        yield _say(path, "syntax", 1, "this is not valid YAML", Level.ERROR)
        return
    if "permissions" not in document:
        yield _say(path, "permissions", 1, "the workflow's token has its default permissions", Level.INFO)
    for number, line in enumerate(text.splitlines(), start=1):
        used = re.match(r"\s*(?:-\s*)?uses:\s*([^\s#]+)", line)
        if used and not used[1].startswith(("./", "docker:")) and not _SHA.search(used[1]):
            level = Level.WARNING if used[1].endswith(("@main", "@master")) or "@" not in used[1] else Level.INFO
            yield _say(path, "action-pin", number, f"action {used[1]} is not pinned to a commit", level)


def _yaml(text: str) -> dict[str, Any] | None:
    """None when it cannot be read."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else {}


def _check_version(context: ToolContext, names: tuple[str, ...]) -> Iterator[Finding]:
    manifest = read_manifest(context.tree)
    logs = [name for name in names if re.fullmatch(r"(?i)(changelog|changes|history|news)(\.md|\.rst|\.txt)?", name)]
    if manifest.version and not logs:
        yield _say(manifest.file, "no-changelog", 0, "there is no changelog", Level.INFO)
    for name in logs[:1] if manifest.version else ():
        text = (context.tree / name).read_text(encoding="utf-8", errors="replace")
        if manifest.version not in text:
            yield _say(name, "changelog-version", 0, f"version {manifest.version} of {manifest.file} is not mentioned")
