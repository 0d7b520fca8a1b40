"""The codes of failures as a table: the class of each, and its cure."""

from collections.abc import Mapping

from ostinato.domain.base import Fact
from ostinato.domain.diagnosis import ErrorClass
from ostinato.domain.execution import FailureKind
from ostinato.domain.gates import Severity
from ostinato.domain.recovering.classes import POLICY


class CodePolicy(Fact):
    error_class: ErrorClass
    cure: str
    severity: Severity | None = None
    """None: its class's."""
    passes: bool | None = None
    """Whether time alone may cure it; None: as its class."""
    asks: bool = False
    """A person is asked when nothing else is left, although the step did not say so."""
    is_final: bool = False
    """Somebody decided it, or nothing done here would change it: its failure stands."""


_C = ErrorClass

CODES: Mapping[str, CodePolicy] = {
    # Limits of accounts and models
    "rate_limited": CodePolicy(error_class=_C.RATE_LIMIT, cure="Wait for the reset, or use another account or agent"),
    "quota_exhausted": CodePolicy(
        error_class=_C.RATE_LIMIT, severity=Severity.MAJOR, cure="Wait for the reset, or raise the account's quota"
    ),
    "context_overflow": CodePolicy(
        error_class=_C.CONTEXT_OVERFLOW, cure="Give it less: split the step, or name what it needs in `context`"
    ),
    # The step's machine
    "out_of_memory": CodePolicy(
        error_class=_C.RESOURCE_EXHAUSTION, cure="Raise `limits.memory`, run fewer steps at once, or split the step"
    ),
    "limit_memory": CodePolicy(error_class=_C.RESOURCE_EXHAUSTION, cure="Raise `limits.memory`, or split the step"),
    "limit_disk": CodePolicy(error_class=_C.RESOURCE_EXHAUSTION, cure="Raise `limits.disk`, or have it clean up"),
    "limit_tokens": CodePolicy(
        error_class=_C.RESOURCE_EXHAUSTION, severity=Severity.MAJOR, cure="Allow it more tokens, or split the step"
    ),
    "limit_money": CodePolicy(
        error_class=_C.RESOURCE_EXHAUSTION, severity=Severity.MAJOR, cure="Allow it more money, or split the step"
    ),
    "limit_processes": CodePolicy(
        error_class=_C.RESOURCE_EXHAUSTION, cure="Raise `limits.processes`, or let it use fewer workers"
    ),
    "too_many_processes": CodePolicy(
        error_class=_C.RESOURCE_EXHAUSTION, passes=True, cure="End what is not needed, or raise `ulimit -u`"
    ),
    "too_many_files": CodePolicy(error_class=_C.RESOURCE_EXHAUSTION, cure="Raise `ulimit -n` for the worker"),
    "cpu_limit": CodePolicy(error_class=_C.RESOURCE_EXHAUSTION, cure="Raise the limit of CPU time (`ulimit -t`)"),
    "file_size_limit": CodePolicy(
        error_class=_C.RESOURCE_EXHAUSTION, cure="Raise the limit of file sizes (`ulimit -f`)"
    ),
    "disk_full": CodePolicy(
        error_class=_C.STORAGE, cure="Free space (`ostinato gc` drops what old runs left), then `ostinato retry`"
    ),
    "read_only": CodePolicy(error_class=_C.STORAGE, cure="Let it write elsewhere, or mount the place writable"),
    "disk_failed": CodePolicy(error_class=_C.STORAGE, cure="Check the disk: the system reported an input/output error"),
    "permission_denied": CodePolicy(
        error_class=_C.STORAGE, severity=Severity.MAJOR, cure="Give the worker's user access to what is named"
    ),
    "not_executable": CodePolicy(
        error_class=_C.STORAGE, severity=Severity.MAJOR, cure="Make it executable: `chmod +x`"
    ),
    # What it needs
    "missing_command": CodePolicy(
        error_class=_C.DEPENDENCY_VIOLATION, cure="Install it on the worker's machine, or correct the step"
    ),
    "missing_module": CodePolicy(
        error_class=_C.DEPENDENCY_VIOLATION, cure="Declare it among the project's dependencies, or correct the import"
    ),
    "missing_package": CodePolicy(
        error_class=_C.DEPENDENCY_VIOLATION, cure="Correct its name or version, or the package index"
    ),
    "missing_script": CodePolicy(error_class=_C.DEPENDENCY_VIOLATION, cure="Declare the script, or correct its name"),
    "environment_missing": CodePolicy(
        error_class=_C.DEPENDENCY_VIOLATION, cure="`ostinato doctor` says what the project's environment lacks"
    ),
    "unauthorized": CodePolicy(
        error_class=_C.DEPENDENCY_VIOLATION, cure="Sign in again, or renew the key; then `ostinato retry`"
    ),
    # Others who work on the same
    "conflict": CodePolicy(
        error_class=_C.CONTENTION, asks=True, cure="Run it again on the newest head, or leave it out"
    ),
    "merge_conflict": CodePolicy(error_class=_C.CONTENTION, cure="Resolve the conflict, then `ostinato retry`"),
    "lock_held": CodePolicy(
        error_class=_C.CONTENTION, passes=True, cure="Wait for the other process, or remove the lock of a dead one"
    ),
    "database_locked": CodePolicy(
        error_class=_C.CONTENTION, passes=True, cure='Let one step at a time use it: `holds: ["database"]`'
    ),
    "port_taken": CodePolicy(
        error_class=_C.CONTENTION, passes=True, cure='Let one step at a time use it: `holds: ["port 8000"]`'
    ),
    "push_rejected": CodePolicy(error_class=_C.STATE_SYNC, cure="Fetch and integrate what others pushed, then go on"),
    "commit_gone": CodePolicy(error_class=_C.STATE_SYNC, cure="Run the step again: what it made is not there any more"),
    "wait_timed_out": CodePolicy(
        error_class=_C.COORDINATION_TIMEOUT, cure="Look at what it waited for: `ostinato why`"
    ),
    # Networks and services
    "network_dns": CodePolicy(error_class=_C.NETWORK, cure="Check the host's name and the machine's name server"),
    "network_refused": CodePolicy(
        error_class=_C.NETWORK, cure="Check that the service runs, and the address and proxy"
    ),
    "network_lost": CodePolicy(error_class=_C.NETWORK, cure="Check the connection, then `ostinato retry`"),
    "network_timeout": CodePolicy(
        error_class=_C.NETWORK, cure="Check the connection and the proxy, then `ostinato retry`"
    ),
    "tls_failed": CodePolicy(
        error_class=_C.NETWORK, passes=False, cure="Check the certificate, the clock, and `SSL_CERT_FILE`"
    ),
    "service_error": CodePolicy(error_class=_C.EXTERNAL_SERVICE, cure="Look at the service's status page; try later"),
    "service_overloaded": CodePolicy(error_class=_C.EXTERNAL_SERVICE, cure="Try later, or use another provider"),
    "mcp_failed": CodePolicy(
        error_class=_C.EXTERNAL_SERVICE, passes=False, cure="Check the MCP server: `ostinato doctor`"
    ),
    # The code
    "tests_failed": CodePolicy(error_class=_C.GATE_FAILURE, cure="Fix the code, or the tests: they are named above"),
    "lint_failed": CodePolicy(error_class=_C.GATE_FAILURE, severity=Severity.MINOR, cure='`ostinato run "fix lint"`'),
    "types_failed": CodePolicy(error_class=_C.GATE_FAILURE, cure="Correct the types that are named above"),
    "format_failed": CodePolicy(error_class=_C.GATE_FAILURE, severity=Severity.MINOR, cure="Format the code"),
    "gate_failed": CodePolicy(error_class=_C.GATE_FAILURE, cure="See what the gate found: `ostinato report`"),
    "syntax_error": CodePolicy(error_class=_C.FAILURE, cure="Correct the place that is named"),
    "slower": CodePolicy(error_class=_C.PERFORMANCE, cure="Compare the profile before and after"),
    # Policy
    "secret_found": CodePolicy(
        error_class=_C.SECURITY, is_final=True, cure="Remove the secret, and renew it where it was real"
    ),
    "insecure": CodePolicy(error_class=_C.SECURITY, cure="Correct what the scan found"),
    "not_trusted": CodePolicy(
        error_class=_C.COMPLIANCE, is_final=True, cure="Start with --trust if you trust the repository"
    ),
    "not_permitted": CodePolicy(error_class=_C.COMPLIANCE, cure="Allow it in the policy, or change the step"),
    "outside_claim": CodePolicy(
        error_class=_C.COMPLIANCE, is_final=True, cure="Widen `writes`, or set strict_claims: false"
    ),
    "aborted": CodePolicy(
        error_class=_C.COMPLIANCE, severity=Severity.INFORMATIONAL, is_final=True, cure="A person ended it"
    ),
    # The step itself
    "timed_out": CodePolicy(
        error_class=_C.TIMEOUT, cure="Give it a longer `timeout`, or find out what it waits for with `ostinato logs`"
    ),
    "partly_done": CodePolicy(error_class=_C.PARTIAL_COMPLETION, cure="Run what is left, or take what is there"),
    "turns_used_up": CodePolicy(error_class=_C.PARTIAL_COMPLETION, cure="Split the step, or allow it more turns"),
    "plan_invalid": CodePolicy(error_class=_C.FAILURE, is_final=True, cure="Correct the steps that it wanted to add"),
    "condition_failed": CodePolicy(error_class=_C.FAILURE, is_final=True, cure="Correct the condition"),
    "crashed": CodePolicy(error_class=_C.FAILURE, cure="It was ended by a fault of its own: see its output"),
    "killed": CodePolicy(
        error_class=_C.FAILURE, cure="Something killed it: look for a shortage of memory, or who sent the signal"
    ),
    "terminated": CodePolicy(error_class=_C.FAILURE, cure="Something asked it to end; run it again"),
    "skill_failed": CodePolicy(error_class=_C.FAILURE, cure="Go on without the skill, or repair it"),
    "agent_silent": CodePolicy(
        error_class=_C.TIMEOUT, cure="It said nothing for too long: see `ostinato logs`, or raise its idle limit"
    ),
    "replay_mismatch": CodePolicy(
        error_class=_C.STATE_SYNC, is_final=True, cure="Record it anew: OSTINATO_TAPE=record:FOLDER"
    ),
    "gave_up": CodePolicy(error_class=_C.FAILURE, cure="Read why; word the step differently, or give it to another"),
    "refused": CodePolicy(error_class=_C.FAILURE, cure="Word the step differently, or give it to another agent"),
    "looped": CodePolicy(error_class=_C.FAILURE, cure="Split the step, or give it to another agent"),
    "false_done": CodePolicy(
        error_class=_C.FAILURE, cure="It said that it was done, and left nothing: give it to another agent"
    ),
    "no_progress": CodePolicy(
        error_class=_C.FAILURE, cure="It left the same again after it was told: give it to another agent, or split it"
    ),
    "unproved": CodePolicy(
        error_class=_C.GATE_FAILURE, cure="See what its checks found; fix it, or give it to another agent"
    ),
    "agent_failed": CodePolicy(error_class=_C.FAILURE, cure="See the agent's output: `ostinato logs`"),
    "tool_failed": CodePolicy(error_class=_C.FAILURE, cure="See the tool's output: `ostinato logs`"),
    "exit_status": CodePolicy(error_class=_C.FAILURE, cure="See its output: `ostinato logs`"),
    "unknown_outcome": CodePolicy(error_class=_C.FAILURE, asks=True, cure="Look whether it took effect"),
}

