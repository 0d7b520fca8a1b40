import pytest

from ostinato.domain.tokens import estimated_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Find the nearest thing that works already and follow its shape.", 12),
        ("def answer(value: int) -> str:\n    return f'{value:>8}'\n", 18),
        ('{"name": "shop", "version": "1.2.3", "private": true}', 21),
        ("Bitte behebe den Absturz der Anmeldeseite, wenn das Passwort leer ist.", 18),
        ("请实现登录页面的深色模式，并为解析器编写测试。", 16),
    ],
)
def test_an_estimate_is_near_what_a_tokenizer_counts(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == pytest.approx(tokens, rel=0.25)


def test_nothing_costs_nothing_and_more_text_costs_more() -> None:
    assert estimated_tokens("") == 0
    assert estimated_tokens("one two") < estimated_tokens("one two three four")
