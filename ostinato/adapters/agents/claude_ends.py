"""How an invocation of Claude Code ended. Neither its exit code nor its word of success is believed alone."""

import re
from datetime import datetime
from typing import Any

from ostinato.adapters.agents.claude_events import Facts
from ostinato.adapters.agents.reading import cut, whole, words
from ostinato.adapters.processes import ProcessEnd
from ostinato.adapters.zones import find_zone, own_zone
from ostinato.domain.agents import AgentEnd, EndKind, LimitKind
from ostinato.domain.recovering.resets import reset_time

_OF_REASON = {
    "max_turns": EndKind.LIMIT,
    "budget_exhausted": EndKind.LIMIT,
    "prompt_too_long": EndKind.CONTEXT_OVERFLOW,
    "blocking_limit": EndKind.CONTEXT_OVERFLOW,
    "rapid_refill_breaker": EndKind.CONTEXT_OVERFLOW,
    "turn_setup_failed": EndKind.CRASH,
    "stop_hook_prevented": EndKind.GAVE_UP,
    "hook_stopped": EndKind.GAVE_UP,
    "structured_output_retry_exhausted": EndKind.GAVE_UP,
}
"""What is not here is told by the error, or is the provider's."""
_OF_SUBTYPE = {"error_max_turns": EndKind.LIMIT, "error_max_budget_usd": EndKind.LIMIT}
_LIMITS = {
    "max_turns": LimitKind.TURNS,
    "error_max_turns": LimitKind.TURNS,
    "budget_exhausted": LimitKind.MONEY,
    "error_max_budget_usd": LimitKind.MONEY,
}
_OF_ERROR = {
    "authentication_failed": EndKind.AUTH,
    "oauth_org_not_allowed": EndKind.AUTH,
    "account_on_hold": EndKind.AUTH,
    "verification_required": EndKind.AUTH,
    "cloud_credential_error": EndKind.AUTH,
    "billing_error": EndKind.RATE_LIMIT,
    "rate_limit": EndKind.RATE_LIMIT,
}
"""An account with no money left is at its limit: nobody says until when."""
_OF_STATUS = {
    401: EndKind.AUTH,
    402: EndKind.RATE_LIMIT,
    403: EndKind.AUTH,
    413: EndKind.CONTEXT_OVERFLOW,
    429: EndKind.RATE_LIMIT,
}
_GATEWAY = "ostinato_"
"""So begins the id under which the gateway answers by itself, and its reason ends it."""
_OF_REFUSAL = {
    "cap": EndKind.LIMIT,
    "limited": EndKind.RATE_LIMIT,
    "key": EndKind.AUTH,
    "large": EndKind.CONTEXT_OVERFLOW,
}
_CAPS = {"tokens": LimitKind.TOKENS, "requests": LimitKind.REQUESTS}
_OVERFLOWS = ("prompt is too long", "context limit", "exceeds the context", "exceed context limit")


def end_of(facts: Facts, exit: ProcessEnd, *, now: datetime) -> AgentEnd:
    """Kind, message, answer, use, status and reset."""
    result = facts.result
    kind, message = _without_result(exit) if result is None else _by_result(facts, result)
    status = (result or {}).get("api_error_status") or facts.status
    return AgentEnd(
        kind=kind,
        message=_one_line(message),
        session_id=facts.session_id,
        answer=words((result or {}).get("result")),
        use=facts.tally.use,
        turns=whole((result or {}).get("num_turns")),
        limit=_limit(facts, result or {}) if kind is EndKind.LIMIT else None,
        until=_until(facts, message, now) if kind is EndKind.RATE_LIMIT else None,
        status=status if isinstance(status, int) else None,
        denied=tuple(facts.denied)[:20],
    )


def _without_result(exit: ProcessEnd) -> tuple[EndKind, str]:
    if exit.exit_code == 0:
        return EndKind.CRASH, "it ended without a result"
    how = f"signal {exit.signal}" if exit.signal else f"exit code {exit.exit_code}"
    last = next((line for line in reversed(exit.tail.splitlines()) if line.strip()), "")
    return EndKind.CRASH, f"it ended with {how} and no result" + (f": {last}" if last else "")


def _by_result(facts: Facts, result: dict[str, Any]) -> tuple[EndKind, str]:
    said = words(result.get("result")) or "; ".join(_errors(result)) or facts.error_text
    reason, subtype = words(result.get("terminal_reason")), words(result.get("subtype"))
    failed = result.get("is_error") is True or subtype.startswith("error")
    if result.get("stop_reason") == "refusal" or (failed and facts.refused):
        return EndKind.REFUSED, said or "the model declined"
    if reason.startswith("aborted"):
        return EndKind.CRASH, "it was interrupted by somebody else"
    if kind := _OF_REASON.get(reason) or _OF_SUBTYPE.get(subtype):
        return kind, said or reason
    if failed or facts.error:
        return _by_error(facts, result, said)
    if facts.denied and not facts.succeeded:
        return EndKind.GAVE_UP, f"it was not allowed what it tried: {next(iter(facts.denied))}"
    if not said.strip() and not facts.calls:
        return EndKind.GAVE_UP, "it ended without a word and without a deed"
    return EndKind.DONE, said


def _by_error(facts: Facts, result: dict[str, Any], said: str) -> tuple[EndKind, str]:
    if facts.request_id.startswith(_GATEWAY):
        return _OF_REFUSAL.get(facts.request_id.removeprefix(_GATEWAY), EndKind.PROVIDER), said
    text = f"{said} {facts.error_text}".lower()
    if any(words_of_it in text for words_of_it in _OVERFLOWS):
        return EndKind.CONTEXT_OVERFLOW, said
    if kind := _OF_ERROR.get(facts.error):
        return kind, said
    status = result.get("api_error_status") or facts.status
    if isinstance(status, int) and status in _OF_STATUS:
        return _OF_STATUS[status], said
    if not facts.error and not status and result.get("subtype") == "error_during_execution":
        return EndKind.CRASH, said or "it failed while it worked"
    return EndKind.PROVIDER, said or facts.error


def _errors(result: dict[str, Any]) -> list[str]:
    errors = result.get("errors")
    return [words(error) for error in errors] if isinstance(errors, list) else []


def _limit(facts: Facts, result: dict[str, Any]) -> LimitKind | None:
    if facts.request_id.startswith(_GATEWAY):
        capped = re.search(r"may use [\d,]+ (\w+)", facts.error_text)
        return _CAPS.get(capped[1], LimitKind.MONEY) if capped else LimitKind.MONEY
    return _LIMITS.get(words(result.get("terminal_reason"))) or _LIMITS.get(words(result.get("subtype")))


def _until(facts: Facts, message: str, now: datetime) -> datetime | None:
    if facts.lifted is not None and facts.lifted > now:
        return facts.lifted
    return reset_time(f"{message}\n{facts.error_text}", now=now, zone=own_zone(), zones=find_zone)


def _one_line(text: str) -> str:
    return cut(next((line.strip() for line in text.splitlines() if line.strip()), ""), 300)