OF_KIND: Mapping[FailureKind, str] = {
    FailureKind.NOT_TRUSTED: "not_trusted",
    FailureKind.ENVIRONMENT_MISSING: "environment_missing",
    FailureKind.CONFLICT: "conflict",
    FailureKind.ABORTED: "aborted",
    FailureKind.CANCELLED: "aborted",
    FailureKind.SECRET: "secret_found",
    FailureKind.CLAIM: "outside_claim",
    FailureKind.CONDITION: "condition_failed",
    FailureKind.PARTS: "partly_done",
    FailureKind.PLAN: "plan_invalid",
    FailureKind.TIMEOUT: "timed_out",
    FailureKind.MISSING_COMMAND: "missing_command",
}
"""Kinds that say all by themselves."""

OF_EXCEPTION: Mapping[str, str] = {
    "MemoryError": "out_of_memory",
    "TimeoutError": "timed_out",
    "PermissionError": "permission_denied",
    "ConnectionRefusedError": "network_refused",
    "ConnectionResetError": "network_lost",
    "ConnectionAbortedError": "network_lost",
    "BrokenPipeError": "network_lost",
    "gaierror": "network_dns",
    "SSLError": "tls_failed",
    "SSLCertVerificationError": "tls_failed",
    "ModuleNotFoundError": "missing_module",
    "SyntaxError": "syntax_error",
    "IndentationError": "syntax_error",
}
"""By the exception's class name."""

