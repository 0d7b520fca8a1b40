"""What every activity's contract says."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from ostinato.domain.base import Fact

In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityContract(Generic[In, Out]):
    name: str
    input: type[In]
    output: type[Out]
    start_to_close: timedelta
    heartbeat: timedelta = timedelta(seconds=20)
