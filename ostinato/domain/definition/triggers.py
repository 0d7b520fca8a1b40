"""What can be wrong with the triggers of a definition, their time zones aside."""

from collections.abc import Iterator, Mapping, Sequence

from ostinato.domain.definition.checks import seconds
from ostinato.domain.definition.cron import cron_problems
from ostinato.domain.definition.model import InputSpec, TriggerSpec
from ostinato.domain.definition.values import input_values
from ostinato.domain.errors import Problem

MAX_JITTER_S = 24 * 3600.0
_LENGTH_CURE = 'Write seconds, or a length like "90s", "10m", "1h"; at most a day'


def trigger_problems(triggers: Sequence[tuple[str, TriggerSpec]], inputs: Mapping[str, InputSpec]) -> Iterator[Problem]:
    """(field, trigger) of those that are well formed. An input without a value is none yet: --param may give it."""
    for at, trigger in triggers:
        yield from cron_problems(trigger.schedule, f"{at}.schedule")
        for field, length in (("jitter", trigger.jitter), ("catchup", trigger.catchup)):
            known = seconds(length)
            if known is None or known > MAX_JITTER_S:
                message = f"{length!r} is no length of time up to a day"
                yield Problem(code="duration_invalid", field=f"{at}.{field}", message=message, cure=_LENGTH_CURE)
        found = input_values(inputs, trigger.inputs, f"{at}.inputs")[1]
        yield from (problem for problem in found if problem.code not in ("input_missing", "input_default"))
