"""Gates that cannot be gamed: what a change did to its own judges. Pure; the facts come from an adapter."""

from ostinato.domain.integrity.asking import is_asked_for
from ostinato.domain.integrity.judging import allowed_configuration, find_weakenings, judge_integrity
from ostinato.domain.integrity.model import CODES, Change, FileChange, Weakening, Weight

__all__ = (
    "CODES",
    "Change",
    "FileChange",
    "Weakening",
    "Weight",
    "allowed_configuration",
    "find_weakenings",
    "is_asked_for",
    "judge_integrity",
)
