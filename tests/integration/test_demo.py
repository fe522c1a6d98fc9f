"""The demo from its first candle to the proof of its books, as people run it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from sqlalchemy import make_url

from command_line import (
    Finished,
    assert_clean,
    assert_refused,
    copied,
    hedgerow,
    lines_of,
    result_of,
)
from hedgerow.infrastructure.candle_files import bundled_sample
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

RESULT_KEYS = {
    "candles",
    "decisions",
    "orders",
    "fills",
    "trades",
    "capital",
    "final_equity",
    "buy_and_hold_equity",
    "fees",
    "sharpe",
    "max_drawdown_pct",
    "win_rate_pct",
    "profit_factor",
    "breaker_trips",
    "ledger_balanced",
    "events_verified",
    "memories",
    "journal_entries",
    "elapsed_s",
}
GROUPS = {
    "audit": ("verify",),
    "candles": ("import", "export"),
    "events": ("tail", "relay", "schemas"),
    "vault": ("status", "rotate"),
    "memory": ("search", "show", "tend"),
    "regimes": ("classify", "show", "train", "models"),
    "news": ("fetch", "show"),
    "db": ("migrate", "status", "check", "reset", "backup", "restore", "docs"),
}
COMMANDS = {
    "demo": ["demo"],
    "backtest": ["backtest"],
    "sweep": ["sweep"],
    "evaluate": ["evaluate"],
    "report": ["report"],
    "journal": ["journal"],
    "explain": ["explain"],
    "ask": ["ask"],
    "replay": ["replay"],
    "costs": ["costs"],
    "doctor": ["doctor"],
    **{
        f"{group} {command}".strip(): [group, command] if command else [group]
        for group, commands in GROUPS.items()
        for command in ("", *commands)
    },
}
STEPS = (
    "1. Memories recalled",
    "2. Regime",
    "3. The desk",
    "4. Proposal by",
    "5. Risk checks",
    "6. Entry order",
    "7. Position",
    "8. Protective orders",
    "10. Close",
    "11. Journal",
    "12. Memories it left",
    "Record",
)


@pytest.fixture(scope="module")
def server(finished: Finished) -> Iterator[str]:
    """The finished demo's own server, as its superuser has it in asyncpg."""
    with EmbeddedPostgres(finished.data / "postgres") as postgres:
        yield asyncpg_url(postgres)


def asyncpg_url(postgres: EmbeddedPostgres) -> str:
    return postgres.url.replace("+asyncpg://hedgerow@", "://postgres@")


def rows(url: str, query: str, **settings: str) -> list[Any]:
    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(url, server_settings=settings)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(fetch())


def held_by_hand() -> Decimal:
    """A quarter of 10,000 in each symbol at its first close, with 0.1 % fee, 0.05 % slippage."""
    worth = Decimal(0)
    for path in sorted(bundled_sample().glob("*.csv")):
        closes = [Decimal(line.split(",")[4]) for line in path.read_text().splitlines()[1:]]
        price = closes[0] * Decimal("1.0005") * Decimal("1.001")
        worth += Decimal(2500) / price * closes[-1]
    return worth


def test_the_bundled_candles_from_first_to_last(data_folder: Path, service_folder: Path) -> None:
    file = service_folder / "result.json"
    said = hedgerow("demo", "--json", file, data=data_folder)
    assert (said.code, said.err) == (0, "")
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result.keys() == RESULT_KEYS
    assert result["candles"] == 2000
    assert 1000 < result["decisions"] < 2000
    assert result["trades"] == result["journal_entries"] > 10
    assert result["orders"] >= 3 * result["trades"]
    assert result["fills"] >= 2 * result["trades"]
    # each trade leaves a decision, a trade and a lesson
    assert result["memories"] >= 3 * result["trades"]
    assert result["events_verified"] > result["decisions"] + result["orders"]
    assert result["ledger_balanced"] is True
    assert result["breaker_trips"] == 0
    assert Decimal(result["capital"]) == 10_000
    assert 9_000 < Decimal(result["final_equity"]) < 12_000
    assert Decimal(result["buy_and_hold_equity"]) == pytest.approx(held_by_hand(), abs=5)
    assert 0 < Decimal(result["fees"]) < 1_000
    assert -5 < Decimal(result["sharpe"]) < 10
    assert 0 < Decimal(result["max_drawdown_pct"]) < 20
    assert 0 < Decimal(result["win_rate_pct"]) < 100
    assert Decimal(result["profit_factor"]) > 0
    assert 0 < result["elapsed_s"] < 300
    assert "did worse than buy-and-hold" in said.out
    page = Path(said.out.splitlines()[-1].removeprefix("The report as a page: "))
    assert page.is_relative_to(data_folder / "reports")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_another_seed_is_another_fund_beside_the_first(
    finished: Finished, small_candles: Path, service_folder: Path, data_folder: Path
) -> None:
    copied(finished.data, data_folder)
    file = service_folder / "result.json"
    demo = ["demo", "--data", small_candles, "--json", file, "--seed", "8"]
    assert hedgerow(*demo, data=data_folder).code == 0
    other = result_of(file)
    assert other["candles"] == finished.result["candles"]
    assert other["final_equity"] != finished.result["final_equity"]
    audit = hedgerow("audit", "verify", "--json", data=data_folder).document
    assert (audit["clean"], audit["verified"]["funds"]) == (True, 2)


