"""Risk is policy: what is touched, by a table; it only ever rises, and no phrase of the table yields low."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from ostinato.domain.classification import Classification, Lowering, Risk, TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.evidence import DiffFacts
from ostinato.domain.evidence.places import is_prose, is_test
from ostinato.domain.plan import Plan
from ostinato.domain.risk_policy import CHANGES, CHANGING, FLOOR, POLICY, TALKING, ChangeRule, RiskRule

ORDER = (Risk.LOW, Risk.MEDIUM, Risk.HIGH, Risk.CRITICAL)
_SOFTENED = {Risk.CRITICAL: Risk.HIGH, Risk.HIGH: Risk.MEDIUM, Risk.MEDIUM: Risk.MEDIUM, Risk.LOW: Risk.LOW}
"""One step down where a matter is only written or asked about; never to low."""
LEAST = {**dict.fromkeys(Risk, Risk.LOW), Risk.CRITICAL: Risk.HIGH}
"""As low as a person may take each risk: what was critical is asked about all the same."""
_FLAGS = re.IGNORECASE | re.DOTALL
_WORDS = {rule.name: re.compile(rule.words or r"(?!)", _FLAGS) for rule in POLICY}
_SEQUENCES = {
    rule.name: tuple((re.compile(first, _FLAGS), re.compile(then, _FLAGS)) for first, then in rule.sequences)
    for rule in POLICY
}
_TALKING = tuple((touch, re.compile(pattern, re.IGNORECASE)) for touch, pattern in TALKING.items())
_CHANGING = re.compile(CHANGING, re.IGNORECASE)
_CLAUSE = re.compile(r"(?<=[.!?;])\s+|\n+")
_NAME = re.compile(r"[\w.\-/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    risk: Risk
    reasons: tuple[str, ...]
    mitigations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Hit:
    risk: Risk
    said: str
    mitigation: str


def assess_risk(text: str, task_type: TaskType, *, paths: Sequence[str] = (), at_least: Risk = Risk.LOW) -> Assessment:
    """The highest of the type's floor, what the text touches, and what these paths are. More of either never lowers it."""
    return _assessed([*_text_hits(text), *_path_hits(paths)], task_type, at_least)


def assess_plan(plan: Plan, task_type: TaskType, *, at_least: Risk = Risk.LOW) -> Assessment:
    """By the commands of its steps and the paths that they claim to write; a command is an act, never a mention."""
    lines = "\n".join(step.action.line for step in plan.steps if step.action.kind == "command")
    written = [glob for step in plan.steps for glob in step.writes or ()]
    hits = [_hit(rule, rule.risk, "run by a step") for rule in POLICY if _is_said(rule, lines)]
    return _assessed([*hits, *_path_hits([*written, *_paths_in(lines)])], task_type, at_least)


def assess_diff(diff: DiffFacts, task_type: TaskType, *, at_least: Risk = Risk.LOW) -> Assessment:
    """By what really changed: the paths, and the kinds of change."""
    kinds = [_change_hit(rule, found) for rule in CHANGES if (found := rule.find(diff))]
    return _assessed([*kinds, *_path_hits(diff.paths)], task_type, at_least)


def raised(before: Risk, after: Risk) -> Risk:
    """A later judgement counts only where it is the higher one."""
    return highest(before, after)


def with_risk(classification: Classification, found: Assessment) -> Classification:
    """The classification with this assessment added: risk rises or stays, reasons and mitigations gather."""
    return classification.model_copy(
        update={
            "risk": raised(classification.risk, found.risk),
            "risk_reasons": _gathered((*classification.risk_reasons, *found.reasons)),
            "mitigations": _once(classification.mitigations, found.mitigations),
        }
    )


def lowered_by(classification: Classification, person: str, *, to: Risk, why: str, at: datetime) -> Classification:
    """What only a person may do; it is kept with the classification. UserError when it is no lowering or lacks a reason."""
    if not person.strip() or not why.strip():
        raise UserError.of(
            "risk_lowering", "risk", "lowering a risk needs a name and a reason", "Say who lowers it and why"
        )
    if ORDER.index(to) >= ORDER.index(classification.risk):
        raise UserError.of(
            "risk_lowering",
            "risk",
            f"{to} is not below {classification.risk}",
            f"Choose one of: {', '.join(ORDER[: ORDER.index(classification.risk)]) or 'none, it is low'}",
        )
    if ORDER.index(to) < ORDER.index(LEAST[classification.risk]):
        least = LEAST[classification.risk]
        message = f"{classification.risk} risk cannot be lowered to {to}"
        raise UserError.of("risk_lowering", "risk", message, f"Lower it to {least} at most")
    taken = Lowering(by=person, at=at, before=classification.risk, after=to, why=why)
    return classification.model_copy(update={"risk": to, "lowered": (*classification.lowered, taken)})


