"""The parts of the twelve task types, in all strategies. Parts come after what they follow."""

from collections.abc import Mapping

from ostinato.domain.classification import TaskType
from ostinato.domain.planning.catalogue.building import BUILDING
from ostinato.domain.planning.catalogue.judging import JUDGING
from ostinato.domain.planning.catalogue.keeping import KEEPING
from ostinato.domain.planning.parts import Part

__all__ = ["TEMPLATES"]

TEMPLATES: Mapping[TaskType, tuple[Part, ...]] = {**BUILDING, **KEEPING, **JUDGING}
