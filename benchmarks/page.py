"""Writes docs/explanation/figures.md from what is kept in results/, so that no figure is copied by hand.

Command: python -m benchmarks.page
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.keeping import RESULTS
from tests.chaos.plan import MEANING, Kind
from tests.e2e.stack import ROOT

PAGE: Final = ROOT / "docs" / "explanation" / "figures.md"
GOAL_OF_TEN: Final = 300
MISSING: Final = "Not yet measured.\n"
HEAD: Final = """\
<!-- Made by benchmarks/page.py from benchmarks/results; measure again instead of editing. -->

# Figures

What was measured, how, and when. Read ratios before absolute times: the machine has few cores, and a difference under a tenth means
nothing. Each method stands at the top of its file in `benchmarks/`; each command checks that the work was done before it gives a
figure. Goals are named beside what was reached, also where they were missed.
"""


def main() -> None:
    parts = [f"## {title}\n\n{_part(name, render)}" for title, name, render in SECTIONS]
    PAGE.write_text("\n".join([HEAD, *parts]))


def _part(name: str, render: Callable[[Mapping[str, Any]], str]) -> str:
    file = RESULTS / f"{name}.json"
    if not file.exists():
        return MISSING
    figures = json.loads(file.read_text())
    source = f"[{name}.json](../../benchmarks/results/{name}.json)"
    return f"{render(figures)}\n{figures['date']}, {figures['cores']} cores, revision {figures.get('revision', '–')}; {source}.\n"


def _overhead(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{shape['steps']} steps of {shape['command_s']} s, {_at_once(shape['parallel'])}",
            f"{shape['bare_s']} s",
            f"{shape['ostinato_steps_s']} s",
            f"**{shape['ratio_steps']}**",
            f"{shape['ostinato_run_s']} s",
            shape["ratio_run"],
        )
        for shape in figures["by_shape"].values()
    ]
    checks = figures["checks"]
    return (
        "The same steps on the same server: a bare workflow whose activities run the command and commit, and Ostinato with everything "
        "that it does. Goal: 1.10 with commands of about a second.\n\n"
        + _table(("work", "bare", "steps", "ratio", "whole run", "ratio"), rows)
        + f"\nIn a chain Ostinato adds {_added(figures, 'chain_1s'):.0f} ms to each step; eight at once it adds "
        f"{_added(figures, 'parallel_1s'):.0f} ms, which on {figures['cores']} cores is "
        f"{_added(figures, 'parallel_1s') * figures['cores']:.0f} ms of a core. It is work and no waiting: a supervisor for the process "
        "tree, the worktree at the newest head, the scan for secrets, the commit and the result, the merge onto the branch, the push "
        "of the checkpoint. So the goal is missed where commands are short and more of them run at once than there are cores.\n"
        f"\nA cheap check takes {checks['normal_ms']} ms as an activity and {checks['local_ms']} ms as a local one.\n"
    )


def _added(figures: Mapping[str, Any], shape: str) -> float:
    return float(figures["by_shape"][shape]["overhead_ms_a_step"])


def _makespan(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            case["case"].replace("-", " "),
            f"{case['bound_s']} s ({case['bound_is']})",
            *(case["ratios"][way] for way in ("learned", "unknown", "levels")),
            case["no_op"]["steps_a_second"],
        )
        for case in figures["cases"]
    ]
    medians = figures["median_ratio"]
    rows.append(("**median**", "", *(f"**{medians[way]}**" for way in ("learned", "unknown", "levels")), ""))
    return (
        "Time of skewed graphs over the shortest possible time, max(critical path, work / cap). Goals: 1.05 with learned durations, 1.10 "
        "without, and a fifth less than batches by level.\n\n"
        + _table(("graph", "bound", "learned", "unknown", "levels", "no-op, steps a second"), rows)
        + f"\nWith learned durations {figures['learned_under_levels_pct']} % less time than by levels.\n"
    )


def _scheduling(figures: Mapping[str, Any]) -> str:
    rows = [
        (name.replace("_", " "), f"{plan['seconds']['median']} s", plan["nominal_makespan_over_bound"])
        for name, plan in figures["by_plan"].items()
    ]
    return "Pure code, a whole plan to its end. Goal: 10,000 steps in under a second.\n\n" + _table(
        ("plan", "time", "nominal makespan / bound"), rows
    )


def _restart(figures: Mapping[str, Any]) -> str:
    taken = figures["from_up_s"]
    row = [f"{taken[which]} s" for which in ("median", "best", "worst")]
    return (
        f"`kill -9` of the worker, {taken['samples']} times; from the start of `ostinato up` to the next command of a step. Goal: 3 s.\n\n"
        + _table(("median", "best", "worst"), [row])
    )


def _worktrees(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{pair['git_s']['median'] * 1000:.0f} ms",
            f"{pair['ostinato_s']['median'] * 1000:.0f} ms",
            pair["ratio"],
        )
        for name, pair in figures["work"].items()
    ]
    return f"{figures['files']:,} files; plain git commands that do the same beside it.\n\n" + _table(
        ("work", "git", "Ostinato", "ratio"), rows
    )


def _classifying(figures: Mapping[str, Any]) -> str:
    names = ("median", "p99", "worst")
    rows = [
        ("best of five passes", *(f"{figures['milliseconds'][name]} ms" for name in names)),
        ("every pass", *(f"{figures['every_pass'][name]} ms" for name in names)),
        ("loading the classifier", *(f"{figures['load_ms'][name]} ms" for name in names)),
    ]
    goal = figures["goal_ms"]
    return (
        f"{figures['requests']:,} requests, one after the other, warm. Goals: {goal['p99']} ms at the 99th percentile, "
        f"{goal['load']} ms to load.\n\n" + _table(("what", "median", "99th percentile", "worst"), rows)
    )


def _size(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            part["histories"],
            f"{part['events_most']:,}",
            f"{part['bytes_most'] // 1000:,} KB",
            f"{part['largest_event_bytes'] / 1000:.1f} KB",
            f"{part['replay_s']['median']} s",
        )
        for name, part in (("run", figures["run"]), ("shards", figures["shards"]))
    ]
    return (
        f"A plan of {figures['steps']:,} steps in one run: {figures['taken_s']} s, {figures['ms_a_step']} ms a step, the worker at most "
        f"{figures['worker_mb_most']} MB. Goals: replay of the run under 1 s, of a shard under 2 s, payloads under 50 KB.\n\n"
        + _table(("", "histories", "most events", "largest", "largest event", "replay of the longest"), rows)
    )


def _crowd(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            name.removeprefix("runs_"),
            f"{crowd['all_ended_s']} s",
            f"{crowd['longest_gap_of_a_run_s']['median']} s ({crowd['longest_gap_of_a_run_s']['worst']} s)",
            f"{crowd['worker_mb_most']} MB",
        )
        for name, crowd in figures.items()
        if name.startswith("runs_")
    ]
    return (
        "Runs of three steps of a second, all started at once on one worker. Goal: every run keeps progressing; under 300 MB with 50.\n\n"
        + _table(("runs", "all ended after", "a run's longest silence, median (worst)", "worker at most"), rows)
    )


def _gates(figures: Mapping[str, Any]) -> str:
    hand = f"{figures['by_hand_s']['median']} s"
    rows = [
        ("the head; the base was judged before", "once", hand, f"{figures['head_s']['median']} s", f"**{figures['head_over_by_hand']}**"),
        ("base and head, with the step", "once", hand, f"{figures['base_and_head_s']['median']} s", figures["base_and_head_over_by_hand"]),
        ("base and head, with the step", "twice", f"{figures['by_hand_s']['median'] * 2:.3f} s", f"{figures['base_and_head_s']['median']} s", f"**{figures['base_and_head_over_twice_by_hand']}**"),
    ]  # fmt: skip
    return (
        f"{figures['files']} Python files, {figures['tests']} tests; ruff, mypy, bandit, detect-secrets and pytest with coverage in one shell "
        f"line, in a fresh clone, once; and Ostinato's gates, with checkout, environment, commits and verdicts. Goal: {figures['goal']}. "
        "A person runs the tools once, at the head; the base is what tells new findings from old ones, and is judged once for all runs "
        f"from it. The machine had other work to do (load {figures['load_before']} before, {figures['load_after']} after): there, many "
        "processes side by side get more of it than one after the other, so the clock flatters the gates. Processor time does not: "
        f"**{figures['cpu_head_over_by_hand']}** for a whole run that judges the head, and "
        f"**{figures['cpu_base_and_head_over_twice_by_hand']}** for one that judges base and head over two passes by hand.\n\n"
        + _table(("judged", "by hand", "takes", "Ostinato", "ratio"), rows)
    )


def _chaos(figures: Mapping[str, Any]) -> str:
    rows = [
        (MEANING[Kind(kind)], row["trials"], row["passed"], _pair(row, "recovery"), _pair(row, "silence"))
        for kind, row in figures["by_fault"].items()
    ]
    rows.append(("**all**", f"**{figures['trials']}**", f"**{figures['passed']}**", "", ""))
    notes = "".join(f"\n{note}\n" for note in figures["notes"])
    return (
        f"Real runs that are broken at random moments (`{figures['command']}`, seed {figures['seed']}, {figures['duration_s'] // 60} minutes); "
        "what must hold afterwards stands in `tests/chaos/checks.py`.\n\n"
        + _table(
            ("fault", "trials", "passed", "next step after, median (worst)", "longest silence, median (worst)"), rows
        )
        + notes
    )


def _gateway(figures: Mapping[str, Any]) -> str:
    parts = (
        ("a model that answers at once", figures["model_at_once"]),
        ("a model that takes 0.2 s", figures["model_after_0.2_s"]),
        (f"{figures['agents_at_once']['agents']} agents at once", figures["agents_at_once"]),
    )
    rows = [
        (name, *(f"{first[side]['p50']} ms ({first[side]['p99']} ms)" for side in ("direct", "gateway", "added")))
        for name, part in parts
        if (first := part["first_byte_ms"])
    ]
    rates = figures["agents_at_once"]["requests_a_second"]
    return (
        f"Streamed requests of {figures['prompt_bytes'] // 1000} KB on loopback, one connection each. Goal: {figures['goal']}. The gateway "
        f"writes a line to the disk before each request ({figures['line_to_disk_ms']['p50']} ms, {figures['line_to_disk_ms']['p99']} ms) and "
        f"takes {figures['model_at_once']['gateway_cpu_ms_a_request']} ms of processor time for an answer of about ninety pieces; ten agents "
        f"get {rates['gateway']} answers a second through it, {rates['direct']} without. The machine had other work to do (load "
        f"{figures['load_before']}).\n\n"
        + _table(("first byte of", "direct, median (99th percentile)", "gateway", "added"), rows)
    )


def _agents(figures: Mapping[str, Any]) -> str:
    shown = (("an agent that only writes a file", "ours_a_step"), ("Claude Code, scripted model", "claude_a_step"))
    rows = [
        (name, f"{part['by_hand_ms']:,} ms", f"{part['ostinato_ms']:,} ms", f"{part['added_ms']:,} ms")
        for name, key in shown
        if (part := figures.get(key))
    ]
    ten = figures["ten_at_once"]
    told = (
        f"A chain of {figures['steps']} steps, each by the agent, against the same by hand with `git commit`. What is added: the account "
        f"and the budget are asked, a worktree and a repository of its own made, its claim proved, the commit scanned, integrated and "
        f"pushed.\n\n{_table(('a step by', 'by hand', 'with Ostinato', 'added'), rows)}\n"
        f"Ten agents at once: {ten['ours_mb_most']} MB of ours (goal: {GOAL_OF_TEN} MB), {ten['processes_left']} processes left afterwards.\n"
    )
    if kill := figures.get("kill"):
        told += (
            f"\nThe worker killed with SIGKILL in the middle of a step of Claude Code that takes {kill['tokens_undisturbed']:,} tokens: "
            f"{kill['tokens_lost_by_resuming']:,} tokens are lost where its session is resumed, {kill['tokens_lost_by_redoing']:,} where the "
            f"step is redone.\n"
        )
    return told


def _first_run(figures: Mapping[str, Any]) -> str:
    rows = [
        ("the demo", f"{figures['demo_s']} s"),
        ("a simple run", f"{figures['simple_run_s']} s"),
        ("memory of the worker", f"{figures['worker_rss_mb']} MB"),
    ]
    return "From words to a proven branch, once installed.\n\n" + _table(("what", "takes"), rows)


SECTIONS: Final[Sequence[tuple[str, str, Callable[[Mapping[str, Any]], str]]]] = (
    ("Overhead beside a bare workflow", "overhead", _overhead),
    ("Makespan over the lower bound", "makespan", _makespan),
    ("Scheduling", "scheduling", _scheduling),
    ("Restart to next step", "restart", _restart),
    ("Worktrees and integration", "worktrees", _worktrees),
    ("Giving a request its type", "classifying", _classifying),
    ("Two thousand steps", "size", _size),
    ("Many runs at once", "crowd", _crowd),
    ("Gates beside the same tools by hand", "gates", _gates),
    ("Chaos", "chaos", _chaos),
    ("Steps by coding agents", "agents", _agents),
    ("The gateway before a model", "gateway", _gateway),
    ("The whole job", "first_run", _first_run),
)


def _pair(row: Mapping[str, Any], name: str) -> str:
    median, worst = row[f"{name}_median_s"], row[f"{name}_worst_s"]
    return "–" if median is None else f"{median} s ({worst} s)"


def _at_once(parallel: int) -> str:
    return "one after the other" if parallel == 1 else f"{parallel} at once"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    main()