def stated_by(
    classification: Classification, person: str, *, risk: Risk, why: str, at: datetime
) -> tuple[Classification, str]:
    """What a person's word comes to, and a note where it lowers or does not count as it was meant.

    Raising needs no reason; without one nothing is lowered, and policy keeps what was critical high.
    """
    before, why = classification.risk, why.strip()
    if risk is before:
        return classification, ""
    if raised(before, risk) is risk:
        reason = f"{risk}: {person} says so" + (f" ({why})" if why else "")
        return classification.model_copy(
            update={"risk": risk, "risk_reasons": _gathered((*classification.risk_reasons, reason))}
        ), ""
    if not why:
        return classification, f"the risk stays {before}: lowering it to {risk} needs a reason (--because)"
    to = highest(risk, LEAST[before])
    lowered = lowered_by(classification, person, to=to, why=why, at=at)
    kept = "" if to is risk else f"; not to {risk}: what was {before} stays {to} at least"
    return lowered, f"{lowered.lowered[-1].said}{kept}"


def risk_text(classification: Classification, most: int | None = None) -> str:
    """Why it is as high as it is, and who took it back."""
    reasons = "; ".join(classification.risk_reasons[:most]) or str(classification.risk)
    if not classification.lowered:
        return reasons
    taken = "; ".join(lowering.said for lowering in classification.lowered)
    return f"{classification.risk}: {taken} (without that, {reasons})"


def highest(*risks: Risk) -> Risk:
    return max(risks, key=ORDER.index)


def _text_hits(text: str) -> list[_Hit]:
    """A matter counts in full unless every clause of the text only writes or asks about something."""
    touches = [_touch(clause.strip()) for clause in _CLAUSE.split(text) if clause.strip()]
    is_talk = bool(touches) and all(touches)
    named = _paths_in(text)
    return [
        _hit(rule, _SOFTENED[rule.risk], f"only {touches[0]}") if is_talk else _hit(rule, rule.risk, "")
        for rule in POLICY
        if _is_said(rule, text) or any(_is_in(rule, path) for path in named)
    ]


def _is_said(rule: RiskRule, text: str) -> bool:
    return _WORDS[rule.name].search(text) is not None or any(
        (found := first.search(text)) is not None and then.search(text, found.end()) is not None
        for first, then in _SEQUENCES[rule.name]
    )


def _paths_in(text: str) -> list[str]:
    """Names with a dot or a slash, each once, without what ends a sentence."""
    names = dict.fromkeys(name.rstrip(".-/") for name in _NAME.findall(text))
    return [name for name in names if "." in name or "/" in name]


def _touch(clause: str) -> str:
    """described, asked about, tested; empty where the clause may change something."""
    for touch, pattern in _TALKING:
        if match := pattern.match(clause):
            return "" if _CHANGING.search(clause, match.end()) else touch
    return ""


def _path_hits(paths: Sequence[str]) -> list[_Hit]:
    hits = []
    for rule in POLICY:
        inside = [path for path in paths if _is_in(rule, path)]
        code = [path for path in inside if not (is_prose(path) or is_test(path))]
        if code:
            hits.append(_hit(rule, rule.risk, code[0]))
        elif inside:
            hits.append(_hit(rule, _SOFTENED[rule.risk], f"{inside[0]}, prose or tests"))
    return hits


def _is_in(rule: RiskRule, path: str) -> bool:
    return any(fnmatchcase(path.lower(), glob) for glob in rule.globs)


def _hit(rule: RiskRule, risk: Risk, what: str) -> _Hit:
    return _Hit(risk, f"{risk}: {rule.reason} ({rule.name}{f'; {what}' if what else ''})", rule.mitigation)


def _change_hit(rule: ChangeRule, found: Sequence[str]) -> _Hit:
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return _Hit(rule.risk, f"{rule.risk}: {rule.reason} ({shown})", rule.mitigation)


def _assessed(hits: Sequence[_Hit], task_type: TaskType, at_least: Risk) -> Assessment:
    floor = FLOOR[task_type]
    risk = highest(floor, at_least, *(hit.risk for hit in hits))
    plain = f"{floor}: {task_type.replace('_', ' ')} changes how the code behaves"
    return Assessment(
        risk=risk,
        reasons=_gathered(hit.said for hit in hits) or ((plain,) if risk is floor is not Risk.LOW else ()),
        mitigations=_once(hit.mitigation for hit in hits),
    )


def _gathered(reasons: Iterable[str]) -> tuple[str, ...]:
    """Each matter once, at its highest and with all that showed it so high; the highest first."""
    found: dict[str, tuple[Risk, dict[str, None]]] = {}
    for reason in reasons:
        level, _, said = reason.partition(": ")
        matter, _, places = said.removesuffix(")").partition(" (")
        risk = Risk(level)
        before, known = found.get(matter, (risk, {}))
        if raised(before, risk) is risk:
            kept = known if before is risk else {}
            found[matter] = (risk, kept | dict.fromkeys(filter(None, places.split("; "))))
    ordered = sorted(found.items(), key=lambda each: -ORDER.index(each[1][0]))
    return tuple(
        f"{risk}: {matter}" + (f" ({'; '.join(places)})" if places else "") for matter, (risk, places) in ordered
    )


def _once(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for group in groups for text in group))
