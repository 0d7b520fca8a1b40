"""What a run may use and has used: the spend ledger (tokens, money, requests) and the context ledger. Pure."""
