"""Real coding agents against a scripted model. Needs their programs: OSTINATO_AGENT_CLIS names where npm and pip put them."""
