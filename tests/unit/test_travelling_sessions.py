"""Files of a session as they may leave the machine, and as they arrive on another."""

import json
from pathlib import Path

from ostinato.adapters.agents import travelling
from ostinato.adapters.agents.travelling import Packed, pack, redacted, unpack
from ostinato.domain.redaction import Redactor

TOKEN = "ghp_" + "Zq8" * 12
KNOWN = Redactor(("sesame-open",))


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def said(text: str) -> dict[str, object]:
    return {"type": "assistant", "message": {"content": [{"type": "text", "text": text}]}}


def thought(text: str) -> dict[str, object]:
    return {"type": "thinking", "thinking": text, "signature": "c2lnbmVk"}


def test_known_values_and_tokens_are_taken_out_and_other_lines_stay_byte_for_byte() -> None:
    plain = b'{"a":  1}\n'

    clean = redacted(plain + line(said(f"{TOKEN} and sesame-open")) + plain, KNOWN)

    assert clean is not None
    first, middle, last = clean.splitlines(keepends=True)
    assert (first, last) == (plain, plain)
    assert json.loads(middle) == said("[redacted:github-token] and [redacted:known-value]")


def test_a_thought_with_a_secret_is_left_out_and_any_other_keeps_its_signature() -> None:
    raw = line({"content": [thought("the word is sesame-open"), thought("fine")]})

    clean = redacted(raw, KNOWN)

    assert json.loads(clean or b"") == {"content": [thought("fine")]}


def test_a_message_that_was_but_a_thought_is_not_left_empty() -> None:
    clean = redacted(line({"content": [thought("sesame-open")]}), KNOWN)

    assert json.loads(clean or b"") == {"content": [{"type": "text", "text": "[redacted]"}]}


def test_what_was_signed_and_is_altered_bears_no_signature_any_more() -> None:
    call = {"functionCall": {"args": {"text": "sesame-open"}}, "thoughtSignature": "c2lnbmVk"}

    clean = redacted(line({"parts": [call]}), KNOWN)

    # its arguments are altered one level below what is signed
    assert json.loads(clean or b"") == {"parts": [{"functionCall": {"args": {"text": "[redacted:known-value]"}}}]}


def test_a_line_that_was_not_finished_is_left_out() -> None:
    assert redacted(line({"a": 1}) + line({"b": 2}) + b'{"c": ', KNOWN) == line({"a": 1}) + line({"b": 2})


def test_what_is_no_text_is_taken_as_it_is_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "clean.bin").write_bytes(b"\0\1\2")
    (tmp_path / "other.bin").write_bytes(b"\0sesame-open\0")

    assert pack(tmp_path, [Path("clean.bin")], KNOWN, is_live=False) == Packed(files={"clean.bin": b"\0\1\2"})
    assert "cannot be taken out" in pack(tmp_path, [Path("other.bin")], KNOWN, is_live=False).problem


def test_a_database_is_left_for_later_while_its_agent_is_at_work(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0...")

    assert pack(tmp_path, [Path("a.db")], KNOWN, is_live=True) == Packed()
    assert pack(tmp_path, [Path("a.db")], KNOWN, is_live=False).files


def test_logins_are_left_behind(tmp_path: Path) -> None:
    for name in ("auth.json", "talk.jsonl"):
        (tmp_path / name).write_text("{}\n")

    assert list(pack(tmp_path, [Path("auth.json"), Path("talk.jsonl")], KNOWN, is_live=False).files) == ["talk.jsonl"]


def test_too_much_is_not_taken_along(tmp_path: Path) -> None:
    with (tmp_path / "talk.jsonl").open("wb") as file:
        file.truncate(travelling.MOST_BYTES + 1)

    assert "too big" in pack(tmp_path, [Path("talk.jsonl")], KNOWN, is_live=False).problem


def test_whatever_stands_for_a_type_is_read() -> None:
    odd = line({"type": {"type": ["sesame-open"]}})

    assert json.loads(redacted(odd, KNOWN) or b"") == {"type": {"type": ["[redacted:known-value]"]}}


def test_a_single_line_still_ends_where_it_ended() -> None:
    assert redacted(line({"a": "sesame-open"}), KNOWN) == line({"a": "[redacted:known-value]"})


def test_files_from_elsewhere_stay_inside(tmp_path: Path) -> None:
    assert not unpack({"../x": b""}, tmp_path / "home")
    assert not unpack({"/x": b""}, tmp_path / "home")
    assert unpack({"a/b.jsonl": b"{}\n"}, tmp_path / "home")
    assert (tmp_path / "home" / "a" / "b.jsonl").read_bytes() == b"{}\n"
