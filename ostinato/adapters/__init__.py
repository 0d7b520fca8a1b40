"""The outside world: git, processes, tools, environments, the Temporal client. Adapters know the domain only."""
