"""What a run may write and start: policies, the strictest of several, and a plan or a change held against one. Pure."""

import fnmatch
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Literal, TypeVar

from ostinato.domain.base import Fact
from ostinato.domain.errors import UserError
from ostinato.domain.gates import SHOWN_FINDINGS, Finding, GateResult, Level, Severity, Stage, Status
from ostinato.domain.globs import is_pattern, matches, meet
from ostinato.domain.plan import CommandAction, GroupAction, Plan, Step, ToolAction
from ostinato.domain.tools import TOOLS

GATE = "permissions"
_SHELLS = ("sh", "bash", "dash", "zsh", "ash", "ksh")
_WRAPPERS = (
    "env",
    "sudo",
    "doas",
    "nice",
    "nohup",
    "time",
    "exec",
    "command",
    "timeout",
    "stdbuf",
    "setsid",
    "xargs",
    "ionice",
)
_OPAQUE = re.compile(r"\$\(|`|<\(|>\(|\beval\b|\$\{?\w+\}?\s*$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
MAX_DEPTH = 5
Listed = TypeVar("Listed", str, tuple[str, ...])


class Network(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


class Policy(Fact):
    """Empty, it allows everything. Every list of what is allowed must allow a thing, and no denial may meet it."""

    write: tuple[tuple[str, ...], ...] = ()
    deny_write: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    """Patterns of whole command lines: `pytest *`, `make test`. A single word allows it with any arguments."""
    deny_commands: tuple[str, ...] = ()
    network: Network = Network.ALLOW

    @property
    def says_nothing(self) -> bool:
        return self == Policy()

    def may_write(self, path: str) -> bool:
        return all(any(_covers(glob, path) for glob in allowed) for allowed in self.write) and not any(
            _covers(glob, path) for glob in self.deny_write
        )


def stricter(one: Policy, other: Policy) -> Policy:
    """Allows what both allow, and nothing else."""
    return Policy(
        write=_each_once((*one.write, *other.write)),
        deny_write=_each_once((*one.deny_write, *other.deny_write)),
        commands=_each_once((*one.commands, *other.commands)),
        deny_commands=_each_once((*one.deny_commands, *other.deny_commands)),
        network=Network.DENY if Network.DENY in (one.network, other.network) else Network.ALLOW,
    )


class Violation(Fact):
    step: str
    what: str
    kind: Literal["write", "command", "network"]
    certain: bool = True
    """False: it depends on what the step does; the change is checked afterwards."""


def plan_violations(policy: Policy, plan: Plan) -> tuple[Violation, ...]:
    """What the plan says that it will write and start. What a command does beyond its own line cannot be seen here."""
    return tuple(found for step in _all_steps(plan.steps) for found in _step_violations(policy, step))


def permissions_gate(
    policy: Policy, plan: Plan, *, can_cut_network: bool, online_agents: Sequence[str] = ()
) -> GateResult:
    """Before anything runs. `online_agents`: of the run's, those whose own commands nothing keeps from the network."""
    if policy.says_nothing:
        return _gate(Stage.PRE, Status.PASS, "permissions_open", "no policy limits what the run may do")
    found = plan_violations(policy, plan)
    certain = [each for each in found if each.certain]
    if certain:
        return _gate(
            Stage.PRE, Status.FAIL, "permission_denied", f"the policy forbids it: {_shown(certain)}",
            "Change the plan, or the [policy] in .ostinato/config.toml or in your own config.toml", _findings(found),
        )  # fmt: skip
    runs = [step.id for step in _all_steps(plan.steps) if _starts_processes(step)]
    if policy.network is Network.DENY and runs and not can_cut_network:
        return _gate(
            Stage.PRE, Status.WARN, "network_not_enforced",
            f"the policy denies the network, and nothing here can keep {', '.join(runs[:3])} from it",
            "Run the worker where `unshare --user --net` works, or in a container without a network", _findings(found),
        )  # fmt: skip
    if policy.network is Network.DENY and online_agents:
        return _gate(
            Stage.PRE, Status.WARN, "network_not_enforced",
            "the policy denies the network: tools for it are taken away, but nothing here can keep it from the commands "
            f"that these agents start: {', '.join(online_agents)}",
            "Keep agents in a sandbox: OSTINATO_SANDBOX=on", _findings(found),
        )  # fmt: skip
    if found:
        return _gate(
            Stage.PRE, Status.WARN, "permissions_unsure", f"not known before it runs: {_shown(found)}",
            "What is written is checked on the commit; state `writes` to know it before", _findings(found),
        )  # fmt: skip
    return _gate(Stage.PRE, Status.PASS, "permissions_kept", "the plan stays within the policy")


def refuse_forbidden(policy: Policy, step: Step) -> None:
    """Of a step as it will really run, which may differ from what the plan showed; raises UserError."""
    certain = [each for each in _step_violations(policy, step) if each.certain] if not policy.says_nothing else []
    if certain:
        cure = "Change the step, or the [policy] in .ostinato/config.toml or in your own config.toml"
        raise UserError.of("permission_denied", step.id, f"the policy forbids it: {_shown(certain)}", cure)


def change_gate(policy: Policy, paths: Sequence[str], *, commit: str = "", tree: str = "") -> GateResult:
    """After the last step: what was really changed."""
    outside = [path for path in paths if not policy.may_write(path)]
    if not outside:
        said = (
            "no policy limits what may be written" if policy.says_nothing else "nothing was written outside the policy"
        )
        gate = _gate(Stage.POST, Status.PASS, "permissions_kept", said)
    else:
        findings = tuple(
            Finding(
                tool="ostinato",
                rule="write_denied",
                path=path,
                message="the policy forbids writing here",
                level=Level.ERROR,
            )
            for path in outside
        )
        more = f" and {len(outside) - 5} more" if len(outside) > 5 else ""
        gate = _gate(
            Stage.POST, Status.FAIL, "write_denied", f"written where the policy forbids it: {', '.join(outside[:5])}{more}",
            "Take these changes back, or allow the paths in the [policy]", findings,
        )  # fmt: skip
    return gate.model_copy(update={"commit": commit, "tree": tree})


def may_run(policy: Policy, argv: Sequence[str]) -> bool:
    """Every command that the line visibly starts. A line that hides some passes an allow-list only as a whole."""
    return _refusal(policy, argv) == ""


def common_patterns(lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What all lists of commands allow, as one list for whoever knows only one: never more, and less where in doubt."""
    found = [
        pattern
        for at, patterns in enumerate(lists)
        for pattern in patterns
        if all(any(_allows_all_of(each, pattern) for each in other) for other in (*lists[:at], *lists[at + 1 :]))
    ]
    return tuple(dict.fromkeys(found)) if lists else ("*",)


def _allows_all_of(outer: str, inner: str) -> bool:
    """Whether each command that fits the inner pattern fits the outer one; only what surely is."""
    if inner == outer or outer == "*":
        return True
    wanted, has_arguments, arguments = outer.strip().partition(" ")
    name, _, given = inner.strip().partition(" ")
    if any(sign in outer for sign in "?[") or not fnmatch.fnmatchcase(name, wanted):
        return False
    return not has_arguments or arguments == "*" or (bool(given) and fnmatch.fnmatchcase(given, arguments))


def commands_of(argv: Sequence[str], depth: int = 0) -> tuple[tuple[str, ...], ...]:
    """The simple commands that are visible in an argv: inside `sh -c`, after `env` and its like, between `&&` and `|`."""
    words = tuple(argv)
    if depth >= MAX_DEPTH or not words:
        return (words,) if words else ()
    name = PurePosixPath(words[0]).name
    if name in _SHELLS:
        script = next((words[at + 1] for at, word in enumerate(words[:-1]) if re.fullmatch(r"-\w*c", word)), None)
        return _of_script(script, depth + 1) if script is not None else (words,)
    if _ASSIGNMENT.match(words[0]) or name in _WRAPPERS:
        rest = words[1:]
        while rest and (
            rest[0].startswith("-") or _ASSIGNMENT.match(rest[0]) or re.fullmatch(r"\d+(\.\d+)?[smh]?", rest[0])
        ):
            rest = rest[1:]
        inner = commands_of(rest, depth + 1)
        return inner if _ASSIGNMENT.match(words[0]) else (words, *inner)
    return (words,)


def _of_script(script: str, depth: int) -> tuple[tuple[str, ...], ...]:
    lexer = shlex.shlex(script.replace("\n", " ; "), posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found: list[tuple[str, ...]] = []
    words: list[str] = []
    try:
        for word in (*lexer, ";"):
            if word and set(word) <= set(";&|()"):
                found += commands_of(words, depth) if words else ()
                words = []
            elif word not in ("then", "do", "else", "if", "while", "until", "!", "{", "}", "fi", "done"):
                words.append(word)
    except ValueError:
        return ((script,),)
    return tuple(found)


def _refusal(policy: Policy, argv: Sequence[str]) -> str:
    """Why a command may not be started; empty when it may."""
    simple = commands_of(argv)
    line = shlex.join(argv)
    for pattern in policy.deny_commands:
        if any(_is_command(pattern, command) for command in simple):
            return f"`{pattern}` is denied"
    for allowed in policy.commands:
        script = argv[-1] if argv else ""
        if script in allowed or line in allowed:
            continue
        if _OPAQUE.search(script):
            return "what it starts cannot be seen, and only some commands are allowed"
        strange = [command for command in simple if not any(_is_command(each, command) for each in allowed)]
        strange = [command for command in strange if PurePosixPath(command[0]).name not in _WRAPPERS]
        if strange:
            return f"`{shlex.join(strange[0])[:80]}` is not among the allowed commands"
    return ""


def _is_command(pattern: str, command: Sequence[str]) -> bool:
    """A pattern of one word is a program; of more, a whole line."""
    name = PurePosixPath(command[0]).name
    if " " not in pattern.strip():
        return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(command[0], pattern)
    line = " ".join(command[1:])
    wanted, _, arguments = pattern.strip().partition(" ")
    return (fnmatch.fnmatchcase(name, wanted) or fnmatch.fnmatchcase(command[0], wanted)) and (
        fnmatch.fnmatchcase(line, arguments)
        or (arguments.endswith(" *") and line == arguments[:-2])
        or (arguments == "*")
    )


def _step_violations(policy: Policy, step: Step) -> Iterator[Violation]:
    if isinstance(step.action, CommandAction):
        refusal = _refusal(policy, step.action.argv or ("/bin/sh", "-c", step.action.shell))
        if refusal:
            yield Violation(step=step.id, what=refusal, kind="command")
    for line in step.checks:
        if refusal := _refusal(policy, ("/bin/sh", "-c", line)):
            yield Violation(step=step.id, what=f"its check: {refusal}", kind="command")
    if step.writes is None:
        if _may_write(step) and (policy.write or policy.deny_write):
            yield Violation(step=step.id, what="it does not say what it writes", kind="write", certain=False)
        return
    for glob in step.writes:
        if what := _glob_refusal(policy, glob):
            yield Violation(step=step.id, what=what[0], kind="write", certain=what[1])


def _glob_refusal(policy: Policy, glob: str) -> tuple[str, bool] | None:
    """(why, whether it is certain) a claim goes beyond the policy."""
    if not is_pattern(glob):
        return None if policy.may_write(glob) else (f"it writes {glob}", True)
    for allowed in policy.write:
        if not any(meet(glob, other) for each in allowed for other in _with_inside(each)):
            return f"it writes {glob}", True
        if not any(_holds(each, glob) for each in allowed):
            return f"it may write outside what is allowed: {glob}", False
    for denied in policy.deny_write:
        if _holds(denied, glob):
            return f"it writes {glob}", True
        if any(meet(glob, other) for other in _with_inside(denied)):
            return f"it may write {denied}, with {glob}", False
    return None


def _holds(outer: str, inner: str) -> bool:
    """Whether every match of the inner glob matches the outer one; when in doubt, no."""
    if outer in ("**", inner):
        return True
    folder = outer.removesuffix("/**") if outer.endswith("/**") else outer
    return not is_pattern(folder) and inner.startswith(f"{folder.rstrip('/')}/")


def _covers(glob: str, path: str) -> bool:
    return any(matches(each, path) for each in _with_inside(glob))


def _with_inside(glob: str) -> tuple[str, ...]:
    """A plain path is a file, or a folder with everything in it."""
    bare = glob.rstrip("/")
    return (glob,) if is_pattern(bare) else (bare, f"{bare}/**")


def _all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step.action, GroupAction):
            yield from _all_steps(step.action.body)
            yield from _all_steps((step.action.reduce,) if step.action.reduce else ())


def _may_write(step: Step) -> bool:
    if isinstance(step.action, ToolAction):
        tool = TOOLS.get(step.action.tool)
        return tool is None or tool.writes
    return step.action.kind in ("command", "agent")


def _starts_processes(step: Step) -> bool:
    return step.action.kind in ("command", "agent") or (
        isinstance(step.action, ToolAction) and (tool := TOOLS.get(step.action.tool)) is not None and tool.runs_code
    )


def _each_once(values: tuple[Listed, ...]) -> tuple[Listed, ...]:
    return tuple(sorted(set(values)))


def _shown(found: Sequence[Violation]) -> str:
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(f"{each.step}: {each.what}" for each in found[:3]) + more


def _findings(found: Sequence[Violation]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            tool="ostinato", rule=f"{each.kind}_denied" if each.certain else f"{each.kind}_unsure", path="",
            message=f"{each.step}: {each.what}", level=Level.ERROR if each.certain else Level.WARNING,
        )
        for each in found
    )  # fmt: skip


def _gate(
    stage: Stage, status: Status, code: str, message: str, recommendation: str = "", findings: tuple[Finding, ...] = ()
) -> GateResult:
    return GateResult(
        gate=GATE,
        stage=stage,
        status=status,
        severity=Severity.CRITICAL if status is Status.FAIL else Severity.MAJOR,
        code=code,
        message=message,
        recommendation=recommendation,
        introduced=findings[:SHOWN_FINDINGS],
        introduced_count=len(findings),
        details="\n".join(str(finding) for finding in findings[:SHOWN_FINDINGS]),
    )
