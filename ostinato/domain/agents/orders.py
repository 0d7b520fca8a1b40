"""What one execution of a step asks of a coding agent, and what is kept of who did it. Pure."""

from ostinato.domain.agents.limits import AgentLimits
from ostinato.domain.base import Fact
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms
from ostinato.domain.prompting.composing import Item
from ostinato.domain.prompting.templates import TurnName
from ostinato.domain.relevance import StepContext
from ostinato.domain.resources import Activation
from ostinato.domain.staff import GivenNote


class Permitted(Fact):
    """Of what an agent asks permission for."""

    commands: tuple[str, ...] = ("*",)
    """Patterns of command lines that all lists of the policy allow; empty: none."""
    lists: tuple[tuple[str, ...], ...] = ()
    """The policy's own: a command has to be on each of them."""
    denied: tuple[str, ...] = ()
    """Patterns that no command may fit, whoever allows it."""
    network: bool = True


class AgentOrder(Fact):
    agent: str
    session: str
    """Whose session it is: the step's own id, or that of the step it continues."""
    limits: AgentLimits = AgentLimits()
    metered: Metered | None = None
    account: str = ""
    terms: Terms | None = None
    """What its model's tokens are reckoned by where nobody else counts their money."""
    described: str = ""
    """By a trusted repository, as JSON."""
    turn: TurnName = TurnName.FIRST
    """What a session that is there is gone on with."""
    received: StepContext = StepContext()
    """What others left for it."""
    lifted: tuple[Item, ...] = ()
    """What its prompt refers to."""
    activation: Activation | None = None
    """Mode and skills; their texts are read where the files are."""
    criteria: tuple[str, ...] = ()
    findings: tuple[Item, ...] = ()
    """Why it is done once more."""
    level: int = 0
    """Of the prompt's shares: how much of what is not the task itself is left out."""
    notes: tuple[GivenNote, ...] = ()
    anew: bool = False
    """In a fresh worktree at the checkpoint, in the same session where there is one."""
    is_more: bool = False
    """The execution before this one used up its lease alone, and goes on here: its time and its rounds count."""
    moved: bool = False
    """Another worker had begun it, and is gone."""
    allowed: Permitted = Permitted()
