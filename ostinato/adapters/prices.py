"""The price table: what the package knows, with the user's own prices before it."""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ostinato.domain.budget.amounts import MOST_USD, USD
from ostinato.domain.budget.prices import Price, PriceTable
from ostinato.domain.errors import Problem, UserError

FILE_NAME: Final = "prices.toml"
_FIELDS: Final = ("input", "output", "cached_read", "cache_write")
_CURE: Final = 'Write it like [anthropic.models] and "NAME" = { input = 3.0, output = 15.0, cached_read = 0.3 }'


def price_table(config: Path | None = None) -> PriceTable:
    """`config`: the folder of the user's files. Raises UserError with everything that is wrong with their prices."""
    known = known_prices()
    own = config / FILE_NAME if config else None
    if own is None or not own.exists():
        return known
    try:
        document = tomllib.loads(own.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError.of("prices_invalid", str(own), f"cannot be read: {error}", _CURE) from error
    problems: list[Problem] = []
    said = dict(_priced(document, str(own), problems))
    unknown = _unknown(document, str(own), problems)
    if problems:
        raise UserError(problems)
    return known.overlaid(PriceTable(prices=said), unknown=unknown)


@cache
def known_prices() -> PriceTable:
    """As the package has them."""
    text = files("ostinato").joinpath("resources", FILE_NAME).read_text(encoding="utf-8")
    document = tomllib.loads(text, parse_float=Decimal)
    problems: list[Problem] = []
    table = PriceTable(
        prices=dict(_priced(document, FILE_NAME, problems)),
        unknown=_unknown(document, FILE_NAME, problems) or PriceTable().unknown,
        as_of=document["as_of"],
        sources={name: value["source"] for name, value in document.items() if _is_provider(value)},
    )
    assert not problems
    return table


def _priced(document: Mapping[str, Any], place: str, problems: list[Problem]) -> Iterator[tuple[str, Price]]:
    for provider, value in document.items():
        if provider in ("as_of", "unknown"):
            continue
        models = value.get("models", {}) if isinstance(value, dict) else None
        if not isinstance(models, dict):
            problems.append(_problem(f"{place}: {provider}", "is no table of models"))
            continue
        for model, said in models.items():
            if price := _price(said, f"{place}: {provider}.models.{model}", problems):
                yield f"{provider}:{model}", price


def _unknown(document: Mapping[str, Any], place: str, problems: list[Problem]) -> Price | None:
    return _price(document["unknown"], f"{place}: unknown", problems) if "unknown" in document else None


def _price(said: object, place: str, problems: list[Problem]) -> Price | None:
    """Reading and writing a cache cost as much as any prompt where nothing else is said."""
    if not isinstance(said, dict) or not {"input", "output"} <= set(said) <= set(_FIELDS):
        problems.append(_problem(place, f"needs input and output, and may have {', '.join(_FIELDS[2:])}"))
        return None
    given = {"cached_read": said["input"], "cache_write": said["input"], **said}
    found = {name: _micro_usd(given[name]) for name in _FIELDS}
    if wrong := [name for name, value in found.items() if value is None]:
        problems.append(_problem(f"{place}.{wrong[0]}", f"{given[wrong[0]]!r} is no price in dollars"))
        return None
    return Price.model_validate(found)


def _micro_usd(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if not Decimal(value).is_finite() or not 0 <= value <= MOST_USD:
        return None
    return int((Decimal(value) * USD).to_integral_value(rounding="ROUND_CEILING"))


def _is_provider(value: object) -> bool:
    return isinstance(value, dict) and "source" in value


def _problem(field: str, message: str) -> Problem:
    return Problem(code="prices_invalid", field=field, message=message, cure=_CURE)
