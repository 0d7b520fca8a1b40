"""The six factors of complexity as a person reads them: value, weight and the facts behind each."""

from typing import TYPE_CHECKING

from ostinato.domain.complexity import WEIGHTS, facts_of

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.domain.classification import Classification

_BAR = 10


def factor_lines(found: "Classification") -> "list[Text]":
    """A line for each factor, after one that says what the score rests on."""
    from rich.text import Text

    from ostinato.cli.printable import printable

    facts = facts_of(found.readings, found.risk)
    head = f"  {found.complexity} ({found.complexity_score:.2f}), by {found.complexity_basis}, {found.complexity_confidence:.0%} sure"
    return [
        Text(head),
        *(
            Text.assemble(
                f"    {name.replace('_', ' '):<19}{value:.2f} ",
                (f"{'█' * round(value * _BAR):<{_BAR}}", "active"),
                (f" × {WEIGHTS[name]:.2f}  {printable('; '.join(facts[name]))}", "quiet"),
            )
            for name, value in found.factors.items()
        ),
    ]
