"""What a step's prompt is made of, from what the run knows. Pure; texts of files come from whoever read them."""

import json
from collections.abc import Iterable, Iterator, Sequence

from ostinato.domain.globs import meet
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.project import ProjectFacts
from ostinato.domain.prompting.composing import Item, NotIncluded
from ostinato.domain.prompting.shares import PartName
from ostinato.domain.recovering.refining import MAX_SHOWN, Complaint
from ostinato.domain.relevance import StepContext
from ostinato.domain.resources import Activated, Activation, Detail, Kind, Resource
from ostinato.domain.tokens import estimated_tokens

READS_ITSELF = "the agent reads it itself"
ELSEWHERE = "it speaks for another folder"
NOT_TRUSTED = "the repository is not trusted"
GONE = "it is not there any more"


def task_items(step: Step, criteria: Iterable[str] = ()) -> Iterator[Item]:
    """What is asked, where it may write, and what done means."""
    asked = step.action.prompt if isinstance(step.action, AgentAction) else step.name
    yield Item(part=PartName.STEP, source=f"step {step.id}: {step.name}", text=asked)
    yield Item(part=PartName.PATHS, source="the plan", text=_paths(step))
    listed = "\n".join(f"- {line}" for line in criteria)
    if listed:
        yield Item(part=PartName.CRITERIA, source="the plan", text=listed)


def resource_items(
    activation: Activation, found: Iterable[Resource], *, left_out: list[NotIncluded] | None = None
) -> Iterator[Item]:
    """The mode, and the skills as far as they were switched on; what is not there any more is added to `left_out`."""
    here = {(each.kind, each.name): each for each in found}
    mode = here.get((Kind.MODE, activation.mode))
    if mode is not None and mode.text.strip():
        yield Item(part=PartName.MODE, source=f"mode {mode.name}, {mode.origin} {mode.path}".strip(), text=mode.text)
    for skill in activation.skills:
        resource = here.get((Kind.SKILL, skill.name))
        if resource is not None:
            yield Item(part=PartName.SKILLS, source=_skill_source(skill), text=_at_level(resource, skill.level))
        elif left_out is not None:
            left_out.append(NotIncluded(part=PartName.SKILLS, source=f"skill {skill.name}", reason=GONE))


def house_rules(
    files: Iterable[Resource], step: Step, *, trusted: bool, read_by_agent: Sequence[str] = ()
) -> tuple[tuple[Item, ...], tuple[NotIncluded, ...]]:
    """AGENTS.md and its like, the widest first. `read_by_agent`: names of files that the agent loads by itself."""
    items: list[Item] = []
    left_out: list[NotIncluded] = []
    for file in sorted(files, key=lambda each: (each.scope.count("/") + bool(each.scope), each.path)):
        reason = _why_not(file, step, trusted=trusted, read_by_agent=read_by_agent)
        if reason:
            tokens = estimated_tokens(file.text)
            left_out.append(NotIncluded(part=PartName.HOUSE_RULES, source=file.path, reason=reason, tokens=tokens))
        else:
            items.append(Item(part=PartName.HOUSE_RULES, source=file.path, text=file.text))
    return tuple(items), tuple(left_out)


def project_items(project: ProjectFacts) -> Iterator[Item]:
    """How it is tested and checked, so that nobody has to guess."""
    lines = [f"Languages: {', '.join(project.languages)}"] if project.languages else []
    for job, tool in (("Tests", project.tests), ("Lint", project.lint), ("Types", project.types)):
        if tool is not None:
            lines.append(f"{job}: {' '.join(tool.argv)} (by {tool.source})")
    if lines:
        yield Item(part=PartName.PROJECT, source="the repository as it was surveyed", text="\n".join(lines))


def result_items(context: StepContext) -> tuple[tuple[Item, ...], tuple[NotIncluded, ...]]:
    """What earlier steps and runs left, the most relevant first."""
    items = tuple(
        Item(part=PartName.RESULTS, source=f"{each.name}, from {each.source}", text=_text_of(each.value))
        for each in context.items
    )
    left_out = tuple(
        NotIncluded(part=PartName.RESULTS, source=each.name, reason=each.reason) for each in context.left_out
    )
    return items, left_out


def note_item(person: str, text: str) -> Item:
    return Item(part=PartName.NOTES, source=f"{person} writes", text=text)


def finding_items(complaints: Iterable[Complaint]) -> Iterator[Item]:
    for complaint in complaints:
        shown = [str(finding) for finding in complaint.findings[:MAX_SHOWN]]
        rest = len(complaint.findings) - len(shown)
        lines = [complaint.message, *shown, *([f"… and {rest} more"] if rest else [])]
        lines += [complaint.details] if complaint.details and not complaint.findings else []
        lines += [f"It is shown by: {complaint.command}"] if complaint.command else []
        text = "\n".join(line for line in lines if line.strip())
        yield Item(part=PartName.FINDINGS, source=f"check {complaint.source}", text=text)


def _paths(step: Step) -> str:
    if step.writes is None:
        return "Anywhere in the working directory, as far as the task needs it."
    if not step.writes:
        return "Nowhere: this step leaves every file as it is. What you find out belongs into your answer."
    return "\n".join(("Only where one of these patterns matches; `**` crosses folders:", *step.writes))


def _skill_source(skill: Activated) -> str:
    return f"skill {skill.name}, {skill.origin} {skill.path}".strip()


def _at_level(resource: Resource, level: Detail) -> str:
    match level:
        case Detail.FULL:
            return resource.text or resource.description or resource.name
        case Detail.DESCRIPTION:
            return f"{resource.name}: {resource.description}\nIts full text is in {resource.path}"
        case Detail.NAME:
            return f"{resource.name}, in {resource.path}"


def _why_not(file: Resource, step: Step, *, trusted: bool, read_by_agent: Sequence[str]) -> str:
    if not trusted:
        return NOT_TRUSTED
    if file.path.rpartition("/")[2] in read_by_agent:
        return READS_ITSELF
    places = (*(step.writes or ()), *step.reads)
    if file.scope and step.writes and not any(meet(f"{file.scope}/**", glob) for glob in places):
        return ELSEWHERE
    return ""


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
