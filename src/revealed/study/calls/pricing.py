"""What one call costs: the prompt of a typical pair at a model's price."""

from __future__ import annotations

import math

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.instruments import load_arm, load_instrument
from revealed.respondents import RespondentSpec
from revealed.respondents.door import Door
from revealed.study.plan import prompt_tokens

from .planner import Estimand

_INSTRUMENT = {"utilities": "outcomes", "prices": "countries.lives_saved"}


def cost_of_call(
    estimand: Estimand,
    model: str | None,
    input_price: float | None = None,
    output_price: float | None = None,
) -> float:
    """US dollars of a call at most, an answer at its cap; NaN where no price is known or asked for.

    Parameters
    ----------
    model
        A LiteLLM model; default none, and the answer's cap is that of the prompt.
    input_price, output_price
        US dollars a million tokens, in place of LiteLLM's table.

    Raises
    ------
    ConfigError
        If one price is given without the other, or a model's price is not known.
    """
    if (input_price is None) != (output_price is None):
        raise ConfigError("a price has two parts.", todo="Give --input-price and --output-price.")
    if model is None and input_price is None:
        return math.nan
    name = model or "openai/unnamed"
    price = {} if input_price is None else {
        "input_cost_per_token": input_price / 1e6,
        "output_cost_per_token": (output_price or 0.0) / 1e6,
    }  # fmt: skip
    door = Door(RespondentSpec(name=name, model=name, **price))
    if door.prices is None:
        raise ConfigError(
            f"LiteLLM's table has no price of {name}.",
            todo="Give --input-price and --output-price, in dollars a million tokens.",
        )
    root = project_root()
    instrument = load_instrument(_INSTRUMENT[estimand], root)
    prompt, answer = prompt_tokens(door, load_arm("forced", root), instrument, instrument.items, 0)
    return float(prompt * door.prices[0] + answer * door.prices[1])
