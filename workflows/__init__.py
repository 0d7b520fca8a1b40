"""Orchestration only. Loaded by Temporal's sandbox; calls activities by contract."""

from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow

WORKFLOWS = (RunWorkflow, MergeWorkflow)
