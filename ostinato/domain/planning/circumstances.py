"""What holds for a request and a project, as the words that the conditions of parts are made of. Pure."""

import re
from collections.abc import Mapping

from ostinato.domain.classification import Classification, Intent, Risk
from ostinato.domain.plan import Strategy
from ostinato.domain.planning.parts import Part
from ostinato.domain.project import ProjectFacts

ANYWHERE = frozenset({"project.map", "security.scan", "docs.check", "deploy.check", "ui.check"})
"""Tools that find something in a repository of any language; the others know Python."""
_WISHES: Mapping[str, str] = {
    "lint": r"\blint\w*|\bruff\b|\bflake8\b|\bunused (imports?|variables?)|\bclean ?up\b|\btidy\b",
    "format": r"\b(re)?format\w*|\bblack\b|\bclean ?up\b|\btidy\b",
    "modernise": r"\bmoderni[sz]\w*|\bpyupgrade\b|\boutdated syntax\b",
    "generate": r"\btests?\b|\bcoverage\b",
    "types": r"\btypes?\b|\btyping\b|\bmypy\b|\bpyright\b",
    "dead": r"\bdead code\b|\bunused\b|\bclean ?up\b|\btidy\b|\bmoderni[sz]\w*",
    "upgrade": r"\b(bump|upgrade|update|pin)\b|\bdependenc\w+|\brequirements\b",
    "question": r"^(how|what|why|which|where|who|when|is|are|does|do|can|should)\b|\?\s*$|\b(explain|compare|evaluate|investigate|find out|propose|recommend)\b",
    "repair": r"\b(fix|repair|harden|patch|close|resolve|remediate|protect)\b",
}
_UPKEEP = ("lint", "format", "modernise", "types", "dead", "upgrade")
_RISKY = (Risk.HIGH, Risk.CRITICAL)


def holding(classification: Classification, project: ProjectFacts, text: str, strategy: Strategy) -> frozenset[str]:
    holds = {name for name, pattern in _WISHES.items() if re.search(pattern, text.strip(), re.IGNORECASE)}
    if not holds.intersection(_UPKEEP):
        holds.update(("lint", "format"))
    holds.add("only asked" if classification.intent is Intent.ANALYZE else "change")
    if strategy is not Strategy.DIRECT or not re.search(r"\b(audit|scan|map|analy[sz]e|overview)\b", text, re.I):
        holds.add("question")
    if "repair" not in holds:
        holds.add("report")
    if not project.is_python or strategy is not Strategy.DIRECT:
        holds.add("by hand")
    if is_looked_at(classification, strategy):
        holds.add("looked at")
    return frozenset(holds | {"python" if project.is_python else "foreign"})


def is_looked_at(classification: Classification, strategy: Strategy) -> bool:
    """Whether a person looks between the phases: always where it is formal, else where risk asks for it."""
    return strategy is Strategy.SYSTEMATIC or (strategy is Strategy.PHASED and classification.risk in _RISKY)


def is_of_use(part: Part, project: ProjectFacts, language: str = "") -> bool:
    """Whether a tool can find anything in this project, or in a place of this language; a mind always can."""
    if part.kind != "tool" or part.does in ANYWHERE:
        return True
    if part.does == "tests.run":
        return project.is_python or project.tests is not None
    return project.is_python and language in ("", "Python")
