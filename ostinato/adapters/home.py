"""Where runtime state lives: every path under OSTINATO_HOME, named once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ostinato.domain.ids import RunId


@dataclass(frozen=True, slots=True)
class Home:
    """Paths only; nothing is created by asking for one."""

    root: Path
    shared_payloads: Path | None = None
    """Where several homes keep what is too big for a history; None: in this one."""

    @property
    def payloads(self) -> Path:
        """Payloads too big for a history, a folder for each workflow."""
        return self.shared_payloads or self.root / "payloads"

    @property
    def server(self) -> Path:
        """Embedded server: database, log, address."""
        return self.root / "server"

    @property
    def worker(self) -> Path:
        return self.root / "worker"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def results(self) -> Path:
        """One JSON file for each closed run."""
        return self.root / "results"

    @property
    def in_flight(self) -> Path:
        """One record for each activity that a worker of this home is running."""
        return self.root / "in-flight"

    @property
    def toolbox(self) -> Path:
        return self.root / "toolbox"

    @property
    def baselines(self) -> Path:
        return self.root / "baselines"

    @property
    def quarantine(self) -> Path:
        """Worktrees that held a secret: kept for a person, out of git."""
        return self.root / "quarantine"

    @property
    def corrections(self) -> Path:
        """Types that people stated, one a line."""
        return self.root / "classifier" / "corrections.jsonl"

    @property
    def calibration(self) -> Path:
        """What `refit` made of them."""
        return self.root / "classifier" / "calibration.json"

    @property
    def model_answers(self) -> Path:
        """What language models answered, by the hash of what they were asked."""
        return self.root / "classifier" / "answers"

    @property
    def trust_file(self) -> Path:
        return self.root / "trust.json"

    def repository(self, repository_id: str) -> Path:
        return self.root / "repos" / repository_id

    def run(self, run_id: RunId) -> Path:
        return self.root / "runs" / run_id

    @property
    def queue(self) -> str:
        """Task queue for work on this home's files; the same after every restart."""
        return "ostinato-ws-" + hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:12]
