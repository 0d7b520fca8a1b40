"""The seams: names, models, time limits and retries of every activity, workflow, signal, update and query."""
