import time
from typing import Any

import pytest

from ostinato.adapters.cel import compile_problems, evaluate, evaluate_condition, evaluate_items
from ostinato.domain.errors import UserError

SCAN = {"findings": [{"file": "a.py"}, {"file": "b.py"}], "exit_code": 0, "outcome": "succeeded"}
SEEN: dict[str, Any] = {"inputs": {"package": "src"}, "steps": {"my-scan": SCAN, "scan": SCAN}, "values": {"count": 3}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("steps.scan.findings.size() > 1", True),
        ('steps["my-scan"].exit_code == 0 && values.count >= 3', True),
        ("steps.scan.findings.map(found, found.file)", ["a.py", "b.py"]),
        ('has(steps.scan.nothing) ? steps.scan.nothing : "none"', "none"),
        ('inputs.package.startsWith("s") || steps.scan.nothing', True),
        ("// a remark\n{'a': [1, 2.5, null]}", {"a": [1, 2.5, None]}),
    ],
)
async def test_an_expression_has_a_value(expression: str, value: object) -> None:
    assert await evaluate(expression, SEEN) == value


@pytest.mark.parametrize(
    ("expression", "code", "said"),
    [
        ("steps.scan.findings.size( >", "condition_invalid", "column 27"),
        ("inputs.package ==\n  )", "condition_invalid", "line 2, column 3"),
        (" ", "condition_invalid", "empty"),
        ("1" * 1001, "condition_too_long", "1,001"),
        ("values.a.map(x, values.b.exists(y, y == x))", "condition_nested", "column 26"),
        ("step.scan.exit_code == 0", "condition_name", "Did you mean 'steps'?"),
        ("values.a.sise() > 1", "condition_function", "Did you mean 'size'?"),
        ("values.a.exists(x, x > y)", "condition_name", "'y'"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said_with_its_place(expression: str, code: str, said: str) -> None:
    problems = compile_problems(expression, "steps[0].when")

    assert {(problem.code, problem.field) for problem in problems} == {(code, "steps[0].when")}
    assert said in str(problems[0])


@pytest.mark.parametrize(
    "expression",
    [
        'steps["a-b"].x in ["in", "x"]',
        "values.a.exists(x, x.y.z == x.w) && values.b.all(x, x > 0)",
        'has(steps.a.b) ? {"k": steps.a.b} : {}',
        "type(values.a) == int",
        "values.a.filter(x, x.b).map(x, x.c.d)",
        "values.at.getFullYear() > 2000 && '''it's (''' != values.b",
    ],
)
def test_a_right_expression_has_no_problem(expression: str) -> None:
    assert compile_problems(expression, "when") == ()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("steps.scan.finding > 0", "step 'scan' left no 'finding'; it left: exit_code, findings, outcome (column 1)"),
        ("true && steps.absent.x", "step 'absent' left no output"),
        ("inputs.package.name == ''", "inputs.package is a text and has no 'name'"),
        ("steps.scan.findings[7].file == ''", "steps.scan.findings has no item 7, it has 2"),
        ("values.count + 'a' == ''", "types that do not fit"),
        ("values.count / 0 == 1", "division by zero"),
        ("inputs.package", "a condition is true or false"),
        ("other.x == 1", "there is no variable 'other'"),
        ("b'a' == b'a' ? timestamp('2020-01-01T00:00:00Z') : null", "the result is of the type datetime"),
    ],
)
async def test_a_condition_that_fails_says_why(expression: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        await evaluate_condition(expression, SEEN)

    assert caught.value.code == "condition_failed"
    assert expression.split("\n")[0] in caught.value.message
    assert said in caught.value.message


async def test_a_list_of_more_than_a_thousand_items_is_refused() -> None:
    for expression in ("values.a.map(x, x)", "values.a"):
        with pytest.raises(UserError, match="1,001 items"):
            await evaluate(expression, {"values": {"a": list(range(1001))}})


async def test_items_are_a_list() -> None:
    with pytest.raises(UserError, match="a list is wanted, and this is 3"):
        await evaluate_items("values.count", SEEN)


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression", ['["aaaaaaaa"]' + ".map(x, x + x)" * 40, "values.a.map(x, values.a)", "[1]" + ".map(x, [x, x])" * 40]
)
async def test_an_expression_that_would_fill_the_memory_or_never_end_is_cut_off(expression: str) -> None:
    began = time.monotonic()

    with pytest.raises(UserError, match=r"takes too long|larger than"):
        await evaluate(expression, {"values": {"a": [f"path/{index}" for index in range(1000)]}})

    assert time.monotonic() - began < 20
