"""Orchestration only. Each module is loaded alone by Temporal's sandbox, so nothing is imported here."""
