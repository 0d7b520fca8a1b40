"""project.map: modules, classes, functions, imports and sizes, as an artifact in JSON with a Markdown overview."""

import ast
from typing import Any

from ostinato.adapters.tools.context import ToolContext, ToolReport, counted, keep
from ostinato.adapters.tools.source_code import SourceFile, public_definitions, read_sources
from ostinato.domain.gates import Finding, Level

_SHOWN_MODULES = 200


async def map_project(context: ToolContext) -> ToolReport:
    sources = await read_sources(context)
    modules = [_module(context, source) for source in sources]
    classes = sum(len(module["classes"]) for module in modules)
    functions = sum(len(module["functions"]) for module in modules)
    lines = sum(source.lines for source in sources)
    unreadable = tuple(
        Finding(tool="ast", rule="syntax", path=source.path, message="cannot be parsed", level=Level.ERROR)
        for source in sources
        if source.tree is None
    )
    summary = f"{counted(len(sources), 'module')}, {classes} classes, {functions} functions, {lines} lines"
    return ToolReport(
        tool="project.map",
        ok=True,
        summary=summary,
        findings=unreadable,
        changed=False,
        metrics={"modules": len(sources), "classes": classes, "functions": functions, "lines": lines},
        evidence=keep(
            context,
            {
                "summary": summary,
                "project": context.project.model_dump(mode="json"),
                "modules": modules,
                "markdown": _markdown(context, summary, modules),
            },
        ),
    )


def _module(context: ToolContext, source: SourceFile) -> dict[str, Any]:
    nodes = source.tree.body if source.tree else []
    own = context.project.packages
    return {
        "module": source.module,
        "path": source.path,
        "lines": source.lines,
        "classes": [node.name for node in nodes if isinstance(node, ast.ClassDef)],
        "functions": [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)],
        "public": [name for name, _ in public_definitions(source.tree)] if source.tree else [],
        "imports": [name for name in source.imports if name.partition(".")[0] not in own],
        "uses": [name for name in source.imports if name.partition(".")[0] in own],
        "summary": ((ast.get_docstring(source.tree) or "") if source.tree else "").split("\n")[0],
    }


def _markdown(context: ToolContext, summary: str, modules: list[dict[str, Any]]) -> str:
    project = context.project
    lines = ["# Project map", "", summary, "", f"Source roots: {', '.join(project.source_roots)}", ""]
    lines += [f"- {language}: {counted(count, 'file')}" for language, count in project.languages.items()]
    lines += ["", "| module | lines | classes | functions | uses |", "|---|---|---|---|---|"]
    lines += [
        f"| `{module['module']}` | {module['lines']} | {', '.join(module['classes'][:8])} "
        f"| {', '.join(module['functions'][:8])} | {', '.join(module['uses'][:8])} |"
        for module in sorted(modules, key=lambda module: -module["lines"])[:_SHOWN_MODULES]
    ]
    return "\n".join(lines) + "\n"
