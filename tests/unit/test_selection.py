import pytest

from ostinato.adapters.resources import built_in
from ostinato.domain.classification import Classification, Complexity, Intent, TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.resources import (
    DYNAMIC_TOKENS,
    Activation,
    Detail,
    Found,
    Kind,
    Origin,
    Resource,
    cost_of,
)
from ostinato.domain.selection import explained, loaded_text, select

FIX = Classification(task_type=TaskType.BUG_FIX, confidence=0.9, intent=Intent.FIX)


def a_resource(kind: Kind, name: str, description: str, text: str = "How to do it.", **more: object) -> Resource:
    values = {
        "kind": kind,
        "name": name,
        "description": description,
        "text": text,
        "origin": Origin.USER,
        "path": f"~/{name}",
        "cost": cost_of(name, description, text),
        **more,
    }
    return Resource.model_validate(values)


def chosen(*resources: Resource, request: str = "", classification: Classification = FIX, **more: object) -> Activation:
    found = Found(resources=(*resources, *built_in()))
    return select(classification, found, request=request, **more)  # type: ignore[arg-type]


def names(activation: Activation) -> dict[str, Detail]:
    return {each.name: each.level for each in activation.skills}


def test_the_built_in_skill_of_the_type_is_loaded_in_full_and_says_why() -> None:
    activation = chosen(request="the login crashes")

    assert activation.skills[0].name == "fix-a-defect"
    assert activation.skills[0].level is Detail.FULL
    assert activation.skills[0].because == "it is for bug_fix, which the request is"
    assert activation.mode_because == "the request is bug_fix"


def test_every_type_gets_its_own_skill() -> None:
    first = {
        kind: chosen(classification=FIX.model_copy(update={"task_type": kind, "confidence": 0.4})).skills[0]
        for kind in TaskType
    }

    assert len({each.name for each in first.values()}) == len(TaskType)
    assert {each.level for each in first.values()} == {Detail.FULL}


def test_the_second_type_brings_only_its_description() -> None:
    activation = chosen(classification=FIX.model_copy(update={"secondary": TaskType.TESTING}))

    assert names(activation)["write-tests"] is Detail.DESCRIPTION
    assert activation.on_demand_tokens > 100


def test_words_of_the_request_find_a_skill_that_declares_nothing() -> None:
    skill = a_resource(Kind.SKILL, "stripe-webhooks", "Handles webhooks and refunds of the Stripe payment service.")
    other = a_resource(Kind.SKILL, "haiku", "Writes poems of three lines.")

    activation = chosen(skill, other, request="the Stripe webhook for refunds crashes on an empty payment")

    assert names(activation)["stripe-webhooks"] is Detail.FULL
    assert "stripe" in next(each.because for each in activation.skills if each.name == "stripe-webhooks")
    assert [(left.name, left.reason) for left in activation.left_out] == [("haiku", "it does not fit (0.00)")]


def test_a_skill_that_is_named_comes_along_whatever_it_says() -> None:
    skill = a_resource(Kind.SKILL, "house-rules", "x", is_automatic=False)

    assert names(chosen(skill, request="fix it by our house-rules"))["house-rules"] is Detail.FULL
    assert "house-rules" not in names(chosen(skill, request="fix it"))


def test_nothing_of_an_untrusted_repository_comes_along() -> None:
    skill = a_resource(Kind.SKILL, "login-fixer", "Fixes crashes of the login.", origin=Origin.REPOSITORY)
    context = a_resource(Kind.CONTEXT, "AGENTS.md", "Rules", origin=Origin.REPOSITORY, path="AGENTS.md")
    request = "the login crashes, use login-fixer"

    suspected = chosen(skill, context, request=request)
    trusted = chosen(skill, context, request=request, trusted=True)

    assert "login-fixer" not in names(suspected)
    assert not suspected.context
    assert {left.reason for left in suspected.left_out} == {"the repository is not trusted"}
    assert names(trusted)["login-fixer"] is Detail.FULL
    assert [each.name for each in trusted.context] == ["AGENTS.md"]


def test_what_the_budget_does_not_hold_is_loaded_less_or_left_out_with_the_reason() -> None:
    long = "word " * 20_000
    skill = a_resource(Kind.SKILL, "login-notes", "About crashes of the login page and its session.", long)
    second = a_resource(Kind.SKILL, "login-manual", "The login page, its crashes and session.", long)
    request = "the login page crashes without a session"

    activation = chosen(skill, second, request=request)
    poor = chosen(skill, request=request, budget_tokens=160)

    assert sorted(str(names(activation)[name]) for name in ("login-notes", "login-manual")) == ["description", "full"]
    assert activation.tokens <= DYNAMIC_TOKENS
    assert poor.tokens <= 160
    assert any("tokens" in left.reason and "free" in left.reason for left in poor.left_out)


