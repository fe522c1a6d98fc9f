"""Options that several commands share: one name, one meaning, one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# What is printed and written.
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
JsonFileOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Also write the result here as JSON."),
]
PageOption = Annotated[
    Path | None, typer.Option("--page", metavar="FILE", help="Also write a page here, as HTML.")
]
ExportOption = Annotated[
    Path | None,
    typer.Option("--export", metavar="DIR", help="Also write CSV, Parquet and JSON files here."),
]

# Which run.
RunOption = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="This run: an id, or a folder that --export wrote."),
]

# Which candles.
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Your own BTC_USDT.csv, .parquet; else the bundled."
    ),
]
StoredOption = Annotated[
    bool, typer.Option("--stored", help="Take candles that were imported instead.")
]
SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="LIST", help="Only these: BTC/USDT,ETH/USDT")
]
TimeframeOption = Annotated[
    str | None,
    typer.Option(
        "--timeframe", metavar="SPAN", help="1m, 5m, 15m, 1h, 4h or 1d; by default as the data"
    ),
]
AllowGapsOption = Annotated[bool, typer.Option("--allow-gaps", help="Accept candles with gaps.")]

OriginOption = Annotated[
    str, typer.Option("--exchange", metavar="NAME", help="The exchange the candles are from.")
]

# Who trades, on which terms.
RiskOption = Annotated[
    str, typer.Option("--risk", metavar="HOW", help="conservative, moderate or aggressive")
]
CapitalOption = Annotated[
    str, typer.Option("--capital", metavar="AMOUNT", help="What a fund starts with.")
]
MarketOption = Annotated[str, typer.Option("--market", metavar="TYPE", help="spot or futures")]
LeverageOption = Annotated[
    int, typer.Option("--leverage", metavar="N", help="Of futures positions.")
]
ExchangeOption = Annotated[
    str, typer.Option("--exchange", metavar="NAME", help="Whose fees, and whose stored candles.")
]
FeeTierOption = Annotated[
    str,
    typer.Option(
        "--fee-tier", metavar="TIER", help="regular, vip1, vip2, or MAKER/TAKER as shares"
    ),
]
SlippageOption = Annotated[
    str, typer.Option("--slippage", metavar="MODEL", help="fixed:R, drawn:R or volume:R")
]
LatencyOption = Annotated[
    int, typer.Option("--latency-ms", metavar="MS", help="How long an order is on its way.")
]
FundingOption = Annotated[
    str | None,
    typer.Option(
        "--funding", metavar="RATE", help="Every 8 hours: a share, or a CSV file of rates"
    ),
]
