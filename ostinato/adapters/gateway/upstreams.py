"""Where the gateway forwards to, and with which key: from the worker's own environment, never from an agent's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ostinato.domain.errors import Problem, UserError

_ADDRESSES: Final = {
    "anthropic": (("ANTHROPIC_BASE_URL",), "https://api.anthropic.com"),
    "openai": (("OPENAI_BASE_URL", "OPENAI_API_BASE"), "https://api.openai.com/v1"),
    "gemini": (("GOOGLE_GEMINI_BASE_URL", "GEMINI_BASE_URL"), "https://generativelanguage.googleapis.com"),
}
_KEYS: Final = {
    "anthropic": (("ANTHROPIC_API_KEY", "x-api-key", ""), ("ANTHROPIC_AUTH_TOKEN", "authorization", "Bearer ")),
    "openai": (("OPENAI_API_KEY", "authorization", "Bearer "),),
    "gemini": (("GEMINI_API_KEY", "x-goog-api-key", ""), ("GOOGLE_API_KEY", "x-goog-api-key", "")),
}
KEY_HEADERS: Final = frozenset(("x-api-key", "authorization", "x-goog-api-key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One provider."""

    base_url: str
    key_header: str = ""
    """Empty: it wants no key."""
    key: str = field(default="", repr=False)
    """As the header has it, `Bearer ` included."""
    is_configured: bool = True
    """Somebody named an address or a key; else there is only the provider's own address."""

    @property
    def secret(self) -> str:
        """For a redactor; empty where there is none."""
        return self.key.removeprefix("Bearer ")


def upstreams_of(environ: Mapping[str, str]) -> Mapping[str, Upstream]:
    """By provider; raises UserError with every address that is none."""
    found = {provider: _upstream(provider, environ) for provider in _ADDRESSES}
    problems = [problem for provider, each in found.items() if (problem := _problem(provider, each.base_url))]
    if problems:
        raise UserError(problems)
    return found


def _upstream(provider: str, environ: Mapping[str, str]) -> Upstream:
    names, usual = _ADDRESSES[provider]
    address = next((environ[name] for name in names if environ.get(name)), "")
    said = ((environ.get(name, "").strip(), header, before) for name, header, before in _KEYS[provider])
    key, header, before = next(((key, header, before) for key, header, before in said if key), ("", "", ""))
    return Upstream(
        base_url=(address or usual).rstrip("/"),
        key_header=header,
        key=f"{before}{key}" if key else "",
        is_configured=bool(address or key),
    )


def _problem(provider: str, address: str) -> Problem | None:
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.username):
        return None
    return Problem(
        code="setting_invalid",
        field=_ADDRESSES[provider][0][0],
        message="is no address of a model's provider",
        cure="Write it like https://host/path, without a name, a password or a question mark",
    )