def test_fresh_forgets_earlier_demos_here_by_one_of_a_single_symbol(
    finished: Finished, small_candles: Path, service_folder: Path, data_folder: Path
) -> None:
    copied(finished.data, data_folder)
    file = service_folder / "result.json"
    fewer = ["demo", "--data", small_candles, "--symbols", "SOL/USDT", "--json", file]
    assert hedgerow(*fewer, "--fresh", data=data_folder).code == 0
    audit = hedgerow("audit", "verify", "--json", data=data_folder).document
    assert (audit["clean"], audit["verified"]["funds"]) == (True, 1)
    assert audit["verified"]["events"] == result_of(file)["events_verified"]
    report = hedgerow("report", "--json", data=data_folder).document
    assert report["candles"] == finished.result["candles"] // 2
    assert report["trades"] > 0


def test_the_report_can_be_seen_again(finished: Finished) -> None:
    assert hedgerow("report", "--json", data=finished.data).document == finished.result
    again = hedgerow("report", data=finished.data)
    assert (again.code, again.err) == (0, "")
    assert again.out == finished.said.out[-len(again.out) :]


def test_explains_the_last_trade_from_memories_to_lesson(finished: Finished, server: str) -> None:
    said = hedgerow("explain", "last", "--json", data=finished.data)
    assert (said.code, said.err) == (0, "")
    story = said.document
    position, entry, proposal = story["position"], story["entry"], story["proposal"]
    recalled = [memory["id"] for memory in story["memories_recalled"]]
    assert recalled
    assert recalled == proposal["proposal"]["memories_used"]
    assert story["regime"]["symbol"] == position["symbol"]
    assert story["regime"]["reading"]["regime"] == proposal["proposal"]["regime"]
    assert proposal["proposal"]["reasoning"]
    assert len(proposal["checks"]) > 10
    assert all(check["passed"] for check in proposal["checks"])
    assert entry["order"]["id"] == position["entry_order_id"] == proposal["order_id"]
    assert entry["order"]["status"] == "filled"
    bought = sum(Decimal(fill["quantity"]) for fill in entry["fills"])
    assert bought == Decimal(position["size_opened"]) == Decimal(entry["order"]["amount"])
    assert {each["order"]["purpose"] for each in story["protection"]} == {
        "stop_loss",
        "take_profit",
    }
    for each in story["protection"]:
        assert each["order"]["parent_order_id"] == entry["order"]["id"]
        assert each["order"]["position_id"] == position["id"]
    left = [*story["protection"], *story["exits"]]
    sold = sum(Decimal(fill["quantity"]) for each in left for fill in each["fills"])
    assert (position["status"], sold) == ("closed", bought)
    assert position["closed_at"] > position["opened_at"]
    assert story["journal"]["trade_id"] == position["id"]
    assert story["journal"]["lessons_learned"]
    assert {memory["type"] for memory in story["memories_left"]} == {"lesson", "trade"}
    lesson = next(memory for memory in story["memories_left"] if memory["type"] == "lesson")
    (stored,) = rows(
        server,
        "select embedding_dimensions, vector_norm(embedding) as norm from memories "
        f"where id = '{lesson['id']}' and source_trade_id = '{position['id']}'",
    )
    assert stored["embedding_dimensions"] > 0
    assert stored["norm"] == pytest.approx(1, abs=1e-3)
    kinds = [event["kind"] for event in story["events"]]
    assert kinds[:2] == ["ProposalAccepted", "OrderCreated"]
    assert kinds.index("FillBooked") < kinds.index("PositionOpened") < kinds.index("PositionEnded")


