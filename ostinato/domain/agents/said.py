"""What an agent's last words claim to have made: files, commits, branches, pushes. Cautious: what is only mentioned is no claim."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ostinato.domain.base import Fact

MOST_FILES = 200
MOST_COMMITS = 50
MOST_READ = 40_000

_MADE = re.compile(
    r"\b(?:added|adjusted|amended|built|changed|corrected|created|edited|extended|fixed|generated|implemented|"
    r"introduced|made|modified|patched|refactored|replaced|rewrote|rewritten|saved|touched|updated|wrote|written|new file)\b"
    r"|\(new\)",
    re.IGNORECASE,
)
_TAKEN = re.compile(r"\b(?:delet|remov|renam|mov|drop|revert|restor)\w*\b", re.IGNORECASE)
_NOT_MADE = re.compile(
    r"\b(?:not|never|no|nothing|none|without|cannot|could|should|would|might|may|will|want|next|todo|later|please|"
    r"unable|suggest\w*|recommend\w*|consider|instead of|if|you can|let me|let's|going to|plan(?:ned)? to)\b|n['’]t\b",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^\W*(?:[\w ,/()-]*\b(?:changes|changed|created|added|modified|updated|edited|written|touched)\b[\w ,/()-]*)\W*:?\W*$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*+•|]|\d+[.)])\s+")
_RULE = re.compile(r"[\s|:=-]+")
_SENTENCES = re.compile(r"(?<=[.!?;]) +")
_CLAUSES = re.compile(r", | and | but | so that ")
_QUOTED = re.compile(r"`([^`\n]{1,300})`|\[[^\]\n]*\]\(([^)\s]{1,300})\)")
_BARE = re.compile(r"(?<![\w/.@:-])((?:\.{0,2}/)?(?:[\w.@+-]+/)*[\w.@+-]*\w\.\w{1,12})(?![\w/(-])")
_AT_LINE = re.compile(r"(?::\d+(?:[-:]\d+)?|#L\d+(?:-L?\d+)?|::.*)$")
_COMMIT = re.compile(r"\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}\b")
_OF_COMMITS = re.compile(r"\bcommit(?:s|ted|ting)?\b|\bsha\b|\brevision\b", re.IGNORECASE)
_BRANCH = re.compile(r"\bbranch(?: (?:named|called))? [`\"']([\w./-]{1,200})[`\"']", re.IGNORECASE)
_PUSHED = re.compile(r"\b(?:pushed|opened (?:a |the )?(?:pull|merge) request|opened (?:a )?PR)\b", re.IGNORECASE)
_FILE_KINDS = """
bash c cc cfg cpp cs css csv env gradle go graphql h hpp html ini ipynb java js json jsx kt less lock lua md mjs mk php pl
proto py pyi pyx rb rs rst sass scala scss sh sql svelte svg swift tf toml ts tsx txt vue xml yaml yml
"""
_KINDS = frozenset(_FILE_KINDS.split())
_LONGEST_HEADING = 120
_LONGEST_LINE = 2_000


class Said(Fact):
    files: tuple[str, ...] = ()
    """That should be there now; relative to the worktree where they lie in it. At most 200."""
    commits: tuple[str, ...] = ()
    """Ids, short or whole. At most 50."""
    branches: tuple[str, ...] = ()
    pushed: bool = False


def said_in(answer: str, *, tree: str = "") -> Said:
    """`tree`: the worktree's path, which agents like to name in full."""
    lines = list(_claiming(answer[-MOST_READ:]))
    files = dict.fromkeys(path for line in lines for path in _paths(line, tree))
    told = [line for line in answer[-MOST_READ:].splitlines() if not _NOT_MADE.search(line)]
    commits = dict.fromkeys(found for line in told if _OF_COMMITS.search(line) for found in _COMMIT.findall(line))
    branches = dict.fromkeys(found for line in told for found in _BRANCH.findall(line))
    return Said(
        files=tuple(files)[:MOST_FILES],
        commits=tuple(commits)[:MOST_COMMITS],
        branches=tuple(branches)[:MOST_COMMITS],
        pushed=any(_PUSHED.search(line) for line in told),
    )


def _claiming(answer: str) -> Iterator[str]:
    """Clauses that say that something was made, and the items of a list under a heading that says so."""
    under_heading = in_code = False
    for line in (each[:_LONGEST_LINE] for each in answer.splitlines()):
        if line.lstrip().startswith("```"):
            in_code = not in_code
            continue
        if in_code or not line.strip() or _RULE.fullmatch(line):
            continue
        is_item = bool(_BULLET.match(line))
        if not is_item:
            under_heading = _is_heading(line)
        for sentence in _SENTENCES.split(line):
            yield from _claiming_clauses(sentence, is_item and under_heading)


def _claiming_clauses(sentence: str, is_claiming: bool) -> Iterator[str]:
    """A clause without a word for it goes on as the one before."""
    for clause in _CLAUSES.split(sentence):
        if _NOT_MADE.search(clause) or _TAKEN.search(clause):
            is_claiming = False
        elif _MADE.search(clause):
            is_claiming = True
        if is_claiming:
            yield clause


def _is_heading(line: str) -> bool:
    return len(line) <= _LONGEST_HEADING and bool(_HEADING.match(line)) and not _NOT_MADE.search(line)


def _paths(clause: str, tree: str) -> Iterator[str]:
    quoted = [one or other for one, other in _QUOTED.findall(clause)]
    for word in (*quoted, *_BARE.findall(_QUOTED.sub(" ", clause))):
        if path := _path(word, tree):
            yield path


def _path(word: str, tree: str) -> str:
    """Empty where it is no path of a file."""
    word = _AT_LINE.sub("", word.strip().rstrip(".,;:"))
    if not re.fullmatch(r"[\w./@+-]+", word) or word.startswith("-") or "://" in word or word.endswith("/"):
        return ""
    suffix = PurePosixPath(word).suffix[1:].lower()
    if suffix not in _KINDS:
        return ""
    if tree and word.startswith(f"{tree.rstrip('/')}/"):
        word = word[len(tree.rstrip("/")) + 1 :]
    return word.removeprefix("./")
