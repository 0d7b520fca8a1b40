"""The verdict of the gate `integrity`: every finding is named; it fails, asks, or is what was asked for."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ostinato.domain.classification import Classification
from ostinato.domain.gates import SHOWN_FINDINGS, Finding, GateResult, Level, Severity, Stage, Status
from ostinato.domain.integrity.asking import is_asked_for
from ostinato.domain.integrity.collection import collection_of, is_test_file
from ostinato.domain.integrity.configuration import configuration_findings, kind_of
from ostinato.domain.integrity.model import CODES, Change, Weakening, Weight
from ostinato.domain.integrity.other_tests import other_findings
from ostinato.domain.integrity.python_tests import python_findings
from ostinato.domain.integrity.shadowing import shadowing_findings
from ostinato.domain.integrity.suppressions import suppression_findings

GATE = "integrity"
MAX_LISTED = 100
"""Of the findings in a verdict that travels; the gravest come first."""
_LEVELS = {Weight.FAIL: Level.ERROR, Weight.ASK: Level.WARNING, Weight.NOTE: Level.INFO}
_ORDER = tuple(CODES)


def find_weakenings(change: Change) -> tuple[Weakening, ...]:
    """Everything that the change did to its own judges, the gravest first, each once."""
    collection = collection_of(change.base_files)
    found = (
        *python_findings(change, collection),
        *other_findings(change),
        *suppression_findings(change),
        *configuration_findings(change),
        *shadowing_findings(change),
        *(
            _unread(path, is_judge=kind_of(path) is not None or is_test_file(path, collection))
            for path in change.unread
        ),
    )
    weights = tuple(Weight)
    unique = dict.fromkeys(found)
    return tuple(
        sorted(unique, key=lambda each: (weights.index(each.leads_to), _ORDER.index(each.code), each.path, each.line))
    )


def _unread(path: str, *, is_judge: bool) -> Weakening:
    return Weakening(
        code="unread", path=path, what="it was not read: too big, or no text", weight=None if is_judge else Weight.NOTE
    )


def judge_integrity(
    found: Sequence[Weakening],
    classification: Classification,
    request: str,
    *,
    paths: Iterable[str] = (),
    commit: str = "",
    tree: str = "",
) -> GateResult:
    """Fails on what nobody asked for; asks where a person may let it stand; what was asked for passes by its name."""
    kinds = Counter(each.code for each in found)
    about = tuple(paths)
    asked = {each for each in found if is_asked_for(each, classification, request, about, of_its_kind=kinds[each.code])}
    rest = [each for each in found if each not in asked]
    failing = [each for each in rest if each.leads_to is Weight.FAIL]
    asking = [each for each in rest if each.leads_to is Weight.ASK]
    status, code, message, cure = _verdict(found, failing, asking, len(asked))
    findings = [_finding(each, is_asked=each in asked) for each in found]
    return GateResult(
        gate=GATE,
        stage=Stage.POST,
        status=status,
        severity=Severity.CRITICAL if failing else Severity.MAJOR,
        code=code,
        commit=commit,
        tree=tree,
        message=message,
        details=_listed(findings),
        recommendation=cure,
        introduced=tuple(findings[:SHOWN_FINDINGS]),
        introduced_count=len(findings),
        needs_person=bool(asking) and not failing,
        metrics={"failing": len(failing), "asking": len(asking), "asked_for": len(asked)},
    )


def allowed_configuration(
    found: Sequence[Weakening], classification: Classification, request: str, paths: Iterable[str] = ()
) -> frozenset[str]:
    """Files that decide gates and count as the change left them: the request is about everything found in them."""
    kinds = Counter(each.code for each in found)
    about = tuple(paths)
    refused = {
        each.path
        for each in found
        if not is_asked_for(each, classification, request, about, of_its_kind=kinds[each.code])
    }
    return frozenset(each.path for each in found if kind_of(each.path) and each.path not in refused)


def _verdict(
    found: Sequence[Weakening], failing: Sequence[Weakening], asking: Sequence[Weakening], asked: int
) -> tuple[Status, str, str, str]:
    if failing:
        return (
            Status.FAIL, "integrity_weakened", f"the change makes its own judges weaker: {_shown(failing)}",
            "Take it back, or say in the request that it is wanted",
        )  # fmt: skip
    if asking:
        return (
            Status.WARN, "integrity_asks", f"a person should look at {_shown(asking)}",
            "Look at the places; approve them, or have them taken back",
        )  # fmt: skip
    if asked:
        return Status.PASS, "integrity_asked", f"as the request asks: {_shown(found)}", ""
    if found:
        return Status.PASS, "integrity_noted", f"nothing weaker; noted: {_shown(found)}", ""
    return Status.PASS, "integrity_kept", "tests, suppressions, limits and configuration are as strict as before", ""


def _listed(findings: Sequence[Finding]) -> str:
    more = len(findings) - MAX_LISTED
    return "\n".join([*map(str, findings[:MAX_LISTED]), *([f"and {more} more"] if more > 0 else ())])


def _shown(found: Sequence[Weakening]) -> str:
    places = "; ".join(f"{each.path}: {each.what}" for each in found[:3])
    return places + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _finding(weakening: Weakening, *, is_asked: bool) -> Finding:
    level = Level.INFO if is_asked else _LEVELS[weakening.leads_to]
    said = f"{weakening.what} (the request asks for it)" if is_asked else weakening.what
    return Finding(
        tool="ostinato", rule=weakening.code, path=weakening.path, line=weakening.line, message=said, level=level
    )