def test_tells_the_same_story_to_people(finished: Finished) -> None:
    story = hedgerow("explain", "--json", data=finished.data).document
    said = hedgerow("explain", "last", data=finished.data, COLUMNS="200")
    assert (said.code, said.err) == (0, "")
    assert story["position"]["id"] in said.out.splitlines()[0]
    places = lines_of(said, STEPS)
    assert places == sorted(places)
    for told in ("closed_at", "stop_loss_order_id", "take_profit_order_id", "close_reasoning"):
        assert story["position"][told].replace("T", " ")[:36].removesuffix(":00+00:00") in said.out


def test_explains_a_trade_by_the_beginning_of_its_id(finished: Finished, server: str) -> None:
    first, *_ = rows(server, "select id::text from positions order by closed_at limit 1")
    by_beginning = hedgerow("explain", first["id"][:8].upper(), "--json", data=finished.data)
    assert by_beginning.document["position"]["id"] == first["id"]
    assert by_beginning.document["memories_recalled"] == []
    none = hedgerow("explain", "ffffffff", data=finished.data)
    assert_refused(none, "hedgerow explain ffffffff: no trade has this id")
    assert_refused(hedgerow("explain", "0", data=finished.data), "several trades")


def test_every_trade_went_through_all_steps(finished: Finished, server: str) -> None:
    """Proposal, order, fill, position, protection, exit, journal, lesson and validation."""
    trades = rows(
        server,
        """
        select p.id::text, p.entry_order_id::text, p.status,
            (select count(*) from events where kind = 'ProposalAccepted'
                and subject_id = p.entry_order_id) as proposals,
            (select jsonb_array_length(body -> 'proposal' -> 'memories_used') from events
                where kind = 'ProposalAccepted' and subject_id = p.entry_order_id) as recalled,
            (select string_agg(body ->> 'after', ' ' order by sequence) from events
                where kind = 'OrderStatusChanged' and subject_id = p.entry_order_id) as statuses,
            (select count(*) from fills where order_id = p.entry_order_id) as entry_fills,
            (select string_agg(purpose, ' ' order by purpose) from orders
                where parent_order_id = p.entry_order_id) as protection,
            (select count(*) from orders where position_id = p.id
                and status in ('pending', 'open', 'partial')) as working,
            (select count(*) from journal_entries where trade_id = p.id) as journal,
            (select string_agg(type, ' ' order by type) from memories
                where source_trade_id = p.id) as left_behind,
            (select count(*) from memory_validations where trade_id = p.id) as validated,
            (select count(*) from regime_classifications r where r.symbol = p.symbol
                and r.timestamp = p.opened_at) as regimes
        from positions p order by p.opened_at, p.id
        """,
    )
    assert len(trades) == finished.result["trades"] > 5
    for trade in trades:
        assert (trade["proposals"], trade["regimes"]) == (1, 1)
        assert trade["statuses"].split()[0] == "open"
        assert trade["statuses"].split()[-1] == "filled"
        assert trade["entry_fills"] >= 1
        assert trade["protection"] == "stop_loss take_profit"
        assert (trade["status"], trade["working"]) == ("closed", 0)
        assert trade["journal"] == 1
        assert trade["left_behind"] == "lesson trade"
        assert trade["validated"] == trade["recalled"]
    assert trades[0]["recalled"] == 0
    assert trades[-1]["recalled"] > 0


def test_the_audit_finds_nothing(finished: Finished) -> None:
    said = hedgerow("audit", "verify", data=finished.data)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-1].startswith("Everything agrees")
    audit = hedgerow("audit", "verify", "--json", data=finished.data).document
    assert (audit["clean"], audit["differences"]) == (True, [])
    assert audit["verified"]["events"] == finished.result["events_verified"]
    assert audit["verified"]["fills"] == finished.result["fills"]


