"""What runs inside workflows: calls by contract, the run's record, waiting for people, the loop over steps, going on elsewhere and later."""
