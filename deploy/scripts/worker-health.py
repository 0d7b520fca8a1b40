"""Exit code 0 when the worker of this home polls its queues."""

import os
import sys
from pathlib import Path

from ostinato.adapters.home import Home
from ostinato.adapters.temporal.workers import worker_status

status = worker_status(Home(Path(os.environ["OSTINATO_HOME"])))
sys.exit(0 if status is not None and status.ready else 1)
