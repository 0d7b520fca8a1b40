"""Temporal as seen from outside workflows: plugin, connection, embedded server, worker processes."""
