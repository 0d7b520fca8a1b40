from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ostinato.adapters.agents.acp_ends import of_stop
from ostinato.adapters.agents.judging import of_error
from ostinato.domain.agents import EndKind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
API = {"service": "session", "errorName": "APIError"}


@pytest.mark.parametrize(
    ("code", "message", "data", "kind"),
    [
        (-32000, "Authentication required", None, EndKind.AUTH),
        (-32603, "Internal error", {"errorKind": "rate_limit"}, EndKind.RATE_LIMIT),
        (-32603, "Internal error: Incorrect API key provided", API, EndKind.AUTH),
        (-32603, "Internal error: Rate limit reached for requests", API, EndKind.RATE_LIMIT),
        (-32603, "Internal error: Something new", API, EndKind.PROVIDER),
        (401, "no", None, EndKind.AUTH),
        (529, "Overloaded", None, EndKind.PROVIDER),
        (
            -32603,
            "Internal error",
            {"details": {"error": {"type": "overloaded_error", "status": 529}}},
            EndKind.PROVIDER,
        ),
        (None, "exceeded retry limit, last status: 429 Too Many Requests", {}, EndKind.RATE_LIMIT),
        (None, "", {"codexErrorInfo": "usageLimitExceeded"}, EndKind.RATE_LIMIT),
        (None, "", {"codexErrorInfo": "contextWindowExceeded"}, EndKind.CONTEXT_OVERFLOW),
        (-32603, "Internal error", {"message": "TypeError: x is undefined"}, EndKind.CRASH),
        (-32603, "Internal error", [[[[[[[["deep"]]]]]]]], EndKind.CRASH),
    ],
)
def test_an_error_is_told_by_its_names_statuses_and_words(code: int, message: str, data: Any, kind: EndKind) -> None:
    assert of_error(code, message, data, now=NOW, otherwise=EndKind.CRASH).kind is kind


def test_an_error_without_a_message_is_told_by_what_it_carries() -> None:
    judged = of_error(-32603, "Internal error", {"message": "the disk is\nfull"}, now=NOW, otherwise=EndKind.CRASH)

    assert judged.message == "the disk is full"


def test_a_limit_says_when_it_is_lifted() -> None:
    data = {"errorKind": "rate_limit", "retryAfter": "retry in 90 seconds please"}

    judged = of_error(-32603, "Rate limited, retry after 90 seconds", data, now=NOW, otherwise=EndKind.CRASH)

    assert judged.until == NOW + timedelta(seconds=90)


@pytest.mark.parametrize("reason", ["", "tired"])
def test_a_reason_that_nobody_knows_is_no_success(reason: str) -> None:
    assert of_stop(reason).kind is EndKind.GAVE_UP
