"""The built-in skills: one short text for each task type."""

from collections.abc import Mapping

from ostinato.domain.classification import TaskType
from ostinato.domain.resources import Skill

CHARS_PER_TOKEN = 4
"""An estimate for English text; a tokenizer of the model in use would say it exactly."""


def estimated_tokens(text: str) -> int:
    return -(-len(text) // CHARS_PER_TOKEN)


_T = TaskType
_TEXTS: Mapping[TaskType, tuple[str, str, str]] = {
    _T.CODE_IMPLEMENTATION: (
        "build-a-feature",
        "Add behaviour that was not there",
        "Find the nearest thing that works already and follow its shape. Settle names and types first. Write one test "
        "for the ordinary case and one for each edge that the request names, then the code.",
    ),
    _T.BUG_FIX: (
        "fix-a-defect",
        "Find a cause and remove it",
        "Reproduce it in a test before touching anything. Follow the wrong value back to where it is first wrong. "
        "Fix it there, not where it shows. Look for the same mistake elsewhere.",
    ),
    _T.REFACTORING: (
        "change-the-shape",
        "Better structure, same behaviour",
        "Run the tests first; without tests for this part, write them first. Move in steps that each keep them green. "
        "Never mix a change of behaviour in.",
    ),
    _T.TESTING: (
        "write-tests",
        "Tests that fail when the code is wrong",
        "Test behaviour through the public interface. One behaviour for each test, named as a sentence. No sleeping, no "
        "order, no network. A test that cannot fail is worse than none.",
    ),
    _T.DOCUMENTATION: (
        "write-documentation",
        "Text that answers its reader's question",
        "Decide who reads it and what for. Start with what they want to do. Run every example. Remove what has become "
        "false before adding what is new.",
    ),
    _T.CODE_REVIEW: (
        "review-a-change",
        "Findings with place, effect and cure",
        "Read the tests first, then the change, then what calls it. Ask of each branch how it fails. Report the few "
        "things that matter, most severe first.",
    ),
    _T.SECURITY_AUDIT: (
        "audit-security",
        "Where could this be abused",
        "List what comes from outside and follow it to where it is used. Check who may do what, how secrets travel, what "
        "dependencies bring along. Rate by what an attacker gains.",
    ),
    _T.PERFORMANCE_OPTIMIZATION: (
        "make-it-faster",
        "Measure, change, measure",
        "Name the figure that should change. Profile a real workload. Change the largest cost only, and keep the change "
        "only if the figure says so.",
    ),
    _T.DEPLOYMENT: (
        "deliver-safely",
        "Get it out, with a way back",
        "Deliver what was tested, byte for byte. Write down the way back before the way out. Check health after each "
        "stage and stop at the first doubt.",
    ),
    _T.RESEARCH: (
        "find-out",
        "An answer that rests on evidence",
        "Turn the request into questions that evidence can answer. Read code before prose. Note the file and line behind "
        "each statement, and what is not known.",
    ),
    _T.UI_DESIGN: (
        "design-an-interface",
        "What a person sees and does",
        "Start from the task of the person in front of it. Keep to the components that exist. Check empty, loading, error "
        "and long content, the keyboard, contrast and small screens.",
    ),
    _T.MAINTENANCE: (
        "keep-it-tidy",
        "Upkeep without surprises",
        "Let the project's own tools do the work. Keep mechanical changes apart from others. Read the notes of each new "
        "version before taking it.",
    ),
}
SKILLS: Mapping[TaskType, Skill] = {
    kind: Skill(name=name, description=description, instructions=text, tokens=estimated_tokens(text))
    for kind, (name, description, text) in _TEXTS.items()
}