OF_SIGNAL: Mapping[int, str] = {
    4: "crashed", 6: "crashed", 7: "crashed", 8: "crashed", 9: "killed", 11: "crashed", 15: "terminated",
    24: "cpu_limit", 25: "file_size_limit",
}  # fmt: skip
OF_EXIT: Mapping[int, str] = {124: "timed_out", 126: "not_executable", 127: "missing_command"}
"""As shells and coreutils give them; over 128 it is the signal's number."""

OF_STATUS: Mapping[int, str] = {
    401: "unauthorized", 403: "unauthorized", 408: "network_timeout", 413: "context_overflow", 429: "rate_limited",
    500: "service_error", 502: "service_error", 503: "service_overloaded", 504: "service_error", 529: "service_overloaded",
}  # fmt: skip
"""Of an HTTP answer."""

OF_AGENT_ERROR: Mapping[str, str] = {
    "rate_limit": "rate_limited",
    "rate_limit_error": "rate_limited",
    "usage_limit_reached": "quota_exhausted",
    "insufficient_quota": "quota_exhausted",
    "billing_error": "quota_exhausted",
    "context_length_exceeded": "context_overflow",
    "prompt_too_long": "context_overflow",
    "max_output_tokens": "turns_used_up",
    "max_turns": "turns_used_up",
    "authentication_failed": "unauthorized",
    "authentication_error": "unauthorized",
    "server_error": "service_error",
    "api_error": "service_error",
    "overloaded_error": "service_overloaded",
    "timeout": "network_timeout",
    "mcp_error": "mcp_failed",
    "skill_error": "skill_failed",
    "permission_denied": "not_permitted",
}
"""Names that coding agents and providers give to errors."""


def policy_of(code: str) -> CodePolicy:
    return CODES.get(code) or CODES["exit_status"]


def severity_of(code: str) -> Severity:
    found = policy_of(code)
    return found.severity or POLICY[found.error_class].severity


def passes_by_itself(code: str) -> bool:
    found = policy_of(code)
    return POLICY[found.error_class].passes_by_itself if found.passes is None else found.passes
