"""What a child process may see of the worker's environment: a list of what is allowed, never of what is not."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

_ALLOWED = re.compile(
    r"""
    PATH | HOME | USER | LOGNAME | SHELL | LANG | LANGUAGE | LC_[A-Z]+ | TZ | TERM | COLUMNS | TMPDIR | TMP | TEMP
    | XDG_(CACHE|CONFIG|DATA|STATE)_HOME | XDG_RUNTIME_DIR | LD_LIBRARY_PATH
    | SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | NODE_EXTRA_CA_CERTS
    | (?i: (http|https|all|ftp|no)_proxy )
    | PIP_( INDEX_URL | EXTRA_INDEX_URL | NO_INDEX | FIND_LINKS | TRUSTED_HOST | CERT | CLIENT_CERT | PROXY | CONFIG_FILE
          | CACHE_DIR | DEFAULT_TIMEOUT | RETRIES )
    | UV_( INDEX(_URL)? | DEFAULT_INDEX | EXTRA_INDEX_URL | NO_INDEX | FIND_LINKS | INDEX_STRATEGY | INSECURE_HOST
         | INDEX_\w+_(USERNAME|PASSWORD) | KEYRING_PROVIDER | NATIVE_TLS | SYSTEM_CERTS | OFFLINE | CACHE_DIR | CONFIG_FILE
         | LINK_MODE | HTTP_TIMEOUT | HTTP_RETRIES | PYTHON_INSTALL_DIR | PYTHON_INSTALL_MIRROR | PYTHON_DOWNLOADS
         | PYTHON_PREFERENCE | CONCURRENT_(BUILDS|DOWNLOADS|INSTALLS) )
    """,
    re.VERBOSE,
)
"""Besides the everyday ones: what installers need to reach the index that this machine is configured for."""

_ALWAYS = {"GIT_TERMINAL_PROMPT": "0", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}

_SECRET_NAME = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|KEY|(^|_)(PASS|PAT|AUTH|DSN|COOKIE))S?(_|$)", re.IGNORECASE
)
_SHORTEST_SECRET = 8
_NOTHING: Mapping[str, str] = MappingProxyType({})


def clean_environment(extra: Mapping[str, str] = _NOTHING) -> dict[str, str]:
    """The environment for a child; `extra` comes on top as it is."""
    allowed = {name: value for name, value in os.environ.items() if _ALLOWED.fullmatch(name)}
    allowed["PATH"] = _absolute_only(allowed.get("PATH", os.defpath))
    if not any(name in allowed for name in ("LANG", "LC_ALL", "LC_CTYPE")):
        allowed["LANG"] = "C.UTF-8"
    return {**allowed, **_ALWAYS, **extra}


def environment_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """Values for a Redactor: of variables named like a secret, and the passwords inside addresses."""
    return tuple(sorted({value for value in _secrets(env) if len(value) >= _SHORTEST_SECRET}))


def _secrets(env: Mapping[str, str]) -> Iterator[str]:
    for name, value in env.items():
        if "://" in value:
            yield from _passwords(value)
        elif (_SECRET_NAME.search(name) and not Path(value).is_absolute()) or (
            _SECRET_NAME.search(name) and not _exists(value)
        ):
            yield value


def _passwords(addresses: str) -> Iterator[str]:
    """Several addresses may share a variable (PIP_EXTRA_INDEX_URL)."""
    for address in addresses.split():
        try:
            password = urlsplit(address).password or ""
        except ValueError:
            continue
        yield from (password, unquote(password))


def _exists(path: str) -> bool:
    """A variable may name the file with the secret (SSH_AUTH_SOCK): its path is none."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _absolute_only(path: str) -> str:
    """An empty or relative entry would find commands in the folder a child runs in: in the repository."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if Path(entry).is_absolute())
