"""What may go from a home and from the users' repositories, and its removal. Dry run: plan_gc alone."""

from ostinato.adapters.cleaning.model import Collected, GcPlan, Kept, Removal, RemovalKind
from ostinato.adapters.cleaning.planning import plan_gc
from ostinato.adapters.cleaning.removing import collect

__all__ = ("Collected", "GcPlan", "Kept", "Removal", "RemovalKind", "collect", "plan_gc")
