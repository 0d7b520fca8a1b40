"""Run by Codex before each command that its model wants: denies what the policy of the step does not allow.

As a script: the patterns of command lines as JSON in its one argument, the call on standard input. Whatever goes wrong
here denies, since Codex takes a hook that fails for one that agrees.
"""

import json
import sys
from pathlib import Path


def denial(patterns: list[str], call: str) -> str:
    """Why the call is not allowed; empty where it is."""
    from ostinato.domain.permissions import Policy, may_run

    line = json.loads(call)["tool_input"]["command"]
    argv = tuple(line) if isinstance(line, list) else ("/bin/sh", "-c", line)
    if not patterns:
        return "no commands are allowed in this step"
    return "" if may_run(Policy(commands=(tuple(patterns),)), argv) else f"only these may be run: {', '.join(patterns)}"


def answer(patterns: str, call: str) -> str:
    """What Codex expects on standard output; nothing allows."""
    try:
        why = denial(json.loads(patterns), call)
    except Exception as error:
        why = f"the policy could not be asked ({type(error).__name__})"
    if not why:
        return ""
    said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": why}
    return json.dumps({"hookSpecificOutput": said})


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    sys.stdout.write(answer(sys.argv[1], sys.stdin.read()))
