"""The command `hedgerow evaluate`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from hedgerow.domain.ai_usage import ModelChoice, model_chain
from hedgerow.domain.errors import InputRefused, InvalidValue
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import EXIT_INTERRUPTED, finish
from hedgerow.entrypoints.option_values import (
    capital_of,
    day_of,
    symbols_of,
    timeframe_of,
    word_of,
)
from hedgerow.entrypoints.options import (
    AllowGapsOption,
    CapitalOption,
    DataOption,
    JsonFileOption,
    RiskOption,
    SymbolsOption,
    TimeframeOption,
)

_SEEDS: Final = 3
_DRAWS: Final = 200


def add_evaluate(app: typer.Typer, backstage: Backstage) -> None:
    """Add the command."""

    @app.command()
    def evaluate(
        model: Annotated[
            str | None,
            typer.Option(
                metavar="PROVIDER/MODEL", help="Whom all agents ask; else as the settings say."
            ),
        ] = None,
        training_cutoff: Annotated[
            str | None,
            typer.Option(metavar="DATE", help="The last day that the model's training knew."),
        ] = None,
        seeds: Annotated[
            int, typer.Option(min=1, max=100, metavar="N", help="How often the desk is run.")
        ] = _SEEDS,
        draws: Annotated[
            int, typer.Option(min=20, max=10_000, metavar="N", help="How often chance is.")
        ] = _DRAWS,
        data: DataOption = None,
        symbols: SymbolsOption = None,
        timeframe: TimeframeOption = None,
        risk: RiskOption = "moderate",
        capital: CapitalOption = "10000",
        allow_gaps: AllowGapsOption = False,
        fresh: Annotated[
            bool, typer.Option("--fresh", help="Forget earlier runs and start anew.")
        ] = False,
        json_file: JsonFileOption = None,
    ) -> None:
        """Hold the desk beside rules, buy-and-hold and chance."""
        from hedgerow.entrypoints.evaluate import EvaluateRequest, run_it

        request = EvaluateRequest(
            model=_model(model),
            data=data,
            symbols=symbols_of(symbols),
            timeframe=timeframe_of(timeframe),
            capital=capital_of(capital),
            risk_tolerance=word_of("--risk", RiskTolerance, risk),
            seeds=seeds,
            draws=draws,
            training_cutoff=day_of("--training-cutoff", training_cutoff),
            allow_gaps=allow_gaps,
            fresh=fresh,
            json_file=json_file,
        )
        if not finish(run_it(backstage, request)):
            raise typer.Exit(EXIT_INTERRUPTED)


def _model(text: str | None) -> ModelChoice | None:
    if text is None:
        return None
    try:
        (choice,) = model_chain(text)
    except (InvalidValue, ValueError) as error:
        fix = "write it as PROVIDER/MODEL, such as openai/NAME, or house"
        raise InputRefused(f"{text!r} is not a model", "--model", fix) from error
    return choice
