"""How well a resource fits a request: by what it declares, by name, by words; and why. Pure."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ostinato.domain.classification import Classification, TaskType
from ostinato.domain.resources import Found, Kind, Resource

_T = TaskType
_TYPE_WORDS: Mapping[TaskType, str] = {
    _T.CODE_IMPLEMENTATION: "implement feature build add create endpoint function",
    _T.BUG_FIX: "bug fix debug error crash failure broken defect",
    _T.REFACTORING: "refactor restructure simplify extract rename cleanup duplicate",
    _T.TESTING: "test coverage unit integration fixture mock pytest jest",
    _T.DOCUMENTATION: "documentation document readme guide docstring changelog tutorial",
    _T.CODE_REVIEW: "review reviewer pull feedback critique",
    _T.SECURITY_AUDIT: "security audit vulnerability owasp secret threat injection cve",
    _T.PERFORMANCE_OPTIMIZATION: "performance optimize profile slow latency memory benchmark",
    _T.DEPLOYMENT: "deploy release pipeline docker kubernetes rollout publish",
    _T.RESEARCH: "research investigate compare explore explain evaluate",
    _T.UI_DESIGN: "interface design layout component accessibility style frontend",
    _T.MAINTENANCE: "upgrade dependency lint format maintenance bump tidy",
}
_SERVER_WORDS: Mapping[str, str] = {
    "github": "issue pull request repository",
    "gitlab": "issue merge request repository",
    "postgres": "database sql query schema",
    "sqlite": "database sql query schema",
    "mysql": "database sql query schema",
    "playwright": "browser page interface click screenshot frontend",
    "puppeteer": "browser page interface click screenshot frontend",
    "chrome": "browser page interface devtools frontend",
    "figma": "design layout interface component",
    "sentry": "error crash exception trace",
    "linear": "issue ticket",
    "jira": "issue ticket",
    "slack": "message channel",
    "context7": "documentation library",
    "docker": "container image deploy",
    "kubernetes": "cluster deploy pod",
    "aws": "cloud deploy",
    "fetch": "web page download",
    "search": "web research",
}
"""A server's file tells nothing about what it can do; its name often does."""
_WORD = re.compile(r"[^\W_]{2,}")
_COMMON_WORDS = (
    "the and for with that this from into use used using when where which what who how are was were been not but any all "
    "can you your our their its will should would must may also such than then them these those there here has have had "
    "does did done make makes made get gets let new one two each other more most some only over under about after before "
    "user users task tasks work works working project projects code file files agent agents skill skills claude please "
    "want need needs help helps on in to of or an as at by is it be do if so no we me my up us"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_VERBS = (
    "write add create build fix change update implement improve handle run find check show set remove support ensure"
)
"""Every request has one and most descriptions do: they tell little of what it is about."""
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ers", "er", "ed", "es", "s", "e", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    score: float
    """0 to 1."""
    because: str
    is_named: bool = False
    """The request says its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request asks for, as words with weights."""

    text: str
    types: Mapping[TaskType, float]
    """Likelihood, the likeliest first."""
    domains: frozenset[str]
    weights: Mapping[str, float]
    rarity: Mapping[str, float]


def wanted_by(classification: Classification, request: str, found: Found) -> Wanted:
    types = likely_types(classification)
    weights = dict.fromkeys(stems(" ".join(classification.domains)), 0.7)
    for kind, likelihood in types.items():
        for stem in stems(_TYPE_WORDS[kind]):
            weights[stem] = max(weights.get(stem, 0.0), 0.5 * likelihood)
    verbs = stems(_VERBS)
    weights.update({stem: 0.3 if stem in verbs else 1.0 for stem in stems(request)})
    return Wanted(
        text=request.lower(),
        types=types,
        domains=frozenset(classification.domains),
        weights=weights,
        rarity=_rarity(found.resources),
    )


def likely_types(classification: Classification) -> dict[TaskType, float]:
    """Its type first, then what else it is likely to be; nothing else where a person said the type."""
    if classification.stated:
        return {classification.task_type: 1.0}
    types = {classification.task_type: classification.confidence}
    known = {each.task_type: each.p for each in classification.top}
    second = (classification.secondary,) if classification.secondary is not None else ()
    for kind in (*second, *classification.also):
        types.setdefault(kind, known.get(kind, classification.confidence / 2))
    return types


def fit_of(resource: Resource, wanted: Wanted) -> Fit:
    """The strongest of: the request names it, it declares the type, its words match."""
    if _is_named(resource, wanted.text):
        return Fit(score=0.97, because="the request names it", is_named=True)
    return max(_by_type(resource, wanted), _by_words(resource, wanted), key=lambda fit: fit.score)


def stems(text: str) -> frozenset[str]:
    """Words without endings, so that tests, tested and testing are one."""
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _by_type(resource: Resource, wanted: Wanted) -> Fit:
    for rank, (kind, likelihood) in enumerate(wanted.types.items()):
        if kind in resource.types:
            score = 0.5 + 0.5 * likelihood if rank == 0 else 0.3 + 0.4 * likelihood
            said = "is" if rank == 0 else "may be"
            return Fit(score=round(score, 2), because=f"it is for {kind}, which the request {said}")
    common = wanted.domains.intersection(resource.domains)
    if common:
        return Fit(score=0.4, because=f"it is for {', '.join(sorted(common))}")
    return Fit(score=0.0, because="nothing of it matches")


def _by_words(resource: Resource, wanted: Wanted) -> Fit:
    """Shared words by rarity, those of the name twice; a long description needs more of them."""
    named = stems(resource.name)
    described = _described(resource) | named
    shared = {stem: wanted.weights[stem] * wanted.rarity.get(stem, 1.0) for stem in described & wanted.weights.keys()}
    weight = sum(value * (2 if stem in named else 1) for stem, value in shared.items())
    if not weight:
        return Fit(score=0.0, because="no word of it is in the request")
    score = weight / (weight + 2 + len(described) / 20)
    telling = sorted(shared, key=lambda stem: (-shared[stem] * (2 if stem in named else 1), stem))[:4]
    return Fit(score=round(min(score, 0.95), 2), because=f"it speaks of {_readable(telling, resource, wanted)}")


def _readable(telling: Iterable[str], resource: Resource, wanted: Wanted) -> str:
    """The stems as the words that the resource itself uses."""
    words = _WORD.findall(f"{resource.name} {resource.description} {' '.join(resource.keywords)}".lower())
    spelled = {_stem(word): word for word in reversed(words)}
    return ", ".join(spelled.get(stem, stem) for stem in telling)


def _described(resource: Resource) -> frozenset[str]:
    text = f"{resource.description} {' '.join(resource.keywords)}"
    if resource.kind is Kind.SERVER:
        known = f"{resource.name} {resource.description}".lower()
        text = f"{text} {' '.join(words for name, words in _SERVER_WORDS.items() if name in known)}"
    return stems(text)


def _rarity(resources: Iterable[Resource]) -> dict[str, float]:
    """1 for a word that one resource uses, less for one that many do."""
    counted = Counter(stem for each in resources for stem in _described(each) | stems(each.name))
    return {stem: 1 / (1 + math.log10(count)) for stem, count in counted.items()}


def _is_named(resource: Resource, text: str) -> bool:
    name = re.escape(resource.name.lower())
    if re.search(rf"(?<![\w/])[$/@]{name}(?![\w-])", text):
        return True
    return bool(re.search(r"[-:]", resource.name)) and bool(re.search(rf"(?<![\w-]){name}(?![\w-])", text))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
