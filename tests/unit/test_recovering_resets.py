"""Every way in which a service says when its limit is lifted."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ostinato.adapters.zones import find_zone
from ostinato.domain.recovering.resets import reset_of_headers, reset_time

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\n", NOW + timedelta(seconds=30)),
        ("retry-after: Tue, 10 Mar 2026 12:05:00 GMT", NOW + timedelta(minutes=5)),
        ("retry-after-ms: 1500", NOW + timedelta(seconds=1.5)),
        ('{"headers": {"retry-after": "12", "x-request-id": "9"}}', NOW + timedelta(seconds=12)),
        ("anthropic-ratelimit-requests-reset: 2026-03-10T12:00:45Z", NOW + timedelta(seconds=45)),
        (
            "anthropic-ratelimit-requests-remaining: 12\nanthropic-ratelimit-requests-reset: 2026-03-10T18:00:00Z\n"
            "anthropic-ratelimit-input-tokens-remaining: 0\nanthropic-ratelimit-input-tokens-reset: 2026-03-10T12:01:00Z",
            NOW + timedelta(minutes=1),
        ),
        ("429 This account is at its limit until 2026-03-10T13:00:00+00:00.", NOW + timedelta(hours=1)),
        ("anthropic-ratelimit-unified-reset: 1773147600", NOW + timedelta(hours=1)),
        ("x-ratelimit-reset-tokens: 6m0s", NOW + timedelta(minutes=6)),
        ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1773144060", NOW + timedelta(minutes=1)),
        ("Rate limit reached for gpt-4o in organization org-x. Please try again in 20s. Visit", NOW + timedelta(seconds=20)),
        ("Limit 30000, Used 29912, Requested 1200. Please try again in 1.152s.", NOW + timedelta(seconds=1.152)),
        ("Please try again in 6m12.5s.", NOW + timedelta(minutes=6, seconds=12.5)),
        ("Please try again in 857ms.", NOW + timedelta(milliseconds=857)),
        ("You've hit your usage limit. Try again in 3 days 4 hours 5 minutes.", NOW + timedelta(days=3, hours=4, minutes=5)),
        ('"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"', NOW + timedelta(seconds=34)),
        ("Claude AI usage limit reached|1773154800", NOW + timedelta(hours=3)),
        ("5-hour limit reached ∙ resets 3pm", NOW + timedelta(hours=3)),
        ("You've hit your limit · resets 3pm (Europe/Berlin)", NOW + timedelta(hours=2)),
        ("Your limit resets at 3:30pm (Asia/Kolkata)", NOW + timedelta(hours=22)),
        ("limit resets at 9am (America/New_York)", NOW + timedelta(hours=1)),
        ("Weekly limit reached ∙ resets Mar 12, 5am (UTC)", NOW + timedelta(days=1, hours=17)),
        ("You've hit your usage limit, try again at Mar 11th, 2026 9:15 AM.", NOW + timedelta(hours=21, minutes=15)),
        ("Quota resets at 2026-03-10 13:00:00 UTC", NOW + timedelta(hours=1)),
        ("resets at 15:00", NOW + timedelta(hours=3)),
    ],
)  # fmt: skip
def test_the_end_of_a_limit_is_read(text: str, expected: datetime) -> None:
    assert reset_time(text, now=NOW, zones=find_zone) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "connection reset by peer",
        "git reset 3 files",
        "the counter resets 5 times",
        "Please try again later.",
        "429 Too Many Requests",
        "retry-after: 99999999",
        "resets at 45:99",
    ],
)
def test_where_nothing_true_is_said_nothing_is_read(text: str) -> None:
    assert reset_time(text, now=NOW, zones=find_zone) is None


def test_a_clock_time_without_a_zone_is_in_the_zone_given() -> None:
    assert reset_time("resets 3pm", now=NOW, zone=timezone(timedelta(hours=2))) == NOW + timedelta(hours=1)


def test_a_moment_that_has_passed_is_now() -> None:
    assert reset_time("anthropic-ratelimit-requests-reset: 2026-03-10T11:00:00Z", now=NOW) == NOW


def test_headers_are_read_alone() -> None:
    assert reset_of_headers({"Retry-After": "7"}, now=NOW) == NOW + timedelta(seconds=7)
