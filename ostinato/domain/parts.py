"""The steps that a group is made of when it starts, and the one that reduces what they left. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ostinato.domain.errors import UserError
from ostinato.domain.groups import reduce_id
from ostinato.domain.ids import StepId
from ostinato.domain.inputs import mapped, replaced
from ostinato.domain.plan import GroupAction, Scope, Step
from ostinato.domain.references import alone, literal, resolve_all, substitute, value_of

MAX_ITEMS = 1_000
MAX_MADE = 5_000
MAX_LEVELS = 5
MAX_ID = 63


MAX_SHOWN = 40
"""Characters of an item that a step's name shows."""


def expand_group(group: Step, items: Sequence[Any] | None, taken: Collection[str] = ()) -> tuple[Step, ...]:
    """The steps of all parts; `items` is None where there is no list. `taken`: the ids that the plan has already.

    The group comes as `with_inputs` left it. Raises UserError naming the group where the parts do not fit.
    """
    action = _action(group)
    if items is not None and len(items) > MAX_ITEMS:
        raise _refused(group, "group_items", f"the list has {len(items):,} items; the most are {MAX_ITEMS:,}")
    if (count := len(action.body) * (1 if items is None else len(items))) > MAX_MADE:
        raise _refused(group, "group_items", f"it would make {count:,} steps; the most are {MAX_MADE:,}")
    if _level(group) >= MAX_LEVELS:
        raise _refused(group, "group_level", f"groups are nested in each other more than {MAX_LEVELS} levels deep")
    if items is None:
        return _checked(group, _part(group, f"{group.id}-", _names(group)), taken)
    made = [
        step
        for index, item in enumerate(items)
        for step in _part(group, f"{group.id}-{index}-", {**_names(group), action.name: item, "index": index})
    ]
    return _checked(group, made, taken)


def reduce_step(group: Step, output: Mapping[str, Any], taken: Collection[str] = ()) -> Step:
    """The step that runs after the parts; it sees the `parts` of what `group_output` gave."""
    action = _action(group)
    assert action.reduce is not None
    names = {**_names(group), "parts": output["parts"]}
    step = bound(action.reduce, names, is_final=True)
    scope = Scope(prefix=f"{group.id}-", names=names, outer=_outer(group))
    made = step.model_copy(update={"id": reduce_id(group), "group": group.id, "scope": scope, "depends_on": ()})
    return _checked(group, [made], taken)[0]


def _part(group: Step, prefix: str, names: Mapping[str, Any]) -> list[Step]:
    """One set of the body's steps."""
    action = _action(group)
    is_single = len(action.body) == 1 and bool(action.items)
    ids = {step.id: StepId(prefix[:-1] if is_single else prefix + step.id) for step in action.body}
    scope = Scope(prefix=prefix, names=dict(names), outer=_outer(group))
    return [_made(group, step, ids, scope) for step in action.body]


def _made(group: Step, step: Step, ids: Mapping[StepId, StepId], scope: Scope) -> Step:
    """What the group waited for, its first steps wait for. Whether its failure matters, too."""
    made = bound(step, scope.names, is_final=True)
    inner = tuple(ids[name] for name in step.depends_on if name in ids)
    return made.model_copy(
        update={
            "id": ids[step.id],
            **_told_apart(step, made, scope),
            "depends_on": inner or group.needs,  # which counts when both are done again
            "implied": tuple(
                found.model_copy(update={"step": ids[found.step]}) for found in step.implied if found.step in ids
            ),
            "group": group.id,
            "scope": scope,
            "critical": False,
            "priority": step.priority or group.priority,
        }
    )


def _told_apart(step: Step, made: Step, scope: Scope) -> dict[str, str]:
    """Parts of a list whose names say nothing of their item get it added, or its number where it is long."""
    if made.name != step.name or "index" not in scope.names:
        return {}
    item = next((value for name, value in scope.names.items() if name != "index"), None)
    short = isinstance(item, str | int | float) and len(str(item)) <= MAX_SHOWN
    mark = f" ({item if short else int(scope.names['index']) + 1})"
    return {"name": made.name + mark, "active": (made.active or made.name) + mark}


def bound(step: Step, names: Mapping[str, Any], *, is_final: bool) -> Step:
    """The step with the references to its scope replaced; in steps of inner groups braces stay escaped."""

    def text(text: str, quote: bool) -> str:
        return substitute(text, names, quote=quote)

    def plain(text: str) -> str:
        later = substitute(text, names, quote=False)
        return resolve_all(later, {}, quote=False) if is_final else later

    step = replaced(step, text, lambda value: mapped(value, lambda text: _typed(text, names)))
    if isinstance(step.action, GroupAction):
        step = step.model_copy(update={"action": _bound_group(step.action, names)})
    return step.model_copy(
        update={
            "name": plain(step.name),
            "active": plain(step.active),
            "reads": tuple(map(plain, step.reads)),
            "writes": None if step.writes is None else tuple(map(plain, step.writes)),
            "holds": tuple(map(plain, step.holds)),
        }
    )


def _bound_group(action: GroupAction, names: Mapping[str, Any]) -> GroupAction:
    """Its own names hide the outer ones; a nested definition sees its own inputs only."""
    own = {action.name, "index"} if action.items else set()
    inner = {} if action.inputs is not None else {name: value for name, value in names.items() if name not in own}
    body = tuple(bound(step, inner, is_final=False) for step in action.body)
    reducing = {name: value for name, value in names.items() if name != "parts"}
    reduced = action.reduce and bound(action.reduce, reducing, is_final=False)
    return action.model_copy(update={"body": body, "reduce": reduced})


def _typed(text: str, names: Mapping[str, Any]) -> Any:
    found = alone(text)
    if found is None or found.root not in names:
        return substitute(text, names, quote=False)
    return mapped(value_of(found, names), literal)


def _checked(group: Step, made: Sequence[Step], taken: Collection[str]) -> tuple[Step, ...]:
    seen_ids = set(taken)
    for step in made:
        if len(step.id) > MAX_ID:
            said = f"the id {step.id!r} of a step it makes is longer than {MAX_ID} characters"
            raise _refused(group, "group_id", said)
        if step.id in seen_ids:
            raise _refused(group, "group_id", f"it would make a second step with the id {step.id!r}")
        seen_ids.add(step.id)
    return tuple(made)


def _names(group: Step) -> dict[str, Any]:
    """What the group sees is seen by its parts; a nested definition sees its inputs."""
    action = _action(group)
    if action.inputs is not None:
        return {"inputs": action.inputs}
    return dict(group.scope.names) if group.scope else {}


def _outer(group: Step) -> tuple[str, ...]:
    return (group.scope.prefix, *group.scope.outer) if group.scope else ()


def _level(group: Step) -> int:
    return 1 + len(group.scope.outer) if group.scope else 0


def _action(group: Step) -> GroupAction:
    assert isinstance(group.action, GroupAction), group.id
    return group.action


def _refused(group: Step, code: str, said: str) -> UserError:
    cure = "Give it a shorter list, shorter ids or less nesting"
    return UserError.of(code, f"steps.{group.id}", said, cure)