def test_servers_commands_and_agents_come_after_skills_each_at_its_own_level() -> None:
    server = a_resource(Kind.SERVER, "sentry", "http https://mcp.sentry.dev/mcp")
    command = a_resource(Kind.COMMAND, "triage", "Triage a crash: error, trace, cause of the exception")
    agent = a_resource(Kind.AGENT, "debugger", "Debugs a crash and finds the error behind an exception")

    activation = chosen(server, command, agent, request="triage the crash: an error with an exception trace in Sentry")

    assert [each.name for each in activation.servers] == ["sentry"]
    assert activation.command is not None
    assert activation.command.name == "triage"
    assert [(each.name, each.level) for each in activation.agents] == [("debugger", Detail.DESCRIPTION)]
    parts = (*activation.skills, *activation.servers, activation.command, *activation.agents)
    assert activation.tokens == activation.mode_tokens + sum(each.tokens for each in parts)


def test_of_nested_context_the_nearest_file_counts() -> None:
    files = [
        a_resource(Kind.CONTEXT, path, "Rules", origin=Origin.REPOSITORY, path=path)
        for path in ("AGENTS.md", "web/AGENTS.md", "web/ui/AGENTS.md", "api/AGENTS.md")
    ]

    activation = chosen(*files, request="fix web/ui/login.tsx", trusted=True)

    assert {each.name: each.because for each in activation.context} == {
        "AGENTS.md": "it is for the whole repository",
        "web/ui/AGENTS.md": "it is the nearest to web/ui/login.tsx",
    }


def test_an_unknown_mode_is_refused_and_a_found_one_taken() -> None:
    mode = a_resource(Kind.MODE, "careful", "Twice")

    assert chosen(mode, mode="careful").mode_because == "you asked for it"
    with pytest.raises(UserError, match="token-efficient"):
        chosen(mode="turbo")


def test_large_work_is_orchestrated() -> None:
    assert chosen(classification=FIX.model_copy(update={"complexity": Complexity.COMPLEX})).mode == "orchestration"


def test_an_activation_stays_small_however_much_was_found() -> None:
    many = [a_resource(Kind.SKILL, f"login-{n}", "Crashes of the login page " * 20) for n in range(500)]

    activation = chosen(*many, request="the login page crashes")

    assert activation.left_out_count > 480
    assert len(activation.model_dump_json()) < 20_000


def test_the_order_of_discovery_does_not_matter() -> None:
    skills = [a_resource(Kind.SKILL, f"login-{n}", "Crashes of the login page.") for n in range(30)]

    assert chosen(*skills, request="login crashes") == chosen(*reversed(skills), request="login crashes")


def test_each_thing_is_explained_and_loaded_at_its_level() -> None:
    agent = a_resource(Kind.AGENT, "debugger", "Debugs a crash and its exception", "You are a debugger.")
    found = Found(resources=(agent, *built_in()))
    activation = select(FIX, found, request="debug the crash and its exception")

    text = loaded_text(activation, found)

    assert any(line.startswith("agent debugger (description") and "because" in line for line in explained(activation))
    assert "Debugs a crash" in text
    assert "You are a debugger." not in text
    assert "Reproduce it as a test" in text


def test_an_untrusted_repository_cannot_push_ours_aside() -> None:
    own = a_resource(Kind.SKILL, "fix-a-defect", "Theirs", origin=Origin.REPOSITORY, path=".claude/skills/fix-a-defect")
    mode = a_resource(Kind.MODE, "implementation", "Theirs", origin=Origin.REPOSITORY, path=".ostinato/modes/x.md")
    rest = [each for each in built_in() if each.name not in ("fix-a-defect", "implementation")]
    hidden = tuple(each for each in built_in() if each not in rest)
    found = Found(resources=(own, mode, *rest), hidden=hidden)

    suspected, trusted = (select(FIX, found, request="fix-a-defect", trusted=trust) for trust in (False, True))

    assert (suspected.skills[0].origin, suspected.mode_path) == (Origin.BUILT_IN, "modes/implementation.md")
    assert "Theirs" not in loaded_text(suspected, found)
    assert (trusted.skills[0].origin, trusted.mode_path) == (Origin.REPOSITORY, ".ostinato/modes/x.md")
