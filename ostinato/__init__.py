"""Ostinato: the coding run that cannot be lost, overspent, or merged unproven."""

__version__ = "0.1.0"
