from pathlib import Path

import pytest

from ostinato.adapters.prices import known_prices, price_table
from ostinato.domain.budget.amounts import Usage
from ostinato.domain.budget.prices import Price
from ostinato.domain.errors import UserError


def said(folder: Path, text: str) -> Path:
    (folder / "prices.toml").write_text(text)
    return folder


def test_the_prices_that_come_along_say_when_and_where_they_were_read() -> None:
    table = known_prices()

    assert table.as_of
    assert set(table.sources) == {"anthropic", "openai"}
    assert {name.partition(":")[0] for name in table.prices} == set(table.sources)


def test_a_known_model_costs_what_its_provider_says() -> None:
    price = known_prices().price("anthropic:claude-haiku-4-5-20251001")

    assert price == Price(input=1_000_000, output=5_000_000, cached_read=100_000, cache_write=1_250_000)


def test_every_price_of_an_answer_is_above_that_of_a_question_and_cached_reads_are_never_dearer() -> None:
    for name, price in known_prices().prices.items():
        assert price.output > price.input, name
        assert price.cached_read <= price.input, name


def test_ones_own_price_comes_before_the_known_one_and_the_others_stay(tmp_path: Path) -> None:
    config = said(tmp_path, '[openai.models]\n"gpt-5.4" = { input = 0.1, output = 0.25 }\n')

    table = price_table(config)

    assert table.price("openai:gpt-5.4") == Price(
        input=100_000, output=250_000, cached_read=100_000, cache_write=100_000
    )
    assert table.price("openai:gpt-5.5") == known_prices().price("openai:gpt-5.5")
    assert table.overridden == ("openai:gpt-5.4",)


def test_a_server_of_ones_own_may_cost_nothing(tmp_path: Path) -> None:
    config = said(tmp_path, "[unknown]\ninput = 0\noutput = 0\n")

    assert price_table(config).terms("openai:local").estimating.of(Usage(tokens_in=10**9)) == 0


def test_everything_wrong_with_ones_prices_is_told_at_once(tmp_path: Path) -> None:
    lines = ('a = { input = "3", output = 1 }', "b = { input = -1, output = 1 }", "c = { output = 1 }", "d = 5")
    config = said(tmp_path, "x = 1\n[openai.models]\n" + "\n".join(lines))

    with pytest.raises(UserError) as caught:
        price_table(config)

    assert len(caught.value.problems) == 5
    assert {problem.code for problem in caught.value.problems} == {"prices_invalid"}


@pytest.mark.parametrize("text", ["[openai", "\udcff"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices.toml").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(UserError, match=r"prices\.toml"):
        price_table(tmp_path)


def test_without_a_file_of_ones_own_the_known_prices_count(tmp_path: Path) -> None:
    assert price_table(tmp_path) == known_prices() == price_table()
