"""The JSON envelope of every command."""

import json
from typing import Any, Final

SCHEMA: Final = "ostinato/1"


def envelope(command: str, data: Any) -> str:
    """One line: lists and streams of envelopes stay readable line by line."""
    return json.dumps({"schema": SCHEMA, "command": command, "data": data}, ensure_ascii=False, default=str)


def error_data(error: BaseException) -> dict[str, Any]:
    from ostinato.domain.errors import OstinatoError, UserError

    problems = error.problems if isinstance(error, UserError) else ()
    code = error.code if isinstance(error, OstinatoError) else "bug"
    message = error.message if isinstance(error, OstinatoError) else f"{type(error).__name__}: {error}"
    listed = [problem.model_dump(mode="json", exclude_none=True) for problem in problems]
    return {"error": {"code": code, "message": message, "problems": listed}}
