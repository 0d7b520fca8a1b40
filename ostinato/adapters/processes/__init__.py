"""Child processes: an allow-listed environment, a supervisor for each, and nothing left behind."""

from ostinato.adapters.processes.environment import clean_environment, environment_secrets
from ostinato.adapters.processes.failing import failure_of
from ostinato.adapters.processes.network import can_cut_network, offline_where_possible
from ostinato.adapters.processes.run import run_quiet, run_supervised
from ostinato.adapters.processes.spec import ProcessEnd, ProcessSpec, Quick
from ostinato.adapters.processes.strays import MARKER_VARIABLE, kill_strays
from ostinato.adapters.processes.streaming import Streamed, streaming

__all__ = (
    "MARKER_VARIABLE",
    "ProcessEnd",
    "ProcessSpec",
    "Quick",
    "Streamed",
    "can_cut_network",
    "clean_environment",
    "environment_secrets",
    "failure_of",
    "kill_strays",
    "offline_where_possible",
    "run_quiet",
    "run_supervised",
    "streaming",
)
