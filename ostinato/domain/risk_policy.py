"""The policy of risk, as data: matters by words and paths, kinds of change by what a diff shows, floors by type."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ostinato.domain.classification import Risk, TaskType
from ostinato.domain.evidence import DiffFacts
from ostinato.domain.evidence.places import is_test


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRule:
    """A matter that is touched."""

    name: str
    words: str = ""
    """A regular expression over the request and the commands of a plan."""
    sequences: tuple[tuple[str, str], ...] = ()
    """Or: the first anywhere before the second. Searched one after the other, so that no text takes long."""
    globs: tuple[str, ...] = ()
    """Paths, in lower case, that are the same matter; here `*` crosses folders."""
    risk: Risk
    reason: str
    mitigation: str
    examples: tuple[str, ...]
    """Phrases that this rule is there for; each is tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRule:
    """A kind of change that a diff shows."""

    name: str
    find: Callable[[DiffFacts], Sequence[str]]
    """What in the diff is of this kind; empty for none."""
    risk: Risk
    reason: str
    mitigation: str


_PROD = r"(prod|production|live (site|server|system|environment))"
POLICY: tuple[RiskRule, ...] = (
    RiskRule(
        name="production",
        sequences=(
            (r"\b(deploy|release|ship|roll ?out|push|migrate)\w*\b", rf"\b{_PROD}\b"),
            (rf"\b{_PROD}\b", r"\b(deploy|release|database|data|server)"),
        ),
        risk=Risk.CRITICAL,
        reason="production is touched",
        mitigation="Check the plan before it is executed; have a way back",
        examples=("deploy to production", "release it to the live site", "the production database is slow"),
    ),
    RiskRule(
        name="data loss",
        words=r"\brm -rf\b",
        sequences=(
            (
                r"\b(drop|truncate|wipe|purge|destroy|erase)\w*\b",
                r"\b(tables?|databases?|data|schemas?|buckets?|volumes?|records?|users?)\b",
            ),
            (r"\bdelet\w+\b", r"\b(data|databases?|records?|users?|accounts?|customers?|backups?)\b"),
        ),
        risk=Risk.CRITICAL,
        reason="data could be lost",
        mitigation="Take a backup and try it on a copy first",
        examples=("drop the users table", "delete all user records", "purge old data", "rm -rf build"),
    ),
    RiskRule(
        name="history",
        words=r"\b(force.?push\w*|push --force|push -f|rewrit\w+ (the )?(git )?history|reset --hard|filter-(branch|repo))\b",
        risk=Risk.CRITICAL,
        reason="published history could be rewritten",
        mitigation="Agree on it with everybody who has a clone",
        examples=("force-push the branch", "git push --force", "rewrite the git history", "git reset --hard HEAD~3"),
    ),
    RiskRule(
        name="payments",
        words=r"\b(payments?|billing|checkout|invoic\w+|refunds?|stripe|paypal|credit cards?|subscriptions?|payouts?)\b",
        globs=("*payment*", "*billing*", "*checkout*", "*invoice*"),
        risk=Risk.HIGH,
        reason="money is handled",
        mitigation="Review the change by hand and test it against a sandbox account",
        examples=("add stripe payments", "round invoices up", "allow refunds"),
    ),
    RiskRule(
        name="authentication",
        words=r"\b(auth|oauth2?|authenticat\w+|authoriz\w+|authoris\w+|log-?ins?|sign-?in|passwords?|jwt|sessions?|permissions?|access control|sso|saml|rbac|2fa|mfa)\b",
        globs=("*auth*", "*login*", "*password*", "*session*", "*permission*"),
        risk=Risk.HIGH,
        reason="who may do what is decided here",
        mitigation="Review the change by hand; test that what was refused is refused still",
        examples=("change the login form", "implement JWT auth", "relax the permissions", "add SSO by SAML"),
    ),
    RiskRule(
        name="secrets",
        words=r"\b(secrets?|credentials?|api keys?|private keys?|tokens?|encrypt\w*|decrypt\w*|crypto\w*|certificates?|tls)\b",
        globs=("*.pem", "*.key", ".env*", "*/.env*", "*secret*", "*credential*", "*crypto*"),
        risk=Risk.HIGH,
        reason="secrets or cryptography are involved",
        mitigation="Keep secrets out of the repository; review the change by hand",
        examples=("rotate the API keys", "encrypt the cache", "renew the TLS certificate", "read tokens from a file"),
    ),
    RiskRule(
        name="migration",
        words=r"\b(migrations?|migrate|alter table|alembic|schema change|database schema)\b",
        globs=("*migrations/*", "*alembic/*", "*.sql"),
        risk=Risk.HIGH,
        reason="stored data changes its form",
        mitigation="Test the migration forth and back on a copy of the data",
        examples=("write a migration for the orders", "change the database schema", "ALTER TABLE orders"),
    ),
    RiskRule(
        name="deletion",
        words=r"\b(delete|deletes|deleting|drop support|(remove|drop) (the |all |every |an? )?(old |public )*(api|endpoint|feature|module|package|function|class)s?)\b",
        risk=Risk.HIGH,
        reason="something is deleted",
        mitigation="Look through the diff for what others still use",
        examples=("delete the old module", "remove the public API", "drop support for Python 3.9"),
    ),
    RiskRule(
        name="infrastructure",
        words=r"\b(terraform|kubectl|kubernetes|helm|ansible|cloudformation|dns|firewalls?|nginx|iam)\b",
        globs=("*.tf", "*k8s/*", "*helm/*"),
        risk=Risk.HIGH,
        reason="infrastructure is changed",
        mitigation="Look at the tool's dry run before anything is applied",
        examples=("apply the terraform files", "open the firewall", "add a helm chart"),
    ),
    RiskRule(
        name="ci",
        words=r"\b(ci/cd|ci|github actions|gitlab-ci|jenkins\w*|workflow files?|release pipeline)\b",
        globs=(
            ".github/workflows/*", ".gitlab-ci.yml", "*jenkinsfile", ".ci/*", ".circleci/*", "azure-pipelines.yml",
        ),
        risk=Risk.HIGH,
        reason="the checks of the project themselves are changed",
        mitigation="Review the change by hand: a check that was weakened reports nothing",
        examples=("edit .github/workflows/ci.yml", "skip the slow tests in CI"),
    ),
    RiskRule(
        name="breaking change",
        words=r"\b(breaking changes?|backwards?.incompatible|major (version|upgrade)|public (api|interface))\b",
        risk=Risk.HIGH,
        reason="users of the code could break",
        mitigation="Say it in the change log and raise the major version",
        examples=("a breaking change of the parser", "change the public interface"),
    ),
    RiskRule(
        name="major upgrade",
        words=r"\b(upgrad\w+|bump\w*|migrat\w+)\b.{0,60}\bto v?\d+(\.0)*(?![\w.]*\d)\b|\b(updat|mov)\w+\b.{0,60}\bto v\d+(\.0)*(?![\w.]*\d)\b|\b(next|latest|new) major\b",
        risk=Risk.HIGH,
        reason="a new major version may behave differently",
        mitigation="Read its change log for what breaks, and raise it in a change of its own",
        examples=("upgrade pydantic to v2", "bump django to 5.0", "move to the next major"),
    ),
    RiskRule(
        name="personal data",
        words=r"\b(personal data|pii|gdpr|hipaa|medical|health records?)\b",
        risk=Risk.HIGH,
        reason="personal data is handled",
        mitigation="Have somebody who knows the rules review the change",
        examples=("export personal data", "log no PII", "answer GDPR requests"),
    ),
    RiskRule(
        name="concurrency",
        words=r"\b(race conditions?|deadlocks?|locking|thread.?safe\w*|mutex\w*)\b",
        risk=Risk.MEDIUM,
        reason="a mistake here shows only sometimes",
        mitigation="Repeat the tests under load",
        examples=("fix the race condition", "make the cache thread-safe"),
    ),
    RiskRule(
        name="deployment",
        words=r"\b(deploy\w*|roll ?out|publish\w*|releas\w+)\b",
        globs=("dockerfile", "*/dockerfile", "*docker-compose*", "*compose.y*ml"),
        risk=Risk.MEDIUM,
        reason="something may leave the repository",
        mitigation="Check what is delivered and to where",
        examples=("publish the package", "make a release", "roll out the beta"),
    ),
    RiskRule(
        name="dependencies",
        words=r"\b(dependenc(y|ies)|lock ?files?|third.party (packages?|librar(y|ies)))\b",
        globs=(
            "*pyproject.toml", "*requirements*.txt", "*package.json", "*package-lock.json", "*yarn.lock", "*go.mod",
            "*go.sum", "*cargo.toml", "*cargo.lock", "*pom.xml", "*build.gradle*", "*uv.lock", "*poetry.lock",
        ),
        risk=Risk.MEDIUM,
        reason="code of others comes in or goes",
        mitigation="Read the lock file's diff; scan for known vulnerabilities",
        examples=("upgrade dependencies", "refresh the lock file"),
    ),
)  # fmt: skip


