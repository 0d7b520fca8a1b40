"""Who owns a path, by a CODEOWNERS file: GitHub's rules, and GitLab's sections with default owners."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ostinato.domain.globs import matches

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""In the order in which they are looked for."""
_SECTION = re.compile(r"^\^?\[([^\]]+)\](?:\[\d+\])?\s*(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRule:
    globs: tuple[str, ...]
    owners: tuple[str, ...]
    """None: the paths have no owner on purpose."""
    section: str = ""


def owner_rules(text: str) -> tuple[OwnerRule, ...]:
    """Lines that are no rule are passed over, as the forges do."""
    rules, section, default = list[OwnerRule](), "", tuple[str, ...]()
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if not line:
            continue
        if header := _SECTION.match(line):
            section, default = header[1], tuple(header[2].split())
            continue
        pattern, *owners = re.split(r"(?<!\\)\s+", line)
        rules.append(
            OwnerRule(globs=_globs(pattern.replace("\\ ", " ")), owners=tuple(owners) or default, section=section)
        )
    return tuple(rules)


def owners_of(path: str, rules: Sequence[OwnerRule]) -> tuple[str, ...]:
    """The last rule that matches wins, in each section."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        if any(matches(glob, path) for glob in rule.globs):
            found[rule.section] = rule.owners
    return tuple(dict.fromkeys(owner for owners in found.values() for owner in owners))


def _globs(pattern: str) -> tuple[str, ...]:
    """Without a slash at its start or inside, it holds in any folder; a folder holds all that is below it."""
    is_anchored = "/" in pattern.rstrip("/")
    base = pattern.strip("/") if is_anchored else f"**/{pattern.strip('/')}"
    if pattern.endswith("/"):
        return (f"{base}/**",)
    if pattern.endswith("/*"):
        return (base,)
    return (base, f"{base}/**")
