"""From what a request is about and what a repository shows to a plan, and what makes a plan a good one."""

from ostinato.domain.planning.composing import plan_for
from ostinato.domain.planning.drafts import Brief, Draft, drafted_plan
from ostinato.domain.planning.grounds import Grounds, Place, grounds_of
from ostinato.domain.planning.quality import Budget, PlanFinding, PlanReview, review_plan
from ostinato.domain.planning.strategies import LEVEL_CHECKS, MEANING, STRATEGY

__all__ = [
    "LEVEL_CHECKS",
    "MEANING",
    "STRATEGY",
    "Brief",
    "Budget",
    "Draft",
    "Grounds",
    "Place",
    "PlanFinding",
    "PlanReview",
    "drafted_plan",
    "grounds_of",
    "plan_for",
    "review_plan",
]
