"""The command ``design``: from a precision to calls and cost, by strategy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption
from .printing import show

if TYPE_CHECKING:
    from revealed.study.calls.planner import Estimand

design = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="How many calls a precision takes, by strategy, and what they cost; asks nobody.",
)  # fmt: skip

To = Annotated[float, typer.Option(help="Half-width of the 95 % intervals to reach.")]
Misfit = Annotated[
    float, typer.Option(help="Standard deviation of single pairs around the model, 0 to 0.5.")
]
Order = Annotated[float, typer.Option(help="What being listed first adds (probits), 0 to 1.")]
Model = Annotated[str | None, typer.Option("--model", help="A LiteLLM model whose price is taken.")]
Input = Annotated[
    float | None, typer.Option(min=0, help="US dollars for a million tokens of input.")
]
Output = Annotated[
    float | None, typer.Option(min=0, help="US dollars for a million tokens of output.")
]
Check = Annotated[
    int, typer.Option(min=0, max=100, help="Simulate this many respondents to check the plan.")
]


@design.command("utilities")
def utilities(
    items: Annotated[int, typer.Option(min=3, max=20_000, help="How many outcomes.")] = 500,
    to: To = 0.15,
    misfit: Misfit = 0.5,
    order: Order = 0.5,
    model: Model = None,
    input_price: Input = None,
    output_price: Output = None,
    check: Check = 0,
    format: FormatOption = Format.table,
) -> None:
    """Standardised utilities of outcomes to plus or minus so much."""
    _plan("utilities", items, to, misfit, order, 1.0, model, (input_price, output_price), check,
          format)  # fmt: skip


@design.command("prices")
def prices(
    goods: Annotated[int, typer.Option(min=3, max=2_000, help="How many goods.")] = 50,
    to: To = 0.1,
    misfit: Misfit = 0.5,
    order: Order = 0.5,
    slope: Annotated[
        float, typer.Option(help="Utility (probits) per unit of ln N; steeper is cheaper.")
    ] = 0.6,
    model: Model = None,
    input_price: Input = None,
    output_price: Output = None,
    check: Check = 0,
    format: FormatOption = Format.table,
) -> None:
    """Log prices of goods (exchange rates) to plus or minus so much; 0.1 is about 10 %."""
    _plan("prices", goods, to, misfit, order, slope, model, (input_price, output_price), check,
          format)  # fmt: skip


def _plan(
    estimand: Estimand,
    size: int,
    to: float,
    misfit: float,
    order: float,
    slope: float,
    model: str | None,
    given: tuple[float | None, float | None],
    check: int,
    format: Format,
) -> None:
    from revealed.study.calls import planner, pricing

    each = pricing.cost_of_call(estimand, model, *given)
    found = planner.strategies(
        estimand, size, to, misfit=misfit, order=order, slope=slope, cost_of_call=each
    )
    if format is not Format.table:
        return show(found, format)
    shown = found.copy()
    for name in ("calls", "pairs"):
        shown[name] = [f"{n:,}" for n in found[name]]
    shown["cost"] = ["" if math.isnan(cost) else f"${cost:,.2f}" for cost in found["cost"]]
    for name in ("fewer", "spent_over"):
        shown[name] = [f"{ratio:,.1f}" for ratio in found[name]]
    show(shown.rename(columns={"spent_over": "of what it spends"}), format)
    typer.echo(
        f"To ±{to:g} at misfit {misfit:g} and order effect {order:g}; simulated, and carried to "
        "this size and width. `fewer`: the original's calls to this precision over these. "
        "Small or wide cases take 0.75 to 1.6 times as many: --check 3 simulates this one."
    )
    if model is None and None in given:
        typer.echo("Name a --model, or give its prices, to have the cost worked out.")
    if check:
        done = planner.simulate(
            estimand, size, to, misfit=misfit, order=order, slope=slope, seeds=check
        )
        typer.echo(
            f"{check} simulated respondents, stopping: {done.calls:,.0f} calls for "
            f"±{done.width:.3g}, {done.covered:.1%} of intervals hold the truth, "
            f"error {done.error:.3g}."
        )
    return None
