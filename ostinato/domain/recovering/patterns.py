"""What output says, as a table of high precision: a line that could as well be about something else is not in it."""

import re
from collections.abc import Iterator

Rule = tuple[str, re.Pattern[str]]


def _rules(code: str, *patterns: str) -> Iterator[Rule]:
    return ((code, re.compile(pattern, re.MULTILINE)) for pattern in patterns)


CHECKS: tuple[Rule, ...] = (
    *_rules(
        "tests_failed",
        r"^=+ .*\b[1-9]\d* (?:failed|errors?)\b.* in [\d.]+s.*=*$",
        r"^[1-9]\d* failed(?:, \d+ \w+)* in [\d.]+s",
        r"^FAILED \((?:failures|errors)=\d+",
        r"^(?:# fail|ℹ fail) [1-9]\d*$",
        r"^test result: FAILED\. ",
        r"^Tests:\s+[1-9]\d* failed, ",
        r"^\s*Tests\s+[1-9]\d* failed",
        r"^--- FAIL: \w",
        r"^FAIL\t\S+\t[\d.]+s$",
        r"^\[ERROR\] Tests run: \d+, (?:Failures: [1-9]|Failures: 0, Errors: [1-9])",
        r"^\s+[1-9]\d* failing$",
    ),
    *_rules(
        "types_failed",
        r"^Found [1-9]\d* errors? in \d+ files? \(",
        r"^[1-9]\d* errors?, \d+ warnings?, \d+ informations?",
    ),
    *_rules("lint_failed", r"^Found [1-9]\d* errors?\.$", r"^✖ \d+ problems? \([1-9]\d* errors?,"),
    *_rules("format_failed", r"^[1-9]\d* files? would be reformatted", r"^\[warn\] Code style issues found in "),
)
"""The last words of test runners and checkers: what failed within the tests is told by them."""

