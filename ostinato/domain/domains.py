"""What fields a request is about: asserted by words, and by paths. Neither ever denies one."""

import re
from collections.abc import Iterable, Mapping

from ostinato.domain.evidence.places import is_test
from ostinato.domain.lexicon import DOMAINS

PATHS: Mapping[str, str] = {
    "security": r"(^|[/_.-])(auth\w*|security|crypto|permissions?|oauth\w*|secrets?)([/_.-]|$)",
    "frontend": r"\.(css|scss|less|html|jsx|tsx|vue|svelte)$|(^|/)(components|frontend|ui|styles)/",
    "api": r"(^|/)(api|apis|routes|endpoints|graphql|rest|grpc)(/|\.)|\.(proto|graphql)$|openapi",
    "database": r"(^|/)(migrations?|models|db|database|orm|alembic)(/|\.)|\.sql$",
    "devops": r"(^|/)(Dockerfile|docker-compose|\.github/workflows|\.gitlab-ci|\.circleci|Jenkinsfile|k8s|helm|deploy)|\.tf$",
    "documentation": r"(^|/)docs?/|\.(md|rst|adoc)$",
    "performance": r"(^|/)(bench\w*|perf\w*)(/|\.)",
    "dependencies": r"(^|/)(requirements[\w-]*\.txt|package\.json|go\.mod|Cargo\.toml|pom\.xml|[\w.-]+\.lock|package-lock\.json)$",
}
_COMPILED = {name: re.compile(pattern) for name, pattern in PATHS.items()}
_WORDS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in DOMAINS.items()}


def domains_in(text: str) -> tuple[str, ...]:
    """By keywords: precise, far from complete."""
    return tuple(name for name, pattern in _WORDS.items() if pattern.search(text))


def domains_of(paths: Iterable[str]) -> tuple[str, ...]:
    listed = tuple(paths)
    found = [name for name, pattern in _COMPILED.items() if any(pattern.search(path) for path in listed)]
    return (*found, *(("testing",) if any(is_test(path) for path in listed) else ()))