def _ending(kind: str, *globs: str) -> Callable[[DiffFacts], Sequence[str]]:
    def find(diff: DiffFacts) -> Sequence[str]:
        return [
            file.path
            for file in diff.files
            if file.kind == kind and any(fnmatchcase(file.path.lower(), glob) for glob in globs)
        ]

    return find


def _large(least: int) -> Callable[[DiffFacts], Sequence[str]]:
    def find(diff: DiffFacts) -> Sequence[str]:
        lines = diff.lines_added + diff.lines_removed
        files = f"{diff.files_count:,} file{'s' * (diff.files_count != 1)}"
        return [f"{lines:,} lines in {files}"] if lines >= least else []

    return find


_MIGRATIONS = ("*migrations/*", "*alembic/versions/*", "*.sql")
CHANGES: tuple[ChangeRule, ...] = (
    ChangeRule(
        name="public names removed",
        find=lambda diff: diff.public_removed,
        risk=Risk.HIGH,
        reason="public names are gone",
        mitigation="Keep the old name as an alias, or raise the major version",
    ),
    ChangeRule(
        name="tests deleted",
        find=lambda diff: [file.path for file in diff.files if file.kind == "deleted" and is_test(file.path)],
        risk=Risk.HIGH,
        reason="tests were deleted",
        mitigation="Ask what these tests held, and what holds it now",
    ),
    ChangeRule(
        name="many files deleted",
        find=lambda diff: deleted if len(deleted := _deleted(diff)) >= MANY_DELETED else [],
        risk=Risk.HIGH,
        reason="many files were deleted",
        mitigation="Look through the diff for what others still use",
    ),
    ChangeRule(
        name="files deleted",
        find=lambda diff: _deleted(diff),
        risk=Risk.MEDIUM,
        reason="files were deleted",
        mitigation="Look for what still refers to them",
    ),
    ChangeRule(
        name="migration added",
        find=_ending("added", *_MIGRATIONS),
        risk=Risk.HIGH,
        reason="a migration was added",
        mitigation="Test the migration forth and back on a copy of the data",
    ),
    ChangeRule(
        name="migration changed",
        find=_ending("modified", *_MIGRATIONS),
        risk=Risk.HIGH,
        reason="a migration that may have run already was changed",
        mitigation="Add a new migration instead",
    ),
    ChangeRule(
        name="dependency major",
        find=lambda diff: diff.majors,
        risk=Risk.HIGH,
        reason="a dependency changed its major version",
        mitigation="Read its change log for what breaks",
    ),
    ChangeRule(
        name="dependency added or removed",
        find=lambda diff: diff.dependencies_changed,
        risk=Risk.MEDIUM,
        reason="a dependency came or went",
        mitigation="Check its licence, its upkeep and its known vulnerabilities",
    ),
    ChangeRule(
        name="binary",
        find=lambda diff: [file.path for file in diff.files if file.is_binary and file.kind != "deleted"],
        risk=Risk.MEDIUM,
        reason="a binary file cannot be read in review",
        mitigation="Say where it comes from",
    ),
    ChangeRule(
        name="very large",
        find=_large(5_000),
        risk=Risk.HIGH,
        reason="the change is too large to be read",
        mitigation="Split it",
    ),
    ChangeRule(
        name="large",
        find=_large(1_000),
        risk=Risk.MEDIUM,
        reason="the change is large",
        mitigation="Review it commit by commit",
    ),
)
MANY_DELETED = 10


