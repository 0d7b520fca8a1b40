"""How long a run takes, with a range: by complexity while there is no plan, by the plan's own durations then.

People's waits are not counted: nobody can foresee them. The range is a convention, not a measured interval: the less
the figure rests on, the wider.
"""

from collections.abc import Mapping

from ostinato.domain.classification import Basis, Complexity, Estimate
from ostinato.domain.critical_path import expected_duration_s
from ostinato.domain.durations import PRIOR, Expectation
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan

BASE_S: Mapping[Complexity, float] = {
    Complexity.SIMPLE: 60.0,
    Complexity.MODERATE: 600.0,
    Complexity.COMPLEX: 3600.0,
    Complexity.ENTERPRISE: 14_400.0,
}
SPREAD: Mapping[Basis, float] = {Basis.TEXT: 5.0, Basis.REPOSITORY: 3.0, Basis.PLAN: 2.5, Basis.DIFF: 2.5}
LEARNED_SPREAD = 1.4
"""Where every step's duration was learned from runs of this repository."""


def estimate_by(complexity: Complexity, basis: Basis) -> Estimate:
    return _around(BASE_S[complexity], SPREAD[basis], f"usual for {complexity} work; {basis} only")


def estimate_of(plan: Plan, expectations: Mapping[StepId, Expectation] | None = None) -> Estimate:
    """By the longest chain and the slots; learned durations make the range narrower."""
    found = expectations or {}
    total = sum(step.expected_s for step in plan.steps)
    learned = sum(step.expected_s for step in plan.steps if _is_learned(found.get(step.id)))
    share = learned / total if total else 0.0
    spread = SPREAD[Basis.PLAN] + share * (LEARNED_SPREAD - SPREAD[Basis.PLAN])
    people = sum(step.needs_person for step in plan.steps)
    said = f"{len(plan.steps)} steps, {share:.0%} of their time learned from earlier runs"
    return _around(
        expected_duration_s(plan), spread, said + (f"; waiting for people in {people} is not counted" if people else "")
    )


def _is_learned(found: Expectation | None) -> bool:
    return found is not None and found.because != PRIOR


def _around(likely: float, spread: float, because: str) -> Estimate:
    return Estimate(
        low_s=round(likely / spread, 1), likely_s=round(likely, 1), high_s=round(likely * spread, 1), because=because
    )
