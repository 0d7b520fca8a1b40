"""The words that the rules know, as data."""

from collections.abc import Mapping

from ostinato.domain.classification import Intent, TaskType

_T = TaskType
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