def _deleted(diff: DiffFacts) -> list[str]:
    return [file.path for file in diff.files if file.kind == "deleted"]


FLOOR: Mapping[TaskType, Risk] = {
    **dict.fromkeys(TaskType, Risk.MEDIUM),
    TaskType.TESTING: Risk.LOW,
    TaskType.DOCUMENTATION: Risk.LOW,
    TaskType.CODE_REVIEW: Risk.LOW,
    TaskType.RESEARCH: Risk.LOW,
    TaskType.MAINTENANCE: Risk.LOW,
}
_ABOUT = r"(the |all |every |our |this |an? |more |some |missing |new |better |public |existing )*"
TALKING: Mapping[str, str] = {
    "tested": rf"(please )?(write|add|extend|improve|generate) {_ABOUT}((unit|integration|end.to.end|regression|property)[ -])?(tests?|test cases|coverage)\b",
    "described": rf"(please )?(document|describe|explain|((write|add|improve|update|extend) {_ABOUT}(docs|documentation|docstrings?|readme|tutorial|guide|comments?)|(fix|correct) {_ABOUT}(typos?|spelling|grammar)))\b",
    "asked about": r"(please )?(review|audit|investigate|analy[sz]e|explore|research|compare|assess|evaluate|summari[sz]e|look (at|into)|how|why|what|which|where|when|who|is|are|does)\b",
}
"""How a clause begins that changes no behaviour by itself."""
CHANGING = r"\b(implement|fix|chang|rewrit|refactor|add|remov|delet|drop|wip|purg|truncat|destroy|eras|replac|migrat|rotat|upgrad|mov|renam|deploy|publish|releas|ship|appl|enabl|disabl|switch|edit|updat|build|creat|mak|push|introduc|convert|repair|patch|harden|generat|integrat|extend|reset|revok|grant|allow|relax|set up|rm)\w*\b"
"""Verbs that make it more than talk. Wide on purpose: in doubt the matter counts in full."""
