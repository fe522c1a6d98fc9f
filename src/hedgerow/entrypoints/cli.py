"""The command line: parse, call one use case, render."""

from __future__ import annotations

import errno
import io
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from hedgerow.domain.errors import HedgerowError, InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.cli_backtest import add_backtest
from hedgerow.entrypoints.cli_evaluate import add_evaluate
from hedgerow.entrypoints.cli_events import events_commands
from hedgerow.entrypoints.cli_memory import memory_commands
from hedgerow.entrypoints.cli_news import news_commands
from hedgerow.entrypoints.cli_regimes import regimes_commands
from hedgerow.entrypoints.cli_sweep import add_sweep
from hedgerow.entrypoints.db import add_db
from hedgerow.entrypoints.interrupts import EXIT_INTERRUPTED, finish
from hedgerow.entrypoints.option_values import (
    capital_of,
    day_of,
    exchange_of,
    symbols_of,
    timeframe_of,
)
from hedgerow.entrypoints.options import (
    AllowGapsOption,
    CapitalOption,
    DataOption,
    ExportOption,
    JsonFileOption,
    JsonOption,
    OriginOption,
    RunOption,
    SymbolsOption,
    TimeframeOption,
)
from hedgerow.entrypoints.output import complain
from hedgerow.entrypoints.words import EXIT_DIFFERENCES, sentence
from hedgerow.usecases.explain_trade import LAST

EXIT_REFUSED = 2


def run(backstage: Backstage) -> None:
    """Run the command line; a refusal becomes one sentence and exit code 2."""
    _speak_to_any_terminal()
    # Who stops services is heard like who presses Ctrl-C. A shell that starts a command in the
    # background has it ignore Ctrl-C, and SIGTERM would be ignored along with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        make_app(backstage)()
    except HedgerowError as error:
        complain(sentence(error))
        sys.exit(EXIT_REFUSED)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        complain(f"{error.filename or 'standard output'}: the disk is full; free some space.")
        sys.exit(EXIT_REFUSED)


def _speak_to_any_terminal() -> None:
    """Where the output's encoding lacks a character, print a question mark instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def make_app(backstage: Backstage) -> typer.Typer:
    """All commands, working with `backstage`."""
    app = typer.Typer(
        name="hedgerow",
        help="An autonomous crypto hedge fund that explains every trade.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    audit = typer.Typer(help="Prove that the records are whole.", no_args_is_help=True)
    app.add_typer(audit, name="audit")
    _add_demo(app, backstage)
    add_backtest(app, backstage)
    add_sweep(app, backstage)
    add_evaluate(app, backstage)
    _add_report(app, backstage)
    _add_journal(app, backstage)
    _add_explain(app, backstage)
    _add_ask(app, backstage)
    _add_replay(app, backstage)
    _add_verify(audit, backstage)
    _add_costs(app, backstage)
    candles = typer.Typer(help="Keep candles of your own.", no_args_is_help=True)
    app.add_typer(candles, name="candles")
    _add_import(candles, backstage)
    _add_export(candles, backstage)
    app.add_typer(events_commands(backstage), name="events")
    vault = typer.Typer(help="Keys that lock exchange credentials.", no_args_is_help=True)
    app.add_typer(vault, name="vault")
    _add_vault_status(vault, backstage)
    _add_vault_rotate(vault, backstage)
    app.add_typer(memory_commands(backstage), name="memory")
    app.add_typer(regimes_commands(backstage), name="regimes")
    app.add_typer(news_commands(backstage), name="news")
    add_db(app, backstage)
    _add_doctor(app, backstage)
    return app


def _add_demo(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def demo(
        data: DataOption = None,
        symbols: SymbolsOption = None,
        timeframe: TimeframeOption = None,
        capital: CapitalOption = "10000",
        seed: Annotated[
            int, typer.Option(min=0, help="Draws the slippage: one seed, one result.")
        ] = 7,
        allow_gaps: AllowGapsOption = False,
        fresh: Annotated[
            bool, typer.Option("--fresh", help="Forget earlier demos and start anew.")
        ] = False,
        json_file: JsonFileOption = None,
    ) -> None:
        """Let a paper fund trade real candles, and report on it."""
        from hedgerow.entrypoints.demo import DemoRequest, run_demo

        request = DemoRequest(
            data=data,
            symbols=symbols_of(symbols),
            timeframe=timeframe_of(timeframe),
            capital=capital_of(capital),
            seed=seed,
            allow_gaps=allow_gaps,
            fresh=fresh,
            json_file=json_file,
        )
        end = finish(run_demo(backstage, request))
        if not end.books_agree:
            raise typer.Exit(EXIT_DIFFERENCES)
        if not end.is_finished:
            raise typer.Exit(EXIT_INTERRUPTED)


def _add_report(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def report(
        run: RunOption = None,
        against: Annotated[
            str | None,
            typer.Option(metavar="RUN", help="Show this run beside: an id or a folder as well."),
        ] = None,
        export: ExportOption = None,
        list_runs: Annotated[bool, typer.Option("--list", help="List all runs instead.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Show the report of the latest run, or of another, or list all."""
        from hedgerow.entrypoints.report import ReportRequest, show_report
        from hedgerow.entrypoints.runs import show_runs

        if not list_runs:
            finish(show_report(backstage, ReportRequest(run, against, export, as_json)))
        elif run or against or export:
            raise InputRefused("lists runs and does nothing else", "--list", "leave the rest out")
        else:
            finish(show_runs(backstage, as_json=as_json))


