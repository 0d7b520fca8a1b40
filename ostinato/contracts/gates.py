"""What goes into the gates after the last step, and what comes out."""

from ostinato.domain.base import Fact
from ostinato.domain.classification import Classification
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.gates import GateResult, Observation
from ostinato.domain.permissions import Policy
from ostinato.domain.plan import GateName
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Checkout, Workspace


class Standard(Fact):
    """Gates of a change go by the base's configuration, but where the request is about that configuration."""

    base: str
    classification: Classification | None = None
    """None: nothing that the request says lets the configuration change."""
    request: str = ""
    source_roots: tuple[str, ...] = ()


class PrepareGates(Fact):
    workspace: Workspace
    commit: str
    label: str
    """base or head: the name of the checkout."""
    trusted: bool
    standard: Standard | None = None
    """By whose configuration it is judged; None: by its own."""


class JudgeIntegrity(Fact):
    """Whether a run's change made its own judges weaker."""

    workspace: Workspace
    head: str
    classification: Classification
    request: str
    source_roots: tuple[str, ...] = ()
    """As found at the base."""
    policy: Policy = Policy()


class JudgedChange(Fact):
    integrity: GateResult
    permissions: GateResult


class ObserveGate(Fact):
    workspace: Workspace
    gate: GateName | None = None
    custom: CustomGate | None = None
    """One of both is given."""
    checkout: Checkout
    project: ProjectFacts
    """As found at the base commit: gate commands and configuration come from there."""
    trusted: bool
    offline: bool = False
    """What the project's own tools start has no network."""


class JudgeGate(Fact):
    """Observations as they travelled; the activity reads all findings from their references."""

    head: Observation
    base: Observation | None = None
    custom: CustomGate | None = None


class MeasurePerformance(Fact):
    """The project's benchmark in both checkouts, in turns; nothing else should run beside it."""

    workspace: Workspace
    base: Checkout
    head: Checkout
    project: ProjectFacts
    trusted: bool
    offline: bool = False
