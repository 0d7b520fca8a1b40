"""Pure and deterministic: models and decisions. Time, ids and jitter are arguments."""
