"""The built-in modes, and which mode and skills a run is given."""

from collections.abc import Mapping

from ostinato.domain.classification import Classification, Complexity, TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.resources import Activated, Activation, Mode
from ostinato.domain.skills import SKILLS, estimated_tokens

_TEXTS: Mapping[str, tuple[str, str]] = {
    "implementation": (
        "Build or change code in small, proven steps",
        "Read the code around the change before writing. Make the smallest change that does what was asked. "
        "Write the test with the code. Leave nothing half done: no stubs, no commented-out code.",
    ),
    "analysis": (
        "Measure and explain without changing anything",
        "Collect evidence first: run the tools, read the code, note file and line. Separate what was observed from "
        "what is concluded. Rank by effect. Change no file.",
    ),
    "review": (
        "Judge a change as a careful colleague",
        "Look for what breaks: wrong results, lost errors, unsafe input, missing tests. Name the place, the effect and a "
        "cure for each. Say what is good only where it teaches something.",
    ),
    "research": (
        "Answer a question from the code and its documents",
        "State the question, list the possible answers, look for what rules each out. Name the sources. "
        "Say how sure the answer is and what would change it.",
    ),
    "orchestration": (
        "Divide large work into independent parts",
        "Find the parts that do not touch the same files and work on them side by side. Keep the interfaces between "
        "them fixed. Integrate often, and prove each integration before the next.",
    ),
    "token-efficient": (
        "Do routine work with as few words as possible",
        "Let tools do what tools can do. Read only what is needed. Report results as lists of facts, without a preface.",
    ),
}
MODES: Mapping[str, Mode] = {
    name: Mode(name=name, description=description, instructions=text, tokens=estimated_tokens(text))
    for name, (description, text) in _TEXTS.items()
}
_MODE_OF: Mapping[TaskType, str] = {
    **dict.fromkeys(TaskType, "implementation"),
    TaskType.CODE_REVIEW: "review",
    TaskType.SECURITY_AUDIT: "analysis",
    TaskType.PERFORMANCE_OPTIMIZATION: "analysis",
    TaskType.RESEARCH: "research",
    TaskType.DEPLOYMENT: "orchestration",
    TaskType.MAINTENANCE: "token-efficient",
}


def mode_for(classification: Classification) -> str:
    """Large work is divided; else the type decides."""
    usual = _MODE_OF[classification.task_type]
    is_large = classification.complexity in (Complexity.COMPLEX, Complexity.ENTERPRISE)
    return "orchestration" if is_large and usual == "implementation" else usual


def activate(classification: Classification, mode: str | None = None) -> Activation:
    """The mode and the skills of this run with their token cost; raises UserError for an unknown mode."""
    name = mode or mode_for(classification)
    if name not in MODES:
        known = ", ".join(MODES)
        raise UserError.of("mode_unknown", "--mode", f"there is no mode {name!r}", f"Use one of: {known}")
    wanted = [(classification.task_type, classification.confidence, f"the request is {classification.task_type}")]
    if classification.secondary is not None:
        fit = round(classification.confidence / 2, 2)
        wanted.append((classification.secondary, fit, f"the request may be {classification.secondary}"))
    skills = tuple(
        Activated(name=SKILLS[kind].name, tokens=SKILLS[kind].tokens, fit=fit, because=because)
        for kind, fit, because in wanted
    )
    mode_tokens = MODES[name].tokens
    return Activation(
        mode=name,
        mode_tokens=mode_tokens,
        skills=skills,
        tokens=mode_tokens + sum(skill.tokens for skill in skills),
    )
