"""How a described agent is started: its arguments, its environment, and where its prompt goes."""

import os
from collections.abc import Mapping
from pathlib import Path

from ostinato.adapters.agents.port import AgentTask
from ostinato.adapters.agents.running import Invocation
from ostinato.adapters.atomic import write_atomically
from ostinato.domain.agents import AgentEnd, EndKind
from ostinato.domain.agents.described import DescribedAgent, filled

LONGEST_ARGUMENT_BYTES = 120_000
"""Linux takes 128 KiB in one."""
PROMPT_FILE = "prompt.md"
_HOME_FOLDERS = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}


def invocation_of(agent: DescribedAgent, task: AgentTask, environ: Mapping[str, str]) -> Invocation | AgentEnd:
    """Writes the prompt's file where it goes by one. An end where it cannot be started so."""
    values = _values(agent, task)
    words = [*agent.command, *(agent.resume if task.session_id and agent.speaks == "text" else ())]
    if agent.speaks == "text" and agent.prompt == "argument" and not any("{prompt}" in word for word in words):
        words.append("{prompt}")
    argv = tuple(filled(word, values) for word in words)
    if problem := _problem(words, argv, values):
        return AgentEnd(kind=EndKind.MISSING, message=f"{agent.name} cannot be started: {problem}")
    if agent.speaks == "text" and agent.prompt == "file":
        write_atomically(Path(values["file"]), task.prompt)
    by_stdin = agent.speaks == "text" and agent.prompt == "stdin"
    return Invocation(
        argv=argv,
        env=_environment(agent, task, values, environ),
        stdin=task.prompt.encode("utf-8", "surrogateescape") if by_stdin else None,
    )


def _values(agent: DescribedAgent, task: AgentTask) -> Mapping[str, str]:
    return {
        "prompt": task.prompt,
        "file": str(task.private / PROMPT_FILE),
        "model": task.access.model or agent.model,
        "session": task.session_id,
        "tree": str(task.tree),
        "private": str(task.private),
        "base_url": task.access.base_url,
    }


def _problem(words: list[str], argv: tuple[str, ...], values: Mapping[str, str]) -> str:
    for name, cure in (
        ("model", "its command names {model}, and none is chosen: write model = … in its description"),
        ("base_url", "its command names {base_url}, and there is no gateway: leave it out, or name a variable"),
    ):
        if not values[name] and any(f"{{{name}}}" in word for word in words):
            return cure
    if any(len(os.fsencode(word)) > LONGEST_ARGUMENT_BYTES for word in argv):
        return 'its prompt is too long for an argument: write prompt = "stdin" or "file"'
    return ""


def _environment(
    agent: DescribedAgent, task: AgentTask, values: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """On top of the task's."""
    env = {name: environ[name] for name in agent.env if name in environ}
    if agent.home == "private" or (agent.home == "either" and task.access.base_url):
        env |= {"HOME": str(task.private)}
        env |= {name: str(task.private / folder) for name, folder in _HOME_FOLDERS.items()}
    for name, value in {agent.base_url: task.access.base_url, agent.key: task.access.api_key}.items():
        if name and value:
            env[name] = value
    return env | {name: filled(text, values) for name, text in agent.set.items() if _is_known(text, values)}


def _is_known(text: str, values: Mapping[str, str]) -> bool:
    """A variable that would name a gateway or a model that is not there is left out."""
    return not any(f"{{{name}}}" in text and not values[name] for name in ("base_url", "model"))