def _add_journal(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def journal(
        by: Annotated[
            str,
            typer.Option(metavar="WHAT", help="setup, regime, agent, memory, symbol or hour."),
        ] = "setup",
        run: RunOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show what closed trades came to, by setup, regime and more."""
        from hedgerow.entrypoints.journal import show_journal
        from hedgerow.usecases.analyse_journal import GroupBy

        if by not in list(GroupBy):
            known = ", ".join(GroupBy)
            raise InputRefused(f"{by!r} is nothing to group by", "--by", f"use one of {known}")
        finish(show_journal(backstage, run, GroupBy(by), as_json=as_json))


def _add_explain(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def explain(
        trade: Annotated[
            str,
            typer.Argument(metavar="TRADE", help="A trade's id, its beginning or end, or `last`."),
        ] = LAST,
        as_json: JsonOption = False,
    ) -> None:
        """Tell a trade's whole story, from memories to lesson."""
        from hedgerow.entrypoints.explain import show_explanation

        finish(show_explanation(backstage, trade, as_json=as_json))


def _add_ask(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def ask(
        symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC/USDT.")],
        run: Annotated[
            str | None, typer.Option(metavar="ID", help="The fund of this run, not the latest.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Ask a fund's desk what it would do now; the fund is not told."""
        from hedgerow.entrypoints.ask import show_advice

        names = symbols_of(symbol)
        if len(names) > 1:
            raise InputRefused("the desk is asked about one symbol", "SYMBOL", "name one of them")
        finish(show_advice(backstage, names[0], run, as_json=as_json))


def _add_replay(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def replay(
        decision: Annotated[
            str,
            typer.Argument(
                metavar="DECISION", help="A meeting's id or a trade's, a part of it, or `last`."
            ),
        ] = LAST,
        with_model: Annotated[
            str | None,
            typer.Option(metavar="MODEL", help="Ask another: anthropic/claude-sonnet-4-5, house"),
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Hold a meeting of the desk again from the record, and compare."""
        from hedgerow.entrypoints.option_values import model_of
        from hedgerow.entrypoints.replay import show_replay, show_replay_with

        if with_model is not None:
            choice = model_of("--with-model", with_model)
            finish(show_replay_with(backstage, decision, choice, as_json=as_json))
        elif not finish(show_replay(backstage, decision, as_json=as_json)):
            raise typer.Exit(EXIT_DIFFERENCES)


def _add_verify(audit: typer.Typer, backstage: Backstage) -> None:
    @audit.command()
    def verify(
        as_json: JsonOption = False,
    ) -> None:
        """Re-add the ledger, re-derive the books, walk orders and events."""
        from hedgerow.entrypoints.audit import show_audit

        if not finish(show_audit(backstage, as_json=as_json)):
            raise typer.Exit(EXIT_DIFFERENCES)


def _add_costs(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def costs(
        by: Annotated[
            str, typer.Option(metavar="WHAT", help="Sum up by user, agent, model or day.")
        ] = "user",
        user: Annotated[str | None, typer.Option(metavar="ID", help="Of this user alone.")] = None,
        since: Annotated[
            str | None, typer.Option(metavar="DATE", help="From this day (UTC) on: 2024-03-01")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show what models have cost, also while a fund is running."""
        from hedgerow.domain.ai_usage import CostScope
        from hedgerow.entrypoints.costs import CostView, show_costs

        if by not in list(CostView):
            known = ", ".join(CostView)
            raise InputRefused(f"{by!r} is nothing to sum up by", "--by", f"use one of {known}")
        scope = CostScope(user, day_of("--since", since))
        finish(show_costs(backstage, CostView(by), scope, as_json=as_json))


def _add_import(candles: typer.Typer, backstage: Backstage) -> None:
    @candles.command("import")
    def import_(
        folder: Annotated[
            Path, typer.Argument(metavar="DIR", help="BTC_USDT.csv, .csv.gz or .parquet, ...")
        ],
        symbols: SymbolsOption = None,
        timeframe: TimeframeOption = None,
        exchange: OriginOption = "binance",
        allow_gaps: AllowGapsOption = False,
    ) -> None:
        """Check candles in files, and store them."""
        from hedgerow.entrypoints.candles import ImportRequest, import_candles

        request = ImportRequest(
            folder=folder,
            exchange=exchange_of(exchange),
            timeframe=timeframe_of(timeframe),
            symbols=symbols_of(symbols),
            allow_gaps=allow_gaps,
        )
        finish(import_candles(backstage, request))


def _add_export(candles: typer.Typer, backstage: Backstage) -> None:
    @candles.command("export")
    def export(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="Such as candles.parquet.")],
        symbols: Annotated[str, typer.Option(metavar="LIST", help="Which ones: BTC/USDT,ETH/USDT")],
        timeframe: Annotated[str, typer.Option(metavar="SPAN", help="1m, 5m, 15m, 1h, 4h or 1d.")],
        exchange: OriginOption = "binance",
    ) -> None:
        """Write stored candles to a Parquet file."""
        from hedgerow.entrypoints.candles import export_candles

        names, span = symbols_of(symbols), timeframe_of(timeframe)
        finish(export_candles(backstage, file, exchange_of(exchange), names, span))


def _add_vault_status(vault: typer.Typer, backstage: Backstage) -> None:
    @vault.command()
    def status(
        as_json: JsonOption = False,
    ) -> None:
        """Show which keys there are, and what each of them locks."""
        from hedgerow.entrypoints.vault import show_status

        if not finish(show_status(backstage, as_json=as_json)):
            raise typer.Exit(EXIT_DIFFERENCES)


def _add_vault_rotate(vault: typer.Typer, backstage: Backstage) -> None:
    @vault.command()
    def rotate(
        as_json: JsonOption = False,
    ) -> None:
        """Change the key that locks all others, while funds run."""
        from hedgerow.entrypoints.vault import show_rotation

        finish(show_rotation(backstage, as_json=as_json))


def _add_doctor(app: typer.Typer, backstage: Backstage) -> None:
    @app.command()
    def doctor(
        as_json: JsonOption = False,
    ) -> None:
        """Check every service and setting, and say how to mend it."""
        from hedgerow.entrypoints.doctor import show_findings

        if not finish(show_findings(backstage, as_json=as_json)):
            raise typer.Exit(EXIT_DIFFERENCES)
