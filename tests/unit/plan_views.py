"""What `plan` shows, without a repository: builders, and plans that have a bit of everything."""

import io

from rich.console import Console, RenderableType

from ostinato.adapters.resources import built_in
from ostinato.cli.foreseeing import Foresight
from ostinato.cli.prospects import asks_of, cost_of, lacks_of
from ostinato.cli.terminal import THEME
from ostinato.domain.approval import approval_for
from ostinato.domain.claims import with_implied
from ostinato.domain.drafting import draft
from ostinato.domain.durations import Samples, with_expectations
from ostinato.domain.plan import Plan
from ostinato.domain.preflight import PreflightFacts, preflight_gates
from ostinato.domain.project import ProjectFacts
from ostinato.domain.refining import after_plan
from ostinato.domain.resources import Found
from ostinato.domain.selection import select
from tests.builders import a_plan, a_project, a_run, a_step

_ENOUGH = 'has(steps["enough"].chosen) && {}steps["enough"].chosen'


def a_mixed_plan() -> Plan:
    """A group, a condition with both branches, an implied dependency, a person, a question, a long name, long claims."""
    run = {"kind": "command", "shell": "./build {{ part }} > {{ part }}.txt"}
    group = {
        "kind": "group",
        "items": "inputs.parts",
        "name": "part",
        "body": [a_step("build", action=run, expected_s=8)],
    }
    choose = {"kind": "choose", "condition": "steps.build.count >= 3"}
    ask = {"kind": "ask", "question": "Ship it now?\nThink.", "options": ["ship", "abort"]}
    return with_implied(
        a_plan(
            a_step("find", name="Find the parts of everything that has to be built, in every folder there is"),
            a_step("build", "find", name="Build each part", action=group, expected_s=8, writes=None),
            a_step("notes", name="Write notes", writes=["notes.txt", *(f"docs/{n}/**" for n in range(9))]),
            a_step("check", name="Check the notes", reads=["*.txt"], holds=["port 5432"]),
            a_step("enough", "build", action=choose, expected_s=0.2),
            a_step("ask", "enough", name="Ask before it is shipped", action=ask, when=_ENOUGH.format("")),
            a_step("fix", "enough", action={"kind": "agent", "prompt": "Find out why."}, when=_ENOUGH.format("!")),
            a_step("ship", "ask", "fix", name="Ship it", max_attempts=3),
            source="definition:ship.yaml",
            inputs={"parts": ["core", "web"]},
            rollback_points=["build"],
        )
    )  # fmt: skip


def a_foresight(
    text: str = "fix the lint errors", plan: Plan | None = None, project: ProjectFacts | None = None, **options: object
) -> Foresight:
    request, known = a_run(text, plan=plan, **options), project or a_project(test_files=1)
    found, drafted = draft(request, known)
    expected, expectations = with_expectations(drafted, Samples())
    classification = after_plan(found, expected, expectations)
    approval = approval_for(request.options, classification)
    activation = select(classification, Found(resources=built_in()), request=text)
    facts = PreflightFacts(dirty_paths=(), dirty_count=0, free_bytes=1 << 40)
    gates = preflight_gates(request.options, classification, expected, known, facts)
    return Foresight(
        request=request,
        base_commit="c0ffee" * 6,
        base_branch="main",
        trusted=request.options.trusted,
        classification=classification,
        activation=activation,
        project=known,
        plan=expected,
        expectations=expectations,
        escalation=None,
        approval=approval,
        gates=gates,
        asks=asks_of(expected, classification, approval, None),
        lacks=tuple(lacks_of(gates, known, activation, trusted=request.options.trusted)),
        cost=cost_of(expected, activation, ""),
        notes=(),
    )


def shown(*renderables: RenderableType, width: int = 300) -> str:
    stream = io.StringIO()
    Console(file=stream, theme=THEME, width=width).print(*renderables, sep="\n")
    return stream.getvalue()
