"""Options that several commands share. Light: help must not wait for the models."""

import argparse
from typing import Final

from ostinato.reading import MAX_PARALLEL
from ostinato.settings import INTERACTIONS

TASK_TYPES: Final = (
    "code_implementation", "bug_fix", "refactoring", "testing", "documentation", "code_review", "security_audit",
    "performance_optimization", "deployment", "research", "ui_design", "maintenance",
)  # fmt: skip
RISKS: Final = ("low", "medium", "high")
MAX_NOTE_CHARS: Final = 4_000
"""As ostinato.domain.decisions has it, which help must not wait for."""
RUN_VARIABLES: Final = (
    "OSTINATO_HOME", "OSTINATO_INTERACTION", "OSTINATO_MAX_PARALLEL", "OSTINATO_CHECKPOINT_REMOTE",
    "OSTINATO_TAKEOVER_AFTER", "OSTINATO_PAYLOADS", "TEMPORAL_ADDRESS",
)  # fmt: skip


def declare_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's id, or any unique beginning of it")


def declare_note(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--note", default="", metavar="TEXT", type=_note, help="a remark to keep with the answer")


def _note(text: str) -> str:
    if len(text) > MAX_NOTE_CHARS:
        raise argparse.ArgumentTypeError(f"{len(text):,} characters are too many: at most {MAX_NOTE_CHARS:,}")
    return as_utf8(text)


def as_utf8(text: str) -> str:
    """Words of the command line as UTF-8, also where the locale says otherwise and Python escaped them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def declare_repository(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", default=".", metavar="PATH", help="a git repository, or a folder in one")


def declare_work(parser: argparse.ArgumentParser) -> None:
    """What `run`, `start` and `plan` take."""
    parser.add_argument("request", metavar="REQUEST", nargs="?", help="what you want, in any language; - reads stdin")
    declare_repository(parser)
    parser.add_argument("--definition", metavar="FILE", help="a workflow definition (YAML or JSON) to use as the plan")
    parser.add_argument("--template", metavar="T", help="a workflow template to use as the plan; see: templates list")
    parser.add_argument(
        "--param", metavar="K=V", action="append", default=[], help="an input of the definition or template"
    )
    parser.add_argument(
        "--context", metavar="FILE", action="append", default=[], help="what another run left; see: context --export"
    )
    parser.add_argument("--type", choices=TASK_TYPES, metavar="TYPE", help="the task type: " + ", ".join(TASK_TYPES))
    parser.add_argument(
        "--risk", choices=RISKS, metavar="RISK",
        help="the least risk: " + ", ".join(RISKS) + "; with --because also the most, but critical only goes down to high",
    )  # fmt: skip
    parser.add_argument("--because", metavar="WHY", type=_note, help="why the risk is not what the policy finds")
    parser.add_argument("--mode", metavar="M", help="the behavioural mode (default: chosen by the task type)")
    parser.add_argument(
        "--interaction", choices=INTERACTIONS,
        help="how often to ask: minimal, checkpoint, collaborative (default: minimal)",
    )  # fmt: skip
    parser.add_argument(
        "--max-parallel", metavar="N", type=int, help=f"steps at the same time, 1 to {MAX_PARALLEL} (default: 5)"
    )
    declare_limits(parser)
    parser.add_argument(
        "--agent", metavar="NAME", action="append", default=[],
        help="a coding agent that steps are given to, as NAME or NAME:MODEL; again for more; person for none",
    )  # fmt: skip
    parser.add_argument("--deadline", metavar="WHEN", help="end by then: 90s, 30m, 2h, 1d, or 2030-01-31T18:00Z")
    parser.add_argument("--base", metavar="REF", help="branch, tag or commit to start from (default: HEAD)")
    parser.add_argument("--id", metavar="ID", help="the run's id; starting the same id again returns the first run")
    parser.add_argument("--yes", action="store_true", help="approve in advance what policy lets be approved")
    parser.add_argument("--include-dirty", action="store_true", help="carry uncommitted work along as the first commit")
    parser.add_argument("--trust", action="store_true", help="let the repository's own code run, and remember it")


def declare_limits(parser: argparse.ArgumentParser, default: str = "any") -> None:
    """What a run may spend."""
    for name, metavar, what in (
        ("tokens", "N", "tokens it may spend, such as 200k"),
        ("usd", "X", "dollars it may spend, such as 2.50"),
    ):
        parser.add_argument(f"--max-{name}", metavar=metavar, help=f"the most {what} (default: {default})")
