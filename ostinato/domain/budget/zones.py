"""How near the end of a budget is: green, yellow, red. Pure."""

from enum import StrEnum
from typing import Final

YELLOW_FROM: Final = 0.75
RED_ABOVE: Final = 0.85


class Zone(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def zone_of(share: float) -> Zone:
    """Green under 75 %, yellow to 85 %, red above."""
    if share < YELLOW_FROM:
        return Zone.GREEN
    return Zone.YELLOW if share <= RED_ABOVE else Zone.RED
