"""Risk is policy: what is touched, by a table; it only ever rises, and no phrase of the table yields low."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from ostinato.domain.classification import Risk, TaskType

ORDER = (Risk.LOW, Risk.MEDIUM, Risk.HIGH, Risk.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRule:
    name: str
    words: str
    """A regular expression over the request and the commands of a plan."""
    globs: tuple[str, ...] = ()
    """Paths that are the same matter."""
    risk: Risk
    reason: str
    mitigation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    risk: Risk
    reasons: tuple[str, ...]
    mitigations: tuple[str, ...]


_PROD = r"(prod|production|live (site|server|system|environment))"
POLICY: tuple[RiskRule, ...] = (
    RiskRule(
        name="production",
        words=rf"\b(deploy|release|ship|roll ?out|push|migrate)\w*\b.*\b{_PROD}\b|\b{_PROD}\b.*\b(deploy|release|database|data|server)",
        risk=Risk.CRITICAL,
        reason="production is touched",
        mitigation="Check the plan before it is executed; have a way back",
    ),
    RiskRule(
        name="data loss",
        words=r"\b(drop|truncate|wipe|purge|destroy|erase)\w*\b.*\b(table|database|data|schema|bucket|volume|records?|users?)\b|\brm -rf\b|\bdelete\w*\b.*\b(data|database|records?|users?|accounts?|customers?|backups?)\b",
        risk=Risk.CRITICAL,
        reason="data could be lost",
        mitigation="Take a backup and try it on a copy first",
    ),
    RiskRule(
        name="payments",
        words=r"\b(payments?|billing|checkout|invoic\w+|refunds?|stripe|paypal|credit cards?|subscriptions?)\b",
        globs=("*payment*", "*billing*", "*checkout*", "*invoice*"),
        risk=Risk.HIGH,
        reason="money is handled",
        mitigation="Review the change by hand and test it against a sandbox account",
    ),
    RiskRule(
        name="authentication",
        words=r"\b(auth|oauth2?|authenticat\w+|authoriz\w+|authoris\w+|log-?in|sign-?in|passwords?|jwt|sessions?|permissions?|access control|sso|saml)\b",
        globs=("*auth*", "*login*", "*password*", "*session*", "*permission*"),
        risk=Risk.HIGH,
        reason="who may do what is decided here",
        mitigation="Review the change by hand; test that what was refused is refused still",
    ),
    RiskRule(
        name="secrets",
        words=r"\b(secrets?|credentials?|api keys?|private keys?|tokens?|encrypt\w*|decrypt\w*|crypto\w*|certificates?|tls)\b",
        globs=("*.pem", "*.key", ".env*", "*secret*", "*credential*", "*crypto*"),
        risk=Risk.HIGH,
        reason="secrets or cryptography are involved",
        mitigation="Keep secrets out of the repository; review the change by hand",
    ),
    RiskRule(
        name="migration",
        words=r"\b(migrations?|migrate|alter table|alembic|schema change|database schema)\b",
        globs=("*migrations/*", "*alembic/*", "*.sql"),
        risk=Risk.HIGH,
        reason="stored data changes its form",
        mitigation="Test the migration forth and back on a copy of the data",
    ),
    RiskRule(
        name="deletion",
        words=r"\b(delete|deletes|deleting|drop support|remove (the |all |every )?(public )?(api|endpoint|feature|module|package)s?)\b",
        risk=Risk.HIGH,
        reason="something is deleted",
        mitigation="Look through the diff for what others still use",
    ),
    RiskRule(
        name="history",
        words=r"\b(force.?push|push --force|rewrite (the )?history|reset --hard|filter-(branch|repo))\b",
        risk=Risk.CRITICAL,
        reason="published history could be rewritten",
        mitigation="Agree on it with everybody who has a clone",
    ),
    RiskRule(
        name="infrastructure",
        words=r"\b(terraform|kubectl|kubernetes|helm|ansible|cloudformation|dns|firewalls?|nginx|iam)\b",
        globs=("*.tf", "*k8s/*", "*helm/*"),
        risk=Risk.HIGH,
        reason="infrastructure is changed",
        mitigation="Look at the tool's dry run before anything is applied",
    ),
    RiskRule(
        name="ci",
        words=r"\b(ci/cd|ci|github actions|gitlab-ci|jenkins\w*|workflow files?|release pipeline)\b",
        globs=(".github/workflows/*", ".gitlab-ci.yml", "*Jenkinsfile", ".ci/*", ".circleci/*"),
        risk=Risk.HIGH,
        reason="the checks of the project themselves are changed",
        mitigation="Review the change by hand: a check that was weakened reports nothing",
    ),
    RiskRule(
        name="breaking change",
        words=r"\b(breaking changes?|backwards?.incompatible|major (version|upgrade)|public api)\b",
        risk=Risk.HIGH,
        reason="users of the code could break",
        mitigation="Say it in the change log and raise the major version",
    ),
    RiskRule(
        name="personal data",
        words=r"\b(personal data|pii|gdpr|hipaa|medical|health records?)\b",
        risk=Risk.HIGH,
        reason="personal data is handled",
        mitigation="Have somebody who knows the rules review the change",
    ),
    RiskRule(
        name="deployment",
        words=r"\b(deploy\w*|roll ?out|publish\w*|release)\b",
        globs=("Dockerfile", "*docker-compose*"),
        risk=Risk.MEDIUM,
        reason="something may leave the repository",
        mitigation="Check what is delivered and to where",
    ),
)
FLOOR: dict[TaskType, Risk] = {
    **dict.fromkeys(TaskType, Risk.MEDIUM),
    TaskType.TESTING: Risk.LOW,
    TaskType.DOCUMENTATION: Risk.LOW,
    TaskType.CODE_REVIEW: Risk.LOW,
    TaskType.RESEARCH: Risk.LOW,
    TaskType.MAINTENANCE: Risk.LOW,
}
_COMPILED = tuple((rule, re.compile(rule.words, re.IGNORECASE | re.DOTALL)) for rule in POLICY)
_PATH = re.compile(r"[\w.\-/]*[./][\w.\-/]*\w")


def assess_risk(text: str, task_type: TaskType, *, paths: Sequence[str] = (), at_least: Risk = Risk.LOW) -> Assessment:
    """The highest of the type's floor and all rules that match the text, the paths in it, or these paths."""
    touched = [*paths, *_PATH.findall(text)]
    matched = [
        rule
        for rule, words in _COMPILED
        if words.search(text) or any(fnmatch(path.lower(), glob.lower()) for path in touched for glob in rule.globs)
    ]
    risk = highest(FLOOR[task_type], at_least, *(rule.risk for rule in matched))
    return Assessment(
        risk=risk,
        reasons=tuple(f"{rule.risk}: {rule.reason} ({rule.name})" for rule in matched)
        or ((f"{risk}: {task_type.replace('_', ' ')} changes how the code behaves",) if risk is not Risk.LOW else ()),
        mitigations=tuple(rule.mitigation for rule in matched),
    )


def highest(*risks: Risk) -> Risk:
    return max(risks, key=ORDER.index)
