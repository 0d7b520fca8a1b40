"""Secrets are replaced; what only looks random survives."""

import pytest

from ostinato.domain.redaction import LONGEST_SECRET, Redactor

KEY_BODY = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 20)
PRIVATE_KEY = f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("aws-access-key", "AKIA" + "IOSFODNN7EXAMPLE"),
        ("github-token", "ghp_" + "a1B2" * 9),
        ("github-token", "github_pat_" + "a1B2_" * 8),
        ("gitlab-token", "glpat-" + "a1B2-" * 4),
        ("slack-token", "xoxb-" + "123456789012-abcdef"),
        ("anthropic-key", "sk-ant-" + "api03-" + "aB3_" * 10),
        ("openai-key", "sk-proj-" + "aB3_" * 10),
        ("openai-key", "sk-" + "aB3d" * 12),
        ("google-key", "AIza" + "a" * 35),
        ("stripe-key", "sk_live_" + "a1B2" * 6),
        ("npm-token", "npm_" + "a1B2" * 9),
        ("pypi-token", "pypi-" + "AgEIcHlwaS5vcmc" + "a1_" * 30),
        ("jwt", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N"),
    ],
)
def test_a_token_is_replaced_by_its_kind(kind: str, secret: str) -> None:
    redacted = Redactor().text(f"before '{secret}' after")

    assert redacted == f"before '[redacted:{kind}]' after"


@pytest.mark.parametrize("before", ["\\n", "\\\\n", "\\t", "\\u001b[31m", "\x1b[0;32m", "\\u0000"])
def test_a_token_after_what_stands_for_a_character_is_still_one(before: str) -> None:
    redacted = Redactor().text(f'{{"output": "TERM=x{before}{"ghp_" + "a1B2" * 9}"}}')

    assert redacted == f'{{"output": "TERM=x{before}[redacted:github-token]"}}'


def test_the_password_in_an_address_is_replaced_and_the_address_stays() -> None:
    redacted = Redactor().text("cloning https://bob:hunter2!x@example.com/a.git")

    assert redacted == "cloning https://bob:[redacted:url-password]@example.com/a.git"


@pytest.mark.parametrize("place", ["$PASSWORD", "{password}", "<password>", "***", "%s"])
def test_a_placeholder_in_an_address_is_no_secret(place: str) -> None:
    text = f"https://user:{place}@example.com"

    assert Redactor().text(text) == text


def test_a_private_key_is_replaced_as_a_whole() -> None:
    redacted = Redactor().text(f"a\n{PRIVATE_KEY}\nb")

    assert redacted == "a\n[redacted:private-key]\nb"


def test_a_private_key_that_was_cut_short_is_replaced_too() -> None:
    redacted = Redactor().text(f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n")

    assert "MIIEv" not in redacted


def test_an_authorization_header_loses_its_credentials() -> None:
    redacted = Redactor().text("> Authorization: Bearer abcdef0123456789")

    assert redacted == "> Authorization: Bearer [redacted:authorization]"


@pytest.mark.parametrize(
    "text",
    [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "task-runner sk-fading-circle-with-a-very-long-class-name-of-css",
        'if "-----BEGIN PRIVATE KEY-----" in text:\n    raise ValueError',
        "git@github.com:owner/name.git ssh://git@host:22/path http://localhost:8080/a@b",
        "3d0ca315-aff9-4fc2-be61-3b76b9a2d798",
    ],
)
def test_what_only_looks_like_a_secret_survives(text: str) -> None:
    assert Redactor().text(text) == text


def test_known_values_are_replaced_in_every_spelling() -> None:
    redactor = Redactor(['p@ss/wörd"1'])

    redacted = redactor.text('p@ss/wörd"1 p%40ss%2Fw%C3%B6rd%221 p@ss/wörd\\"1')

    assert redacted == " ".join(["[redacted:known-value]"] * 3)


def test_known_values_are_replaced_in_bytes() -> None:
    redacted = Redactor(["geheimnisvöll"]).bytes(b"\xff geheimnisv\xc3\xb6ll \xfe")

    assert redacted == b"\xff [redacted:known-value] \xfe"


def test_a_known_value_that_is_too_short_to_be_a_secret_is_ignored() -> None:
    assert Redactor(["", "a", "main"]).text("a main thing") == "a main thing"


def test_a_known_value_wins_over_no_longer_one() -> None:
    redacted = Redactor(["abcdef", "abcdefgh"]).text("abcdefgh")

    assert redacted == "[redacted:known-value]"


@pytest.mark.parametrize("offset", range(0, 60, 7))
def test_a_stream_split_anywhere_gives_what_the_whole_gives(offset: int) -> None:
    redactor = Redactor(["the-known-value"])
    data = (b"x" * (4000 + offset) + b" the-known-value " + PRIVATE_KEY.encode()) * 8
    expected = redactor.bytes(data)

    pending, streamed = b"", b""
    for start in range(0, len(data), 20_000):
        clean, pending = redactor.split(pending + data[start : start + 20_000])
        streamed += clean
    streamed += redactor.bytes(pending)

    assert streamed == expected


def test_a_stream_without_lines_moves_on() -> None:
    clean, rest = Redactor().split(b"x" * 100_000)

    assert len(clean) == 100_000 - LONGEST_SECRET
    assert len(rest) == LONGEST_SECRET


def test_the_end_of_a_text_never_shows_half_a_secret() -> None:
    redactor = Redactor(["the-known-value"])

    end = redactor.end_of(b"... the-known-value!", 6)

    assert end == b"!"
