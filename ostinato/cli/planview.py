"""What a run would do, as text: the answer to four questions first, then the plan, then every ground. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Group
from rich.text import Text

from ostinato.cli.factors import factor_lines
from ostinato.cli.folding import LABEL_CELLS, cut, fold, item, row, some
from ostinato.cli.foreseeing import Foresight
from ostinato.cli.plantree import tree_lines
from ostinato.cli.projects import summary_lines
from ostinato.cli.prospects import Ask, Asking, Cost, machine_s, risks_of
from ostinato.cli.rendering import spaced
from ostinato.cli.steprows import span
from ostinato.domain.classification import Classification, Risk
from ostinato.domain.classifying.escalation import Next
from ostinato.domain.complexity import WEIGHTS, facts_of
from ostinato.domain.critical_path import waves

NARROWEST, WIDEST = 80, 140
RISK_STYLE = {Risk.LOW: "good", Risk.MEDIUM: "careful", Risk.HIGH: "bad", Risk.CRITICAL: "bad"}
_BRIEF = {
    Asking.TYPE: "its type",
    Asking.APPROVAL: "approval",
    Asking.QUESTION: "questions",
    Asking.HAND_OFF: "work by hand",
}
_REPEATED = (Asking.QUESTION, Asking.HAND_OFF)


def foresight_lines(seen: Foresight, width: int) -> Group:
    """The most important first; nothing is wider than `width`, which is kept between 80 and 140."""
    width = max(NARROWEST, min(width, WIDEST))
    return spaced(
        [
            _head(seen, width),
            _summary(seen, width),
            [*_title("Plan", _legend(seen), width), *tree_lines(seen.plan, seen.expectations, width)],
            list(_asks(seen, width)),
            list(_lacks(seen, width)),
            list(_risk(seen, width)),
            list(_done_when(seen, width)),
            list(_cost(seen.cost, width)),
            list(_reading(seen, width)),
            list(_sources(seen, width)),
        ]
    )


def _head(seen: Foresight, width: int) -> list[Text]:
    first, *more = fold(seen.request.text.splitlines()[0], width) or [""]
    rest = f"{more[0][: width - 1]}…" if len(more) > 1 else "".join(more)
    lines = [Text(line, style="title") for line in (first, rest) if line]
    return [*lines, Text("a preview: nothing is changed, no server is started", style="quiet")]


def _summary(seen: Foresight, width: int) -> list[Text]:
    """Enough for five seconds."""
    found = seen.classification
    sure = "as you said" if found.stated else f"{found.confidence:.0%} sure"
    steps = _counted(len(seen.plan.steps), "step")
    place = f", on top of {seen.base_branch or seen.base_commit[:12]}"
    risks = risks_of(found)
    asks_style = "careful" if seen.asks else ""
    blocked = any(lack.blocks for lack in seen.lacks)
    return [
        *row("does", f"{steps}: {found.task_type} ({sure}), {found.complexity}{place}", width),
        *row("takes", _time(seen), width),
        *row("asks you", _asked(seen.asks), width, asks_style),
        *row("risk", f"{found.risk}: {'; '.join(risks)}" if risks else str(found.risk), width, RISK_STYLE[found.risk]),
        *row("missing", _missing(seen), width, "bad" if blocked else "careful" if seen.lacks else ""),
        *row("costs", f"{seen.cost.context_tokens:,} tokens of context; {_money(seen.cost)}", width),
    ]


def _time(seen: Foresight) -> str:
    estimate = seen.classification.estimate
    if estimate is None:
        return "nobody can say"
    said = f"about {span(estimate.likely_s)} ({span(estimate.low_s)} to {span(estimate.high_s)})"
    alone = machine_s(seen.plan)
    return f"{said}; without people {span(alone)}" if alone < estimate.likely_s else said


def _asked(asks: Sequence[Ask]) -> str:
    if not asks:
        return "nothing"
    kinds = {
        kind: sum(ask.times or 1 for ask in asks if ask.kind is kind) for kind in dict.fromkeys(a.kind for a in asks)
    }
    parts = [_BRIEF[kind] + (f" ({count})" if kind in _REPEATED else "") for kind, count in kinds.items()]
    at_least = "at least " if any(ask.times is None for ask in asks) else ""
    return f"{at_least}{_counted(sum(kinds.values()), 'time')}: {', '.join(parts)}"


def _missing(seen: Foresight) -> str:
    blocked = "it would not start: " if any(lack.blocks for lack in seen.lacks) else ""
    return blocked + ", ".join(dict.fromkeys(lack.brief for lack in seen.lacks)) if seen.lacks else "nothing"


def _money(cost: Cost) -> str:
    parts = []
    if cost.model:
        said = f"up to {cost.billed_tokens:,} tokens" + ("" if cost.usd is None else f", ${cost.usd:.2f}")
        parts.append(f"{cost.model} bills {said}")
    if cost.agents:
        parts.append(f"{', '.join(cost.agents)} about {cost.agents_tokens:,} tokens, {_usd_of_agents(cost)}")
    return "; ".join(parts) + _limited(cost) if parts else "money: only what agents bill, none is named"


def _usd_of_agents(cost: Cost) -> str:
    return f"${cost.agents_usd:.2f}" + ("" if cost.agents_price_known else " at the most that a model costs")


def _legend(seen: Foresight) -> str:
    plan = seen.plan
    side = f"┌│└ together, at most {plan.max_parallel}" if any(len(wave) > 1 for wave in waves(plan)) else ""
    return " · ".join(filter(None, (plan.source, "◆ critical path", side)))


def _title(name: str, said: str, width: int) -> list[Text]:
    lines = fold(said, width - len(name) - 4) or [""]
    first = Text.assemble((f"  {name}", "title"), (f"  {lines[0]}" if said else "", "quiet"))
    return [first, *(Text(f"  {' ' * len(name)}  {line}", style="quiet") for line in lines[1:])]


def _asks(seen: Foresight, width: int) -> Iterator[Text]:
    """What is asked for the same reason stands together, the reason once."""
    if seen.asks:
        yield from _title("Asks you", "in this order", width)
    for _, group in groupby(seen.asks, key=lambda ask: (ask.kind, ask.why, ask.options)):
        alike = list(group)
        for ask in alike:
            often = f"{ask.times} times" if ask.times else "as often as its list says"
            each = f", {often}" if ask.times != 1 else ""
            only = f", only if {ask.only_if}" if ask.only_if else ""
            where = f" [{ask.step}]" if ask.step else ""
            yield from item(f"{ask.what}{where}{each}{only}", width, mark="?", style="careful")
        yield from item(f"{alike[0].why}; answers: {', '.join(alike[0].options)}", width, mark=" ", style="quiet")


def _lacks(seen: Foresight, width: int) -> Iterator[Text]:
    if seen.lacks:
        yield from _title("Missing here", "", width)
    for lack in seen.lacks:
        mark, style = ("✘", "bad") if lack.blocks else ("⚠", "careful")
        yield from item(lack.what, width, mark=mark, style=style)
        if lack.cure:
            yield from item(lack.cure, width, mark="→", indent=6, style="command")


def _risk(seen: Foresight, width: int) -> Iterator[Text]:
    found = seen.classification
    reasons = risks_of(found)
    if reasons or found.mitigations:
        yield from _title(f"Risk {found.risk}", "", width)
        yield from _items(reasons, width)
        yield from _items(found.mitigations, width, mark="→")


def _done_when(seen: Foresight, width: int) -> Iterator[Text]:
    gates = ", ".join(seen.plan.post_gates)
    if seen.plan.success_criteria or gates:
        yield from _title("Done when", "", width)
        yield from _items(seen.plan.success_criteria, width, mark="✔")
        yield from _items([f"the gates find nothing new: {gates}"] if gates else [], width, mark="✔")


def _cost(cost: Cost, width: int) -> Iterator[Text]:
    yield from _title("Tokens and cost", "tokens are estimates", width)
    share = f"{cost.context_tokens:,} of {cost.budget_tokens:,}"
    on_demand = f", {cost.on_demand_tokens:,} more on demand" if cost.on_demand_tokens else ""
    yield from row("  loaded", share + on_demand, width)
    for each in cost.loaded:
        level = f" ({each.level})" if each.level != "full" else ""
        yield from item(
            f"{each.kind} {each.name}{level}, {each.tokens:,}: {each.because}",
            width,
            indent=LABEL_CELLS + 2,
            style="quiet",
        )
    if cost.prompts:
        said = f"{_counted(cost.prompts, 'prompt')}, {cost.prompt_tokens:,} before what steps find is put into them"
        yield from row("  prompts", said, width)
        yield from row("  agents", _agents(cost), width)
    if not cost.model and cost.agents:
        said = f"about {_usd_of_agents(cost)}{_limited(cost)}: what agents bill"
        yield from row("  money", said, width)
        yield from _unfit(cost, width)
        return
    if not cost.model:
        yield from row("  money", f"not known: {cost.usd_because}", width)
        return
    usd = "not known" if cost.usd is None else f"up to ${cost.usd:.2f}"
    yield from row("  money", f"{usd}{_limited(cost)}: {cost.usd_because}", width)
    yield from _unfit(cost, width)


def _agents(cost: Cost) -> str:
    if cost.agents:
        rule = "a rule of thumb by what each step is to do"
        return f"{', '.join(cost.agents)}: about {cost.agents_tokens:,} tokens, {rule}"
    rule = f"an agent in place of people: about {cost.agents_would_bill_tokens:,}, a rule of thumb"
    return f"none is named; {rule}"


def _unfit(cost: Cost, width: int) -> Iterator[Text]:
    if not cost.fits:
        yield from row("", "more than the limit: what cannot be paid for is left out", width, "careful")


def _limited(cost: Cost) -> str:
    said = [
        "" if cost.usd_limit is None else f"${cost.usd_limit:.2f}",
        "" if cost.tokens_limit is None else f"{cost.tokens_limit:,} tokens",
        "" if cost.usd_limit_of_day is None else f"${cost.usd_limit_of_day:.2f} a day",
    ]
    limits = [each for each in said if each]
    return f" of {' and '.join(limits)}" if limits else ", no limit is set"


def _reading(seen: Foresight, width: int) -> Iterator[Text]:
    found, plan = seen.classification, seen.plan
    yield from _title("Why this plan", f"{plan.strategy}, {plan.shape}, validation {plan.validation_level}", width)
    yield from _items(plan.because, width)
    likely = ", ".join(f"{each.task_type} {each.p:.0%}" for each in found.top)
    yield from row("  type", likely, width)
    if found.because:
        yield from row("", "; ".join(found.because), width, "quiet")
    if seen.escalation is not None and seen.escalation.next is not Next.TAKE:
        yield from row("", seen.escalation.reason, width, "careful")
    yield from row("  about", ", ".join((found.intent, *found.domains)), width)
    yield from row("  size", factor_lines(found)[0].plain, width)
    yield from _factors(found, width)
    if plan.rollback_points:
        yield from row("  return to", some(plan.rollback_points, 6), width)


def _factors(found: Classification, width: int) -> Iterator[Text]:
    """Value, weight, and of the facts behind it the strongest first."""
    facts = facts_of(found.readings, found.risk)
    for name, value in found.factors.items():
        lead = f"      {name.replace('_', ' '):<19}{value:.2f} × {WEIGHTS[name]:.2f}  "
        told = [fact for fact in reversed(facts[name]) if ": 0 " not in fact]
        yield Text.assemble(lead, (cut("; ".join(told), width - len(lead)), "quiet"))


def _sources(seen: Foresight, width: int) -> Iterator[Text]:
    found = seen.classification
    yield from _title("Facts from", f"commit {seen.base_commit[:12]}, {'' if seen.trusted else 'not '}trusted", width)
    if found.paths:
        yield from row("  files", some(found.paths, 5), width)
    if found.packages:
        yield from row("  packages", some(found.packages, 5), width)
    for line in summary_lines(seen.project):
        indented = Text.assemble("  ", line)
        indented.truncate(width, overflow="ellipsis")
        yield indented
    if found.estimate is not None:
        yield from row("  times", found.estimate.because, width)


def _items(texts: Iterable[str], width: int, mark: str = "·") -> Iterator[Text]:
    for text in texts:
        yield from item(text, width, mark=mark)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