@pytest.mark.parametrize(
    ("check", "problem", "tampering"),
    [
        (
            "ledger",
            "is off by 1.00000000 USDT",
            "update ledger_entries set amount = amount + 1 where (transfer_id, line) = "
            "(select transfer_id, line from ledger_entries order by 1 desc, 2 limit 1)",
        ),
        (
            "events",
            "was changed after it was written",
            "update events set body = jsonb_set(body, '{equity}', '\"12345\"') "
            "where sequence = (select min(sequence) from events where kind = 'EquityMarked')",
        ),
        (
            "events",
            "the end of the event log is stored as",
            "delete from events where sequence = (select max(sequence) from events)",
        ),
        (
            "orders",
            "is stored as canceled, but its events end with filled",
            "update orders set status = 'canceled', filled_at = null "
            "where id = (select min(id::text)::uuid from orders where status = 'filled')",
        ),
        (
            "orders",
            "the filled amount is stored as",
            "delete from fills where (order_id, venue_trade_id) = "
            "(select order_id, venue_trade_id from fills order by filled_at desc limit 1)",
        ),
        (
            "books",
            "the equity is stored as",
            "update strategies set current_equity = current_equity + 1",
        ),
        (
            "journal",
            "has ended and is not in the journal",
            "delete from journal_entries where id = (select min(id::text)::uuid "
            "from journal_entries)",
        ),
    ],
    ids=["amount", "event", "last event", "status", "fill", "equity", "journal"],
)
def test_the_audit_names_what_was_tampered_with(
    finished: Finished, server: str, check: str, problem: str, tampering: str
) -> None:
    name = f"tampered_{abs(hash(tampering))}"
    rows(server, f"create database {name} template hedgerow")
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    assert rows(url, tampering + " returning 1", session_replication_role="replica") == [(1,)]
    said = hedgerow("audit", "verify", data=finished.data, HEDGEROW_POSTGRES_URL=url)
    assert (said.code, said.err) == (1, "")
    assert f"✗ {check}: " in said.out
    assert problem in said.out


def test_longer_candles_chosen_symbols_and_capital(data_folder: Path, service_folder: Path) -> None:
    file = service_folder / "result.json"
    said = hedgerow(
        *("demo", "--timeframe", "1d", "--symbols", "eth/usdt, BTC/USDT,ETH/USDT"),
        *("--capital", "250.5", "--json", file),
        data=data_folder,
    )
    assert (said.code, said.err) == (0, "")
    # of 500 candles of 4 hours, beginning at 08:00: 4 on the first day, then 82 whole days, then 4
    assert said.out.startswith("Trading BTC/USDT, ETH/USDT on 164 closed 1d candles")
    result = result_of(file)
    assert (result["candles"], result["capital"]) == (164, "250.50000000")
    assert_clean(data_folder)


@pytest.mark.slow
def test_parquet_and_csv_come_out_the_same(data_folder: Path, service_folder: Path) -> None:
    """Candles of five minutes, made into quarters of an hour, once from each kind of file."""
    start = datetime(2024, 5, 1, tzinfo=UTC)
    prices = [Decimal(100 + (step * 7919) % 23 + step // 40) for step in range(451)]
    table = pa.table(
        {
            "open_time": [(start + step * timedelta(minutes=5)).isoformat() for step in range(450)],
            "open": [str(price) for price in prices[:-1]],
            "high": [str(max(pair) + 1) for pair in pairwise(prices)],
            "low": [str(min(pair) - 1) for pair in pairwise(prices)],
            "close": [str(price) for price in prices[1:]],
            "volume": [str(Decimal(step % 17 + 1) / 4) for step in range(450)],
        }
    )
    results = []
    for suffix, write in (("csv", csv.write_csv), ("parquet", parquet.write_table)):
        folder = service_folder / suffix
        folder.mkdir()
        write(table, folder / f"ABC_USDT.{suffix}")
        file = service_folder / f"{suffix}.json"
        demo = ["demo", "--data", folder, "--timeframe", "15m", "--json", file]
        said = hedgerow(*demo, data=data_folder)
        assert (said.code, said.err) == (0, "")
        assert "150 closed 15m candles" in said.out
        results.append(result_of(file))
    assert results[0] == results[1]
    assert results[0]["decisions"] > 0


def test_help_lists_every_command_in_one_line_each(data_folder: Path) -> None:
    said = hedgerow("--help", data=data_folder, COLUMNS="80")
    assert (said.code, said.err) == (0, "")
    listed = said.out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(
        dict.fromkeys(command.split()[0] for command in COMMANDS)
    )
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, data_folder: Path) -> None:
    said = hedgerow(*COMMANDS[command], "--help", data=data_folder)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: hedgerow {command} ")
    assert not data_folder.exists()
