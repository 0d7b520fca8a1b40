"""Run by Codex before each command that its model wants: denies what the policy of the step does not allow.

As a script: the policy as JSON in its one argument, the call on standard input. Whatever goes wrong here denies, since Codex takes a hook that fails for one that agrees.
"""

import json
import sys
from pathlib import Path


def denial(stated: str, call: str) -> str:
    """Why the call is not allowed; empty where it is."""
    from ostinato.domain.permissions import Policy, common_patterns, may_run

    policy = Policy.model_validate_json(stated)
    line = json.loads(call)["tool_input"]["command"]
    argv = tuple(line) if isinstance(line, list) else ("/bin/sh", "-c", line)
    if may_run(policy, argv):
        return ""
    if any(not patterns for patterns in policy.commands):
        return "no commands are allowed in this step"
    never = [f"these may not be run: {', '.join(policy.deny_commands)}"] if policy.deny_commands else []
    only = [f"only these may be run: {', '.join(common_patterns(policy.commands))}"] if policy.commands else []
    return "; ".join((*only, *never))


def answer(policy: str, call: str) -> str:
    """What Codex expects on standard output; nothing allows."""
    try:
        why = denial(policy, call)
    except Exception as error:
        why = f"the policy could not be asked ({type(error).__name__})"
    if not why:
        return ""
    said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": why}
    return json.dumps({"hookSpecificOutput": said})


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    sys.stdout.write(answer(sys.argv[1], sys.stdin.read()))
