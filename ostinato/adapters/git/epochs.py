"""Who may change a run's refs in a shared repository: a lease there, whose epoch each new owner raises."""

import re
from dataclasses import dataclass, replace

from ostinato.domain.ids import RunId, run_ref

_TEXT = re.compile(r"epoch (\d+)\nseq (\d+)\nowner (.*)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Every push of its owner moves it on by compare-and-swap, so that it fails after another one has raised the epoch."""

    epoch: int
    owner: str
    seq: int = 0

    @property
    def text(self) -> str:
        return f"epoch {self.epoch}\nseq {self.seq}\nowner {self.owner}\n"

    def after(self, there: "Lease | None") -> "Lease":
        return replace(self, seq=there.seq + 1 if there else 1)

    def is_barred_by(self, there: "Lease | None") -> bool:
        """A later epoch has begun, or another owner was quicker to begin this one."""
        return there is not None and there.epoch >= self.epoch and not self.is_same(there)

    def is_same(self, there: "Lease | None") -> bool:
        return there is not None and (there.epoch, there.owner) == (self.epoch, self.owner)


def parse_lease(text: str) -> Lease | None:
    found = _TEXT.fullmatch(text)
    return Lease(epoch=int(found[1]), seq=int(found[2]), owner=found[3]) if found else None


def lease_ref(run_id: RunId) -> str:
    return run_ref(run_id, "lease")
