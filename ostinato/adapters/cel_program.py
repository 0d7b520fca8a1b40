"""Evaluates one CEL expression. As a program: JSON in, JSON out, within bounds of time and memory."""

import json
import math
import resource
import sys
from typing import Any

import cel

CPU_S = 3
MEMORY_BYTES = 1 << 30
MAX_ITEMS = 1_000
MAX_BYTES = 256_000


def evaluated(expression: str, variables: dict[str, Any]) -> dict[str, Any]:
    """{"value": …}, or {"error": the kind, "message": …}."""
    try:
        value = cel.evaluate(expression, variables)
    except Exception as refused:  # the library raises what fits, KeyError and TypeError among them
        return {"error": type(refused).__name__, "message": str(refused)}
    if said := unfit(value):
        return {"error": "result", "message": said}
    return {"value": value}


def unfit(value: Any) -> str:
    """Why this is no result; empty when it is plain JSON of a fair size."""
    pending, count = [value], 0
    while pending:
        here = pending.pop()
        count += len(here) if isinstance(here, str) else 1
        if count > MAX_BYTES:
            return f"the result is larger than {MAX_BYTES // 1000} KB"
        if isinstance(here, list | dict):
            if len(here) > MAX_ITEMS:
                return f"the result has {len(here):,} items; the most are {MAX_ITEMS:,}"
            pending.extend(here.values() if isinstance(here, dict) else here)
            if isinstance(here, dict) and not all(isinstance(key, str) for key in here):
                return "the result has a key that is no text"
        elif isinstance(here, float) and not math.isfinite(here):
            return f"the result is {here}, which is no number that can be kept"
        elif here is not None and not isinstance(here, str | int | float):
            return f"the result is of the type {type(here).__name__}; convert it, for example with string()"
    return ""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.load(sys.stdin)
    json.dump(evaluated(asked["expression"], asked["variables"]), sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()