CAUSES: tuple[Rule, ...] = (
    *_rules(
        "context_overflow",
        r"prompt is too long: \d+ tokens > \d+ maximum",
        r"input length and `max_tokens` exceed context limit",
        r"[Tt]his model's maximum context length is \d+ tokens",
        r"[Tt]he input token count(?: \(\d+\))? exceeds the maximum number of tokens",
        r"\bcontext_length_exceeded\b",
        r"Your input exceeds the context window of this model",
        r"^(?:API Error: )?Prompt is too long$",
    ),
    *_rules(
        "quota_exhausted",
        r"\binsufficient_quota\b",
        r"[Yy]ou exceeded your current quota",
        r"[Yy]our credit balance is too low",
        r"[Yy]ou've hit your (?:usage |session |weekly |5-hour )?limit",
        r"Claude AI usage limit reached",
        r"^(?:5-hour|[Ww]eekly|[Ss]ession|Opus weekly) limit reached",
    ),
    *_rules(
        "rate_limited",
        r"\b429 [Tt]oo [Mm]any [Rr]equests\b",
        r"(?:HTTP(?:/[\d.]+)?|[Ss]tatus(?: code)?:?|[Ee]rror(?: code)?:?|API Error:?)\s+429\b",
        r"\"type\"\s*:\s*\"rate_limit_error\"",
        r"\brate_limit_exceeded\b",
        r"^.*[Rr]ate limit reached for \S+ in organization",
        r"\bRESOURCE_EXHAUSTED\b",
        r"API rate limit exceeded for ",
        r"toomanyrequests: ",
    ),
    *_rules(
        "disk_full",
        r"\bNo space left on device$",
        r"\[Errno 28\] No space left on device",
        r"\bENOSPC\b",
        r"\[Errno 122\] Disk quota exceeded|: Disk quota exceeded$",
        r"database or disk is full$",
    ),
    *_rules(
        "out_of_memory",
        r"^(?:\w+\.)*MemoryError(?::|$)",
        r"JavaScript heap out of memory$",
        r"^Exception in thread .*java\.lang\.OutOfMemoryError",
        r"^java\.lang\.OutOfMemoryError",
        r"^fatal error: runtime: out of memory",
        r"^memory allocation of \d+ bytes failed",
        r"^fatal: (?:Out of memory|.*: Cannot allocate memory)",
        r"virtual memory exhausted: Cannot allocate memory",
        r"\[Errno 12\] Cannot allocate memory",
        r"^terminate called after throwing an instance of 'std::bad_alloc'",
        r"\bfork: Cannot allocate memory$",
        r"\(signal: 9, SIGKILL: kill\)",
    ),
    *_rules(
        "too_many_processes",
        r"\bfork: (?:retry: )?Resource temporarily unavailable",
        r"can't start new thread$",
        r"BlockingIOError: \[Errno 11\] Resource temporarily unavailable",
    ),
    *_rules("too_many_files", r"\[Errno 24\] Too many open files", r"\bEMFILE\b", r": Too many open files$"),
    *_rules("file_size_limit", r"^File size limit exceeded", r"\[Errno 27\] File too large|: File too large$"),
    *_rules("read_only", r": Read-only file system$", r"\[Errno 30\] Read-only file system", r"\bEROFS\b"),
    *_rules("disk_failed", r"\[Errno 5\] Input/output error", r": Input/output error$"),
    *_rules(
        "merge_conflict",
        r"^CONFLICT \([a-z/ ]+\): ",
        r"^Automatic merge failed; fix conflicts",
        r"^error: could not apply [0-9a-f]{7,}",
    ),
    *_rules(
        "lock_held",
        r"^fatal: Unable to create '.*\.lock': File exists",
        r"^error: could not lock config file",
        r"^E: Could not get lock /var/lib/",
    ),
    *_rules("database_locked", r"OperationalError: database is locked$", r"^Error: (?:.*: )?database is locked"),
    *_rules("port_taken", r"Address already in use", r"\bEADDRINUSE\b", r"port is already allocated"),
    *_rules(
        "push_rejected",
        r"^ ! \[(?:remote )?rejected\] ",
        r"^hint: Updates were rejected because",
        r"\(non-fast-forward\)",
    ),
    *_rules(
        "unauthorized",
        r"^fatal: Authentication failed for ",
        r"^remote: Invalid username or (?:password|token)",
        r"(?:HTTP(?:/[\d.]+)?|[Ss]tatus(?: code)?:?|API Error:?)\s+401\b",
        r"HTTP Error 401: ",
        r"\"type\"\s*:\s*\"authentication_error\"",
        r"^npm (?:error|ERR!) code E401$",
        r"Permission denied \(publickey",
        r"\binvalid_api_key\b",
    ),
    *_rules(
        "tls_failed",
        r"CERTIFICATE_VERIFY_FAILED",
        r"SSL certificate problem: ",
        r"\b(?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_HAS_EXPIRED)\b",
    ),
    *_rules(
        "network_dns",
        r"Could not resolve host",
        r"\b(?:ENOTFOUND|EAI_AGAIN)\b",
        r"(?:\[Errno -[235]\] |: |information: )(?:Temporary failure in name resolution|Name or service not known)",
        r"failed to lookup address information",
        r"dial tcp: lookup \S+.*: no such host",
    ),
    *_rules(
        "network_refused",
        r"\[Errno 111\] Connection refused",
        r"\bECONNREFUSED\b",
        r"^(?:ssh: connect to host|curl: \(7\)|fatal: unable to access) .*(?:Connection refused|Failed to connect|Couldn't connect)",
        r"dial tcp .*: connect: connection refused",
        r"\[Errno (?:101|113)\] |\bE(?:NET|HOST)UNREACH\b",
    ),
    *_rules(
        "network_timeout",
        r"\bETIMEDOUT\b|\bESOCKETTIMEDOUT\b",
        r"\[Errno 110\] Connection timed out",
        r"^curl: \(28\) ",
        r"Read timed out\. \(read timeout=",
        r"^ssh: connect to host .*: Connection timed out",
        r"dial tcp .*: i/o timeout",
    ),
    *_rules(
        "network_lost",
        r"\[Errno 104\] Connection reset by peer",
        r"\bECONNRESET\b",
        r"^curl: \((?:52|56)\) ",
        r"^fatal: the remote end hung up unexpectedly",
        r"RemoteDisconnected\('Remote end closed connection",
    ),
    *_rules("service_overloaded", r"\"type\"\s*:\s*\"overloaded_error\"", r"HTTP Error 503: ", r"API Error:? 529\b"),
    *_rules(
        "service_error",
        r"HTTP Error 50[024]: ",
        r"\b50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)\b",
        r"^(?:curl: \(22\).*|fatal: .*)error: 50\d",
        r"API Error:? 5\d\d\b",
    ),
    *_rules(
        "missing_command",
        r"^(?:[\w./-]+: )?(?:line \d+: |\d+: )?[\w./+-]+: (?:command not found|not found)$",
        r"^make: [\w./+-]+: No such file or directory$",
        r"^env: ‘?'?[\w./+-]+'?’?: No such file or directory",
        r"^'\S+' is not recognized as an internal or external command",
        r"exec: \"\S+\": executable file not found in \$PATH",
        r"\bspawn \S+ ENOENT$",
    ),
    *_rules(
        "missing_module",
        r"^(?:E\s+)?ModuleNotFoundError: No module named ",
        r"^\S*: No module named [\w.]+$",
        r"Error(?: \[ERR_MODULE_NOT_FOUND\])?: Cannot find (?:module|package) '",
        r"cannot find package \"\S+\" in ",
    ),
    *_rules("missing_script", r"^npm (?:error|ERR!) Missing script: ", r"^make: \*\*\* No rule to make target "),
    *_rules(
        "missing_package",
        r"^ERROR: No matching distribution found for ",
        r"^npm (?:error|ERR!) code (?:E404|ETARGET)$",
        r"^error: no matching package (?:named|found)",
        r"× No solution found when resolving dependencies",
    ),
    *_rules(
        "permission_denied",
        r"\[Errno 13\] Permission denied",
        r"\bEACCES\b",
        r"\[Errno 1\] Operation not permitted",
        r"^\S.*: Permission denied$",
        r"\(os error 13\)",
    ),
    *_rules(
        "syntax_error",
        r"^(?:E\s+)?(?:SyntaxError|IndentationError|TabError): ",
        r": (?:[Ss]yntax error|syntax error near unexpected token)[: ]",
        r"^error: expected .*, found ",
        r"^PHP Parse error: ",
    ),
)
"""In this order: what explains more comes first."""


def find(rules: tuple[Rule, ...], text: str) -> tuple[str, str]:
    """The first code whose pattern is there, and the line that says so; empty texts where there is none."""
    for code, pattern in rules:
        if match := pattern.search(text):
            return code, _line(text, match.start())
    return "", ""


def _line(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else None].strip()[:300]
