"""The page on what agents' work is held against, how they end, and how a step finds its agent."""

from collections.abc import Iterator

from ostinato.domain.agents.assignment import MOST_AT_ONCE, WEIGHTS, Reason
from ostinato.domain.agents.objections import OBJECTIONS
from ostinato.domain.agents.outcomes import ENDS, OF_LIMIT
from ostinato.domain.agents.proving import MOST_ROUNDS
from ostinato.domain.prompting.shares import WHOLE, PartName, Shares
from ostinato.domain.prompting.templates import names
from ostinato.domain.staff import WELL_DONE


def proofs_page() -> Iterator[str]:
    yield from (
        "# Proofs",
        "",
        "What an agent says is commentary. What it left is held against it, and this may be found:",
        "",
    )
    yield from ("| code | weight | meaning | failure, where the step ends with it |", "|---|---|---|---|")
    for code, policy in OBJECTIONS.items():
        yield f"| `{code}` | {policy.weight} | {policy.means} | {f'`{policy.failure}`' if policy.failure else ''} |"
    yield ""
    yield f"What blocks goes back to the same session, {MOST_ROUNDS} times at most; the same again is no progress, and ends the attempt."
    yield "All attempts of the step count together, whether a worker died in between or a retry told it what was missing. Where it went"
    yield f"back {MOST_ROUNDS} times, and something is missing still, another attempt begins a new session at the checkpoint."
    yield "What is doubted is asked for once and then stands in the report, as does what is noted."
    yield from _ends()
    yield from _prompts()
    yield from _assignment()


def _ends() -> Iterator[str]:
    yield from ("", "## Ends", "", "| end | failure | the session goes on | meaning |", "|---|---|---|---|")
    for kind, policy in ENDS.items():
        yield f"| `{kind}` | {f'`{policy.code}`' if policy.code else ''} | {'yes' if policy.keeps_session else 'no'} | {policy.meaning} |"
    limits = ", ".join(f"{limit} `{code}`" for limit, code in OF_LIMIT.items())
    yield from ("", f"By limit: {limits}.")


def _prompts() -> Iterator[str]:
    shares = Shares()
    yield from ("", "## Prompts", "", "| part | estimated tokens at most |", "|---|---|")
    for name in PartName:
        yield f"| `{name}` | {'whole' if name in WHOLE else f'{shares.parts[name]:,}'} |"
    yield from (
        "",
        f"All of it together: {shares.total:,}, more only where the task itself takes it. Template files: {', '.join(f'`{name}`' for name in names())}.",
    )


def _assignment() -> Iterator[str]:
    parts = " + ".join(f"{name} × {weight:.2f}" for name, weight in WEIGHTS.items())
    yield from (
        "",
        "## Assignment",
        "",
        f"Score = {parts}; each part is 0 to 1. Nobody has more than {MOST_AT_ONCE} steps of a run at once.",
        "",
        "| part | what it is |",
        "|---|---|",
        "| `capability` | of the capabilities that the step needs or has use for, those that it has; one that names none counts as having all |",
        "| `free load` | the room that it has left among the steps of this run |",
        "| `past performance` | of its last 100 attempts in this repository, and those of this run, how many succeeded: (succeeded + 1) / (all + 2) |",
        "| `specialization` | of the run's task type, domains and the project's languages, those that its `specialities` name, or "
        f"at which it was good before: task types with {WELL_DONE} successes or more among these attempts, and two thirds of them all |",
        "",
    )
    yield f"An agent comes before a person. Who is not considered: {', '.join(reason.value for reason in Reason)}."
