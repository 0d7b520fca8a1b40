import tomllib

from ostinato.domain.agents import EndKind
from ostinato.domain.agents.described import DescribedAgent, filled, read_agents

WHOLE = r"""
[agents.mini]
command = ["mini", "--yes", "--model", "openai/{model}", "--task", "{prompt}"]
prompt = "argument"
env = ["MINI_REGION"]
set = { MINI_COLOUR = "never" }
capabilities = ["python"]
wire = "openai-chat"
base_url = "OPENAI_BASE_URL"
key = "OPENAI_API_KEY"
session = 'session: (\S+)'
resume = ["--resume", "{session}"]

[agents.mini.ends]
exit_codes = { "3" = "gave_up" }
patterns = [{ match = "LimitsExceeded", end = "gave_up" }]

[agents.mini.usage]
input = 'Tokens: ([\d.,k]+) sent'
counted = "each"
"""


def told(text: str) -> dict[str, tuple[str, str]]:
    _, problems = read_agents(tomllib.loads(text)["agents"])
    return {field: (message, cure) for field, message, cure in problems}


def one(text: str) -> DescribedAgent:
    (agent,), problems = read_agents(tomllib.loads(text)["agents"])
    assert problems == ()
    return agent


def test_an_agent_is_described_whole() -> None:
    agent = one(WHOLE)

    assert agent.name == "mini"
    assert agent.resumes
    assert agent.takes_base_url
    assert agent.ends.exit_codes == {"3": EndKind.GAVE_UP}
    assert agent.usage.counted == "each"


def test_a_command_is_enough() -> None:
    agent = one('[agents.mine]\ncommand = ["mine"]\n')

    assert (agent.prompt, agent.home, agent.resumes, agent.takes_base_url) == ("stdin", "private", False, False)


def test_every_problem_is_told_at_once() -> None:
    problems = told(
        '[agents.mine]\ncolour = 1\ncommand = ["mine", "{fil}"]\nenv = ["HOME"]\n'
        '[agents.other]\ncommand = "other"\n[agents."Third One"]\ncommand = ["x"]\n'
    )

    assert problems["agents.mine.colour"][0] == "is not known here"
    assert problems["agents.mine.command[1]"][0].startswith("{fil} is no placeholder")
    assert problems["agents.mine.env[0]"][0] == "this variable is Ostinato's own"
    assert problems["agents.other.command"] == (
        "is not a list", 'Write a list of texts: command = ["mine", "--model", "{model}"]'
    )  # fmt: skip
    assert problems["agents.Third One"][0] == "is no name for an agent"


def test_a_right_agent_is_known_beside_a_wrong_one() -> None:
    agents, problems = read_agents({"good": {"command": ["x"]}, "bad": {}})

    assert [agent.name for agent in agents] == ["good"]
    assert [field for field, _, _ in problems] == ["agents.bad.command"]


def test_a_built_in_name_is_taken() -> None:
    assert told('[agents.claude]\ncommand = ["x"]\n')["agents.claude"][0] == "the name belongs to a built-in agent"


def test_a_session_is_resumed_only_when_its_id_is_found_and_named() -> None:
    problems = told('[agents.mine]\ncommand = ["mine"]\nresume = ["--again"]\n')

    assert set(problems) == {"agents.mine.resume", "agents.mine.session"}


def test_a_prompt_by_file_needs_the_files_place() -> None:
    problems = told('[agents.mine]\ncommand = ["mine"]\nprompt = "file"\n')

    assert problems["agents.mine.command"][1] == "Put {file} where the file's path belongs"


def test_patterns_are_compiled_and_their_groups_counted() -> None:
    problems = told(
        "[agents.mine]\ncommand = ['mine']\n[agents.mine.usage]\ninput = 'Tokens: \\d+'\n"
        "[[agents.mine.ends.patterns]]\nmatch = '('\nend = 'done'\n"
    )

    assert "no regular expression" in problems["agents.mine.ends.patterns[0].match"][0]
    assert "exactly 1 group" in problems["agents.mine.usage.input"][0]


def test_an_agent_cannot_tell_that_a_limit_of_ours_was_met() -> None:
    problems = told('[agents.mine]\ncommand = ["mine"]\nends = { exit_codes = { "1" = "limit", "300" = "done" } }\n')

    assert "cannot tell this end" in problems["agents.mine.ends.exit_codes.1"][0]
    assert "agents.mine.ends.exit_codes.300" in problems


def test_an_agent_of_the_protocol_states_nothing_that_the_protocol_tells() -> None:
    problems = told('[agents.mine]\ncommand = ["mine"]\nspeaks = "acp"\nprompt = "argument"\n')

    assert problems["agents.mine.prompt"][0] == "has no meaning for an agent that speaks acp"


def test_agents_that_are_no_table_are_told() -> None:
    assert read_agents(["mine"])[1][0][:2] == ("agents", "is not a table")
    assert read_agents(None) == ((), ())


def test_a_prompt_with_placeholders_in_it_is_not_filled_again() -> None:
    text = filled("{prompt} as {model} {json}", {"prompt": "say {model}", "model": "m"})

    assert text == "say {model} as m {json}"
