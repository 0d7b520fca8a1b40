"""The words that the rules know, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.domain.classification import Intent, TaskType


@dataclass(frozen=True, slots=True)
class TypeRule:
    task_type: TaskType
    name: str
    pattern: str
    weight: float


_T = TaskType
RULES: tuple[TypeRule, ...] = (
    TypeRule(_T.MAINTENANCE, "lint and format", r"\b(fix|apply|run|correct)?\s*(the |all )?(lint|linter|linting|ruff|flake8|pylint)\b( errors?| issues?| warnings?| findings?)?", 4),
    TypeRule(_T.MAINTENANCE, "formatting", r"\b(re)?format(ting)?\b (it|the|all|code|this|everything|files?)|\bformat\b|\bformatting\b", 3),
    TypeRule(_T.MAINTENANCE, "modernising", r"\bmoderni[sz]e\b", 3),
    TypeRule(_T.MAINTENANCE, "cleaning up", r"\b(clean ?up|tidy( up)?|housekeeping|dead code|unused (code|imports?|variables?))\b", 2.5),
    TypeRule(_T.MAINTENANCE, "upgrading", r"\b(bump|upgrade|update|pin)\b.*\b(dependenc\w+|deps|packages?|requirements|versions?|librar\w+|to v?\d)", 4),
    TypeRule(_T.BUG_FIX, "fixing", r"\b(fix|repair|resolve|debug|hotfix)(es|ing|ed)?\b", 2.5),
    TypeRule(_T.BUG_FIX, "defect words", r"\b(bugs?|crash\w*|exceptions?|traceback|broken|fails?|failing|failure|regression|wrong(ly)?|incorrect\w*|does ?n[o']t work|hangs?|deadlock|off.by.one|race condition)\b", 2),
    TypeRule(_T.REFACTORING, "refactoring", r"\b(refactor\w*|restructur\w+|reorgani[sz]\w+|decouple|untangle|deduplicat\w+)\b", 4),
    TypeRule(_T.REFACTORING, "reshaping", r"\b(rename|extract|split|simplify|inline|move)\b.*\b(class|function|method|module|file|package|variable|code|logic|into)\b", 3),
    TypeRule(_T.TESTING, "writing tests", r"\b(write|add|create|generate|extend|improve|increase|missing)\b[^.;]{0,40}\b(tests?|test cases|coverage|test suite)\b", 4),
    TypeRule(_T.TESTING, "test words", r"\b(unit|integration|property|end.to.end|regression|e2e) tests?\b|\btest coverage\b|\bcover(ed)? (by|with) tests\b", 1.5),
    TypeRule(_T.DOCUMENTATION, "documenting", r"\b(document|docstrings?|documentation|docs|readme|changelog|tutorial|user guide|typos?)\b", 3.5),
    TypeRule(_T.DOCUMENTATION, "spelling", r"\b(typos?|spelling|grammar|readme)\b", 3),
    TypeRule(_T.CODE_REVIEW, "reviewing", r"\b(code )?review\b", 4),
    TypeRule(_T.CODE_REVIEW, "a change to judge", r"\b(pull request|merge request|\bpr\b|diff|last commits?|patch)\b", 1.5),
    TypeRule(_T.SECURITY_AUDIT, "auditing", r"\baudit\w*\b", 3.5),
    TypeRule(_T.SECURITY_AUDIT, "security words", r"\b(security|vulnerab\w+|cves?|owasp|penetration|exploit\w*|injection|xss|csrf|leaked)\b", 3),
    TypeRule(_T.PERFORMANCE_OPTIMIZATION, "speed", r"\b(slow\w*|fast\w*|speed\w*|latency|throughput|performance|bottlenecks?|memory (usage|leak)|profil\w+)\b", 3),
    TypeRule(_T.PERFORMANCE_OPTIMIZATION, "optimising", r"\b(optimi[sz]\w+|cache the|speed up)\b", 3),
    TypeRule(_T.DEPLOYMENT, "deploying", r"\b(deploy\w*|roll ?out|ship (it|the|to)|publish|release (it|the|to|version|a)|go live)\b", 4),
    TypeRule(_T.DEPLOYMENT, "delivery words", r"\b(docker\w*|kubernetes|helm|terraform|ci/cd|ci pipeline|ci workflow|github actions|pipeline|staging|production)\b", 3.5),
    TypeRule(_T.RESEARCH, "investigating", r"\b(research|investigate|explore|compare|evaluate|analy[sz]e|explain|find out|map|understand|summari[sz]e|feasibility)\b", 3.5),
    TypeRule(_T.RESEARCH, "asking", r"^(how|what|why|which|where|who|when|is|are|does|do|can|should)\b|\?\s*$", 1.5),
    TypeRule(_T.UI_DESIGN, "designing", r"\b(re)?design\w*\b.*\b(page|screen|view|form|button|layout|interface|ui|dashboard|menu|dialog)\b", 4),
    TypeRule(_T.UI_DESIGN, "interface words", r"\b(ui|ux|css|stylesheet|layout|dark mode|responsive|accessib\w+|colou?rs?|mock-?up|wireframe)\b", 2.5),
    TypeRule(_T.CODE_IMPLEMENTATION, "implementing", r"\b(implement\w*|develop|introduce|integrate)\b", 3.5),
    TypeRule(_T.CODE_IMPLEMENTATION, "making something new", r"\b(add|create|build|write|make|support|provide)\b(?! (some |more |the |missing |unit |a )*(tests?|docs|docstrings?|documentation|readme|format))", 2),
    TypeRule(_T.CODE_IMPLEMENTATION, "feature words", r"\b(feature|endpoint|api|command|option|flag|class|function|service)\b", 1),
)  # fmt: skip

INTENTS: Mapping[Intent, str] = {
    Intent.CREATE: r"\b(implement\w*|add|create|build|write|generate|develop|introduce|make)\b",
    Intent.MODIFY: r"\b(refactor\w*|rename|change|improve|redesign|optimi[sz]e|speed up|moderni[sz]e|rewrite|split|extract|simplify|migrate)\b",
    Intent.ANALYZE: r"\b(audit|review|analy[sz]e|explain|investigate|research|why|how|what|which|find|check|compare|explore|profile|measure|scan|map)\b",
    Intent.FIX: r"\b(fix|repair|resolve|debug|correct)\b",
    Intent.DEPLOY: r"\b(deploy|publish|release|ship|roll ?out)\b",
    Intent.MANAGE: r"\b(upgrade|bump|update|clean ?up|tidy|format|maintain|pin|lint)\b",
}
TYPICAL_INTENT: Mapping[TaskType, Intent] = {
    _T.CODE_IMPLEMENTATION: Intent.CREATE, _T.BUG_FIX: Intent.FIX, _T.REFACTORING: Intent.MODIFY,
    _T.TESTING: Intent.CREATE, _T.DOCUMENTATION: Intent.CREATE, _T.CODE_REVIEW: Intent.ANALYZE,
    _T.SECURITY_AUDIT: Intent.ANALYZE, _T.PERFORMANCE_OPTIMIZATION: Intent.MODIFY, _T.DEPLOYMENT: Intent.DEPLOY,
    _T.RESEARCH: Intent.ANALYZE, _T.UI_DESIGN: Intent.MODIFY, _T.MAINTENANCE: Intent.MANAGE,
}  # fmt: skip

DOMAINS: Mapping[str, str] = {
    "security": r"\b(security|auth\w*|jwt|oauth\w*|vulnerab\w+|encrypt\w*|secrets?|cves?)\b",
    "frontend": r"\b(ui|ux|css|html|react|vue|frontend|page|button|layout)\b",
    "api": r"\b(api|endpoints?|rest|graphql|grpc|webhooks?)\b",
    "database": r"\b(database|sql|postgres\w*|sqlite|mysql|migrations?|schema|orm)\b",
    "testing": r"\b(tests?|coverage|pytest|unittest)\b",
    "devops": r"\b(docker\w*|ci|ci/cd|kubernetes|deploy\w*|pipeline|terraform)\b",
    "documentation": r"\b(docs|documentation|readme|docstrings?|changelog)\b",
    "performance": r"\b(performance|slow|latency|throughput|optimi[sz]\w+|profil\w+)\b",
    "code quality": r"\b(lint\w*|format\w*|refactor\w*|dead code|complexity|type hints?|moderni[sz]e)\b",
    "dependencies": r"\b(dependenc\w+|packages?|requirements|upgrade|bump)\b",
}
