"""Thin edges: contract in, adapter call, contract out. `activities_of` lists every activity of a worker."""

from collections.abc import Callable
from typing import Any

from activities.accounts import AccountActivities
from activities.budget import BudgetActivities
from activities.edge import Desk
from activities.gates import GateActivities
from activities.integration import IntegrationActivities
from activities.merge import MergeActivities
from activities.planning import PlanningActivities
from activities.reports import ReportActivities
from activities.rewinding import RewindingActivities
from activities.steps import StepActivities
from activities.workspace import WorkspaceActivities

_FAMILIES = (
    WorkspaceActivities,
    PlanningActivities,
    GateActivities,
    StepActivities,
    IntegrationActivities,
    RewindingActivities,
    ReportActivities,
    MergeActivities,
    BudgetActivities,
    AccountActivities,
)


def activities_of(desk: Desk) -> list[Callable[..., Any]]:
    """Every activity, bound to the worker's desk."""
    found: list[Callable[..., Any]] = []
    for family in _FAMILIES:
        instance = family(desk)
        found.extend(
            method
            for name in vars(family)
            if hasattr(method := getattr(instance, name), "__temporal_activity_definition")
        )
    return found
