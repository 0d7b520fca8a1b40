"""The published JSON Schema of workflow definitions, made from the models and what is said beside their fields."""

import ast
import inspect
import json
from typing import Any

from ostinato.domain.definition import model

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ABOUT = {
    "id": "The name of the definition, or of the step.",
    "version": "Raise it when the definition changes its meaning.",
    "steps": "What is done; a step starts when those that it depends on are done.",
    "run": "A shell line, or a list of words for a command without a shell. Needs a trusted repository.",
    "tool": "A built-in tool; see docs/reference/tools.md.",
    "with": "Arguments of the tool.",
    "ask": "A question to a person.",
    "options": "What can be answered, or given.",
    "agent": "Who does work that needs a mind; `any`, a name, or {capabilities: […], helps: […]}.",
    "prompt": "What the agent, or a person, is to do.",
    "depends_on": "Ids of steps that must be done before.",
    "gates": "What judges the final commit.",
    "triggers": "Schedules that start runs.",
    "inputs": "Values that are given when it starts.",
}


def definition_schema() -> dict[str, Any]:
    schema = model.Definition.model_json_schema(by_alias=True)
    said = _field_docs()
    for name, one in (("Definition", schema), *schema["$defs"].items()):
        aliases = said.get(name, {})
        for field, described in one.get("properties", {}).items():
            if about := aliases.get(field) or _ABOUT.get(field):
                described["description"] = about
            described.pop("title", None)
    head = {"$schema": DIALECT, "$id": "urn:ostinato:definition:1", "title": "An Ostinato workflow definition"}
    return {**head, **{key: value for key, value in schema.items() if key != "title"}}


def schema_text() -> str:
    return json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n"


def _field_docs() -> dict[str, dict[str, str]]:
    """Model → field as it is written → the text below it in the source."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(model)).body:
        if isinstance(node, ast.ClassDef):
            fields = getattr(model, node.name).model_fields
            found[node.name] = {
                fields[stated.target.id].alias or stated.target.id: " ".join(text.value.value.split())
                for stated, text in zip(node.body, node.body[1:], strict=False)
                if isinstance(stated, ast.AnnAssign)
                and isinstance(stated.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            }
    return found
