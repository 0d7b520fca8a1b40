"""Patterns of commands that are denied, as agents take them that have deny rules with wildcards."""


def as_rules(pattern: str) -> tuple[str, ...]:
    """A single word is a program: with any arguments, and by whatever path it is called."""
    pattern = pattern.strip()
    whole = (pattern,) if " " in pattern else (pattern, f"{pattern} *")
    return (*whole, *(f"*/{each}" for each in whole if not each.startswith(("*", "/"))))
