"""One module for each command: EXAMPLES, VARIABLES, declare(parser), execute(call)."""
