"""Which strategy a complexity asks for, and how much is checked. Pure."""

from collections.abc import Mapping

from ostinato.domain.classification import Complexity
from ostinato.domain.plan import Strategy

STRATEGY: Mapping[Complexity, tuple[Strategy, str]] = {
    Complexity.SIMPLE: (Strategy.DIRECT, "basic"),
    Complexity.MODERATE: (Strategy.PROGRESSIVE, "standard"),
    Complexity.COMPLEX: (Strategy.PHASED, "comprehensive"),
    Complexity.ENTERPRISE: (Strategy.SYSTEMATIC, "enterprise"),
}
"""Features, F4."""
LEVEL_CHECKS: Mapping[str, tuple[str, ...]] = {
    "basic": (),
    "standard": ("lint.check", "types.check"),
    "comprehensive": ("lint.check", "types.check", "security.scan", "complexity.map"),
    "enterprise": ("lint.check", "types.check", "security.scan", "complexity.map", "deps.check", "docs.check"),
}
"""Validation level → tools that look at the finished change, besides the gates that judge every run's last commit."""
MEANING: Mapping[Strategy, str] = {
    Strategy.DIRECT: "one go, checked at the end",
    Strategy.PROGRESSIVE: "in slices, each looked at before the next",
    Strategy.PHASED: "in phases with points to return to, reviewed, and the way back rehearsed",
    Strategy.SYSTEMATIC: "in phases that a person approves one by one, with a record of what was decided",
}
EFFORT: Mapping[Strategy, float] = {
    Strategy.DIRECT: 1.0,
    Strategy.PROGRESSIVE: 1.0,
    Strategy.PHASED: 1.5,
    Strategy.SYSTEMATIC: 2.0,
}
"""How much longer a step for a mind is expected to take; a prior, not a measurement."""
