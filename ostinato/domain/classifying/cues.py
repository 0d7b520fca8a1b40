"""Words that speak for a type, as data: rules name it, cues only hint. Both are features, and rules explain."""

from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.domain.classification import TaskType


@dataclass(frozen=True, slots=True)
class TypeRule:
    """The first that matches in the table's order counts most."""

    task_type: TaskType
    name: str
    pattern: str


_T = TaskType
_CLEANER = (
    r"(ruff|black|prettier|isort|flake8|eslint|pylint|gofmt|rustfmt|clang-format|rubocop|stylelint|golangci-lint|biome)"
)
_TEST = r"(unit|integration|property(-based)?|end.to.end|e2e|regression|smoke|snapshot|missing|more|new|automated|some)"
RULES: tuple[TypeRule, ...] = (
    TypeRule(_T.MAINTENANCE, "raising a version", r"^(bump|upgrade|update|pin|downgrade|migrate|move)\b.*\b(to (version )?v?\d+(\.\d+)*|to python ?\d|from v?\d+\.\d+)\b|^bump\b"),
    TypeRule(_T.MAINTENANCE, "dependencies", r"\b(bump|upgrade|update|pin|renew|refresh)\b.*\b(dependenc\w+|deps|packages|requirements|librar(y|ies)|lock ?files?|versions?)\b|\b(dependabot|renovate)\b"),
    TypeRule(_T.MAINTENANCE, "lint and format", rf"\b(fix|apply|run|correct|resolve|use|execute|silence) (all |the |every |our )*(lint\w*|formatters?|formatting|{_CLEANER})\b|^(re)?format (the|all|every|this|it)\b|\b(lint(er)?|mypy|clippy|{_CLEANER}|deprecation|compiler) (errors?|warnings?|issues?|findings?)\b"),
    TypeRule(_T.MAINTENANCE, "dropping what is old", r"^(drop|remove|end|stop) (the )?support(ing)? (for |of )?(python|node\w*|java|ruby|php|go|rust|windows|ie|internet explorer|old)\b|^drop (python|node\w*|java|ruby|php|go) ?v?\d|^(remove|delete|drop) (the |all |our )?deprecated\b|\b(licen[cs]e headers?|copyright years?)\b"),
    TypeRule(_T.MAINTENANCE, "tidying", r"\b(tidy|clean)( ?up)? (the |this |our )?(repo\w*|project|code ?base|workspace|imports?)\b|\bhousekeeping\b|\bmoderni[sz]e\b|\b(unused|dead) (imports?|code|variables?|dependenc\w+|packages?)\b"),
    TypeRule(_T.SECURITY_AUDIT, "auditing", r"\baudit\w*\b|\bpen(etration)?[- ]?tests?\b|\bthreat model\w*|\bsecurity (audit|review|scan|assessment|check|holes?|issues?|problems?|flaws?)\b"),
    TypeRule(_T.SECURITY_AUDIT, "weaknesses", r"\b(vulnerab\w+|cves?|ghsa|owasp|exploit\w*|xss|csrf|ssrf|sql injection|(command|code|template) injection|path traversal|brute[- ]force|harden\w*)\b|\b(leaked|hard-?coded|committed|exposed) (secrets?|credentials?|passwords?|keys?|tokens?)\b|\b(secrets?|credentials?|passwords?|keys?|tokens?) (were |was |are |is |got |have been )?(leaked|hard-?coded|committed|exposed)\b|\b(secure|safe)\?|\bsafe against\b"),
    TypeRule(_T.CODE_REVIEW, "reviewing", r"\b(code[- ]review|peer[- ]review|critique)\b|\breview (the|this|my|our|these|those|all|last|recent|latest|open)\b|\breview [\w./-]+\.\w+|\blook over\b|\b(good enough|ready|safe|okay|fit) to merge\b|\bbe merged\b"),
    TypeRule(_T.CODE_REVIEW, "a change to judge", r"\b(feedback on|opinion (on|of)|problems (in|with)|judge|thoughts on)\b.*\b(branch|diff|patch|change\w*|commit\w*|pr|pull request|code|implementation)\b|\b(look at|check) (my|this|the) (branch|diff|patch|pr|pull request|changes)\b"),
    TypeRule(_T.PERFORMANCE_OPTIMIZATION, "making it faster", r"\b(make|get|have|run)\b.*\b(faster|quicker|(in )?(half|a fraction of) the time)\b|\bspeed(ing)? (\w+ ){0,4}up\b|\b(twice|times|\dx) (as fast|faster)\b|^(benchmark|profile) (the|our|this|it|all|\w+$)"),
    TypeRule(_T.TESTING, "writing tests", rf"\b(write|add|create|generate|extend|improve|increase|raise|need|cover|provide|expand|missing)\b[^.;]{{0,60}}\b({_TEST} )*(tests?|test cases?|test suites?|(test )?coverage)\b"),
    TypeRule(_T.TESTING, "tests", r"\b(unit|integration|property|end.to.end|regression|e2e|flaky|failing) tests?\b|\btest (coverage|cases?|suite|fixtures?)\b|^tests?\b|\b(pytest|jest|vitest|mock\w*|fixtures?)\b"),
    TypeRule(_T.DOCUMENTATION, "documenting", r"^document\b|\b(docstrings?|documentation|docs?|readme|changelogs?|tutorials?|jsdoc|godoc|how-?to|user guide|getting.started|api reference)\b"),
    TypeRule(_T.DOCUMENTATION, "wording", r"\b(typos?|spelling|grammar|wording|misspell\w*)\b"),
    TypeRule(_T.PERFORMANCE_OPTIMIZATION, "speed", r"\b(slow\w*|faster|speed ?up|speed|latency|throughput|performance|perf|bottlenecks?|n\+1|profil(e|ing) the|takes? (too long|forever|ages|\w+ (seconds|minutes)))\b"),
    TypeRule(_T.PERFORMANCE_OPTIMIZATION, "fewer resources", r"\b(optimi[sz]\w+|memory (usage|consumption|footprint)|(less|fewer|reduce|cut|lower|bring down)\b.*\b(memory|ram|allocations?|cpu|queries|bundle size)|\d ?[gm]b of (ram|memory)|hot ?spots?|cache the|avoid (extra |needless )?(copies|allocations?))\b"),
    TypeRule(_T.DEPLOYMENT, "delivering", r"\b(deploy\w*|roll ?out|ship (it|the|this|to)|publish|go live|release (it|the|to|this|a|workflow|process))\b"),
    TypeRule(_T.DEPLOYMENT, "delivery files", r"\b(docker\w*|containeri[sz]e|kubernetes|k8s|helm|terraform|ansible|ci/cd|ci|github actions?|gitlab|jenkins\w*|pipelines?|workflows?|devcontainers?|goreleaser|makefile)\b"),
    TypeRule(_T.UI_DESIGN, "designing", r"\b((re)?design|restyle|style|polish|mock ?up|wireframe|lay ?out)\b.*\b(page|screen|view|form|buttons?|layout|interface|ui|dashboard|menu|dialog|sidebar|component|header|footer|navigation|landing|profile|modal)\b"),
    TypeRule(_T.UI_DESIGN, "looks", r"\b(ui|ux|css|stylesheets?|layout|dark mode|light mode|responsive|accessib\w+|colou?rs?|contrast|spacing|padding|margins?|fonts?|icons?|mock-?ups?|wireframes?|look (better|good|nice|of))\b"),
    TypeRule(_T.REFACTORING, "refactoring", r"\b(refactor\w*|restructur\w+|reorgani[sz]\w+|decoupl\w+|untangl\w+|de-?duplicat\w+|duplicated? (code|logic)|modulari[sz]e|without changing (its |the )?behaviou?r)\b"),
    TypeRule(_T.REFACTORING, "reshaping", r"^(rename|extract|split|simplify|inline|move|merge|consolidate|unify|convert|replace|break up|rework|turn)\b"),
    TypeRule(_T.BUG_FIX, "fixing", r"^(fix|repair|resolve|debug|hotfix|correct|prevent|avoid|handle|ensure|do not|don't|stop|restore|properly)\b|\b(fix (it|this|that)|needs? fixing)\b"),
    TypeRule(_T.BUG_FIX, "defects", r"\b(bugs?|crash\w*|exceptions?|traceback|panics?|segfaults?|broken|fails?|failing|failed|regression|wrong(ly)?|incorrect\w*|(does|do|did|is|are)( not|n't) (work|show|load|appear|respond|update|save)\w*|does nothing|no longer|hangs?|deadlocks?|race condition|off.by.one|memory leak|twice|error [45]\d\d|[45]00 error)\b"),
    TypeRule(_T.RESEARCH, "investigating", r"^(research|investigate|explore|compare|evaluate|analy[sz]e|explain|find out|figure out|map|understand|summari[sz]e|assess|study|describe how|tell me)\b|\b(feasib\w+|trade-?offs?|pros and cons|whether (we|to|it))\b"),
    TypeRule(_T.RESEARCH, "asking", r"^(how|what|why|which|where|who|when|is|are|does|do|can|should)\b|\?\s*$"),
    TypeRule(_T.CODE_IMPLEMENTATION, "implementing", r"^(implement\w*|develop|introduce|integrate|allow|enable|support|let (users?|people|me|us)|provide|expose)\b"),
    TypeRule(_T.CODE_IMPLEMENTATION, "making something new", r"^(add|create|build|write|make|generate|show|accept|set up)\b"),
)  # fmt: skip

