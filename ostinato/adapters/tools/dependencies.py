"""deps.check: declared against imported distributions, from the manifest and the syntax trees alone."""

import re
import sys

from ostinato.adapters.projects.layout import is_test_code
from ostinato.adapters.projects.manifest import Manifest, normalised, read_manifest, requirement_name
from ostinato.adapters.tools.context import ToolContext, ToolReport, counted, keep
from ostinato.adapters.tools.source_code import SourceFile, read_sources
from ostinato.domain.gates import Finding, Level

_PROVIDES = {
    "yaml": "pyyaml", "bs4": "beautifulsoup4", "PIL": "pillow", "cv2": "opencv-python", "sklearn": "scikit-learn",
    "dateutil": "python-dateutil", "dotenv": "python-dotenv", "jwt": "pyjwt", "attr": "attrs", "git": "gitpython",
    "pkg_resources": "setuptools", "google": "protobuf", "OpenSSL": "pyopenssl", "serial": "pyserial", "magic": "python-magic",
    "docx": "python-docx", "MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary", "Crypto": "pycryptodome", "zmq": "pyzmq",
}  # fmt: skip
_VERSION = re.compile(r"[=<>~!@]")


async def check_dependencies(context: ToolContext) -> ToolReport:
    manifest = read_manifest(context.tree)
    sources = await read_sources(context)
    findings = (*_missing(context, manifest, sources), *_unused(manifest, sources), *_unpinned(manifest))
    counts = {
        rule: sum(1 for finding in findings if finding.rule == rule) for rule in ("missing", "unused", "unpinned")
    }
    return ToolReport(
        tool="deps.check",
        ok=True,
        summary=", ".join(f"{count} {rule}" for rule, count in counts.items())
        + f" of {counted(len(manifest.requirements), 'requirement')}",
        findings=findings,
        changed=False,
        metrics={**counts, "declared": len(manifest.requirements)},
        evidence=keep(context, [finding.model_dump() for finding in findings]),
        notes=("requirements are computed by setup.py; only what is written out was compared",)
        if manifest.computed
        else (),
    )


def _declared(manifest: Manifest) -> set[str]:
    groups = (*manifest.extras.values(), *manifest.groups.values())
    lines = (*manifest.requirements, *(line for group in groups for line in group))
    return {requirement_name(line) for line in lines} | {normalised(manifest.name)}


def _distribution(module: str) -> str:
    return normalised(_PROVIDES.get(module, module))


def _third_party(context: ToolContext, source: SourceFile) -> list[str]:
    tops = dict.fromkeys(name.partition(".")[0] for name in source.imports)
    own = {*context.project.packages, "tests", "test", "conftest", "setup", "__main__"}
    return [name for name in tops if name not in sys.stdlib_module_names and name not in own]


def _missing(context: ToolContext, manifest: Manifest, sources: tuple[SourceFile, ...]) -> tuple[Finding, ...]:
    declared = _declared(manifest)
    local = {source.path.rpartition("/")[2].removesuffix(".py") for source in sources}
    found: dict[str, str] = {}
    for source in sources:
        for name in _third_party(context, source):
            known = _distribution(name) in declared or any(d.startswith(f"{_distribution(name)}-") for d in declared)
            if not known and name not in local and not is_test_code(source.path):
                found.setdefault(name, source.path)
    return tuple(
        Finding(
            tool="deps",
            rule="missing",
            path=path,
            message=f"{name} is imported but not declared",
            detail=f"in {manifest.file}" if manifest.file else "there is no manifest",
            level=Level.ERROR,
        )
        for name, path in found.items()
    )


def _unused(manifest: Manifest, sources: tuple[SourceFile, ...]) -> tuple[Finding, ...]:
    imported = {_distribution(name.partition(".")[0]) for source in sources for name in source.imports}
    candidates = dict.fromkeys(requirement_name(line) for line in manifest.requirements if line not in manifest.listed)
    return tuple(
        Finding(tool="deps", rule="unused", path=manifest.file, message=f"{name} is declared but never imported")
        for name in candidates
        if name and name not in imported and not any(name in (f"python-{other}", f"py{other}") for other in imported)
    )


def _unpinned(manifest: Manifest) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            tool="deps",
            rule="unpinned",
            path=manifest.file,
            message=f"{requirement_name(line)} has no version bound",
            level=Level.INFO,
        )
        for line in dict.fromkeys(manifest.requirements)
        if requirement_name(line) and not _VERSION.search(line.partition(";")[0])
    )
