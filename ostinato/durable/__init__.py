"""What runs inside workflows: calls by contract, the run's record, waiting for people, the frontier of steps."""