CUES: Mapping[str, str] = {
    "defect": r"\b(crash|panic|segfault|exception|traceback|stack ?trace|throws?|typeerror|undefined|race condition|deadlock|infinite loop|leak|regression|broken|not work|doesn.?t|fails?|failing|failed|failure|incorrect|wrong|unexpected|bug|hang|invalid|missing|prevent|avoid|handle|error)\b",
    "version": r"\bv?\d+\.\d+(\.\d+)?\b",
    "to a version": r"\b(from|to) v?\d+(\.\d+)*\b",
    "weakness": r"\b(cve|ghsa|cwe)\b|vulnerab|exploit|injection|xss|csrf|ssrf|sanitiz|secret|owasp|pentest|harden",
    "prose file": r"\.(md|rst|mdx|adoc)\b|readme|changelog",
    "delivery file": r"\.(ya?ml|toml)\b|github actions?|workflow|docker|helm|kubernetes|k8s|terraform|\bci\b|\bcd\b|pipeline|deploy|release|\bbuild\b|makefile",
    "test": r"\btests?\b|\bspecs?\b|_test|test_|coverage|e2e|fixture|mock|pytest|jest|vitest",
    "looks": r"\b(ui|ux|css|styl|layout|padding|margin|colou?r|font|icon|theme|dark mode|modal|button|spacing|hover|responsive|wireframe|mockup|visual|align)\w*",
    "question": r"\?\s*$|^(how|why|what|when|where|which|can i|is there|does|is it|should|could)\b",
    "cost": r"\b(slow|faster|speed|perf\w*|latency|throughput|memory usage|cache|caching|optimi[sz]\w*|lazy|batch|parallel|reduce|alloc\w*|bundle size|n\+1|efficient\w*|expensive)\b",
    "dependency": r"\b(bump|upgrade|dependenc\w+|deps?|lockfile|renovate|dependabot|pin|outdated|eol)\b",
    "reshape": r"\b(refactor\w*|extract|rename\w*|move|split|simplif\w*|clean ?up|dedup\w*|unify|consolidat\w*|inline|restructure|decouple|modulari[sz]e|remove unused|dead code|replace)\b",
    "prose": r"\b(doc\w*|readme|comment|typo|guide|tutorial|example|jsdoc|docstring|changelog|explain|clarify|wording|spelling|link)s?\b",
    "makes": r"^(add|support|implement|introduce|allow|enable|create|build|provide|make|expose|new)\b",
    "mends": r"^(fix|resolve|correct|repair|prevent|avoid|handle|ensure|do not|don.t|revert|restore|debug)\b",
    "judges": r"\breview\w*\b|\bpr #?\d|pull request|feedback on|critique|code quality",
    "inquires": r"\b(investigat\w*|research\w*|explor\w*|analy[sz]\w*|evaluat\w*|compar\w*|understand|explain|feasib\w*|spike|trade-?offs?|assess\w*|recommend\w*|study|survey|why)\b",
}  # fmt: skip
