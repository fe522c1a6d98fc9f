"""`hedgerow candles import|export`, from what is typed to what is stored."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from clickhouse_engines import held
from hedgerow.bootstrap import Backstage
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.entrypoints.cli import make_app
from hedgerow.infrastructure.clickhouse import candle_intake
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.client import EngineAway
from hedgerow.infrastructure.clickhouse.networked import NetworkedClickHouse
from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome

Run = Callable[..., Result]
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MINUTES: Final = 2 * 1440
BTC, ETH = "BTC/USDT", "ETH/USDT"
HEADER: Final = "open_time,open,high,low,close,volume"
# The command, killed when the first of several inserts is done.
KILLED_HALF_WAY: Final = """
import os, signal
from hedgerow.__main__ import main
from hedgerow.infrastructure.clickhouse import candle_intake
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse

insert = EmbeddedClickHouse.insert

async def insert_and_die(self, table, rows):
    await insert(self, table, rows)
    os.kill(os.getpid(), signal.SIGKILL)

candle_intake.AT_ONCE = 1_000
EmbeddedClickHouse.insert = insert_and_die
main()
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the commands."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("HEDGEROW_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def run(data: Path) -> Run:
    app = make_app(Backstage())

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["candles", *map(str, arguments)], env={"COLUMNS": "160"})

    return run


def lines(count: int = MINUTES, price: int = 100) -> list[str]:
    """A header and 1m candles: line 1 is the header, line 2 the first candle."""
    return [
        HEADER,
        *(
            f"{(START + timedelta(minutes=at)).isoformat()},"
            f"{price + at % 7},{price + 9}.5,{price - 1}.000000000000000001,{price + at % 5},0.1"
            for at in range(count)
        ),
    ]


def write(folder: Path, content: Sequence[str], name: str = "BTC_USDT.csv") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(f"{line}\n" for line in content), encoding="utf-8")
    return folder


def stored(
    data: Path, symbols: Sequence[str] = (BTC,), exchange: Exchange = Exchange.BINANCE
) -> dict[Timeframe, list[Candle]]:
    """All 1m candles, and what is rolled up of them."""

    async def read() -> dict[Timeframe, list[Candle]]:
        async with ClickHouseHome(data).open() as clickhouse:
            store = ClickHouseCandleStore(clickhouse)
            span = (START - DAY, START + 9 * DAY)
            found = {Timeframe.M1: await store.read(exchange, symbols, Timeframe.M1, *span)}
            for timeframe in list(Timeframe)[1:]:
                found[timeframe] = await store.read_rolled_up(exchange, symbols, timeframe, *span)
            return found

    return asyncio.run(read())


def done(result: Result) -> str:
    assert result.exit_code == 0, result.exception
    return result.stderr.strip()


def refusal(result: Result) -> InputRefused:
    assert isinstance(result.exception, InputRefused), result.output
    return result.exception


class TestImport:
    def test_stores_what_the_files_say_and_rolls_it_up(
        self, run: Run, data: Path, tmp_path: Path
    ) -> None:
        files = write(write(tmp_path / "in", lines()), lines(price=7), "ETH_USDT.csv")
        said = done(run("import", files, "--exchange", "okx"))
        assert said == "Stored 5,760 1m candles of BTC/USDT, ETH/USDT on okx."
        found = stored(data, (BTC, ETH), Exchange.OKX)
        assert len(found[Timeframe.M1]) == 2 * MINUTES
        first = found[Timeframe.M1][0]
        assert (first.symbol, first.open_time, first.low) == (
            BTC,
            START,
            Decimal("99.000000000000000001"),
        )
        counts = {timeframe.value: len(candles) for timeframe, candles in found.items()}
        assert counts == {"1m": 5760, "5m": 1152, "15m": 384, "1h": 96, "4h": 24, "1d": 4}
        assert {candle.volume for candle in found[Timeframe.D1]} == {Decimal(144)}

    def test_twice_is_once(self, run: Run, data: Path, tmp_path: Path) -> None:
        files = write(tmp_path / "in", lines())
        done(run("import", files))
        once = stored(data)
        done(run("import", files))
        assert stored(data) == once
        assert {candle.volume for candle in once[Timeframe.H1]} == {Decimal(6)}

    def test_corrected_candles_take_the_place_of_the_wrong_ones(
        self, run: Run, data: Path, tmp_path: Path
    ) -> None:
        done(run("import", write(tmp_path / "wrong", lines(price=900))))
        done(run("import", write(tmp_path / "right", lines())))
        assert max(candle.high for candle in stored(data)[Timeframe.D1]) == Decimal("109.5")

    def test_killed_half_way_and_repeated_is_as_if_never_killed(
        self, run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = write(tmp_path / "in", lines())
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_HALF_WAY, "candles", "import", str(files)], check=False
        )
        assert killed.returncode == -9
        assert len(stored(data)[Timeframe.M1]) == 1_000
        done(run("import", files))
        repeated = stored(data)
        untouched = tmp_path / "untouched"
        untouched.mkdir()
        monkeypatch.setenv("HEDGEROW_DATA_DIR", str(untouched))
        done(CliRunner().invoke(make_app(Backstage()), ["candles", "import", str(files)]))
        assert repeated == stored(untouched)

    def test_longer_candles_on_demand(self, run: Run, data: Path, tmp_path: Path) -> None:
        files = write(tmp_path / "in", lines(150))
        assert "Stored 2 1h candles" in done(run("import", files, "--timeframe", "1h"))
        assert stored(data)[Timeframe.M1] == []

    def test_only_the_symbols_asked_for(self, run: Run, data: Path, tmp_path: Path) -> None:
        files = write(write(tmp_path / "in", lines(9)), lines(9), "ETH_USDT.csv")
        done(run("import", files, "--symbols", ETH))
        assert {c.symbol for c in stored(data, (BTC, ETH))[Timeframe.M1]} == {ETH}

    def test_gaps_are_told_where_they_are_accepted(
        self, run: Run, data: Path, tmp_path: Path
    ) -> None:
        content = lines(60)
        del content[30]
        files = write(tmp_path / "in", content)
        assert "with 1 gap." in done(run("import", files, "--allow-gaps"))
        found = stored(data)
        assert (len(found[Timeframe.M1]), len(found[Timeframe.H1])) == (59, 0)

    @pytest.mark.parametrize(
        ("content", "what", "line"),
        [
            ([], "the file is empty", None),
            ([HEADER], "the file holds no candles", None),
            (["open_time,open,high,low,close"], "no column volume", 1),
            ([*lines(3), "2024-01-01T00:03:00Z,1,2,1,x,0"], "close 'x' is not a number", 5),
            ([*lines(3), "2024-01-01T00:03:00Z,1,2,1,3,0"], "close 3 is outside of low 1", 5),
            ([*lines(3), "2024-01-01T00:03:00Z,1,2,1,1,1e20"], "volume 1e20 is beyond 20", 5),
            ([*lines(3), lines(3)[-1]], "a second candle at 2024-01-01T00:02:00", 5),
            ([*lines(3), lines(6)[-1]], "2 1m candles are missing between", 5),
            ([*lines(3), "2024-01-01T00:03:00,1,2,1,1,1"], "has no time zone", 5),
            ([*lines(3), "1,2,3"], "3 cells under 6 columns", 5),
        ],
    )
    def test_nothing_is_stored_of_files_of_which_one_is_bad(
        self,
        run: Run,
        data: Path,
        tmp_path: Path,
        content: list[str],
        what: str,
        line: int | None,
    ) -> None:
        files = write(write(tmp_path / "in", lines(9)), content, "ETH_USDT.csv")
        refused = refusal(run("import", files))
        place = f"{files / 'ETH_USDT.csv'}"
        assert what in refused.what
        assert refused.where == (place if line is None else f"{place}, line {line}")
        assert refused.fix
        assert list(data.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "where"),
        [
            (("--exchange", "ftx"), "--exchange"),
            (("--timeframe", "7m"), "--timeframe"),
            (("--symbols", "BTCUSDT"), "--symbols"),
        ],
    )
    def test_nonsense_is_refused_with_its_place(
        self, run: Run, tmp_path: Path, arguments: tuple[str, ...], where: str
    ) -> None:
        assert refusal(run("import", write(tmp_path / "in", lines(9)), *arguments)).where == where

    def test_a_folder_that_is_not_there(self, data: Path, tmp_path: Path) -> None:
        refused = subprocess.run(
            [sys.executable, "-m", "hedgerow", "candles", "import", str(tmp_path / "no")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (refused.returncode, refused.stdout) == (2, "")
        [sentence] = refused.stderr.splitlines()
        assert sentence.startswith("hedgerow: ")
        assert str(tmp_path / "no") in sentence
        assert list(data.iterdir()) == []


class TestExport:
    def test_what_is_exported_is_imported_as_it_was(
        self, run: Run, data: Path, tmp_path: Path
    ) -> None:
        done(run("import", write(tmp_path / "in", lines())))
        (tmp_path / "out").mkdir()
        file = tmp_path / "out" / "BTC_USDT.parquet"
        said = done(run("export", file, "--symbols", BTC, "--timeframe", "1m"))
        assert said == f"Wrote 2,880 1m candles to {file}"
        done(run("import", file.parent, "--exchange", "gate"))
        assert stored(data, exchange=Exchange.GATE) == stored(data)

    def test_several_symbols_go_into_one_file(self, run: Run, tmp_path: Path) -> None:
        done(run("import", write(write(tmp_path / "in", lines(9)), lines(8), "ETH_USDT.csv")))
        file = tmp_path / "all.parquet"
        done(run("export", file, "--symbols", f"{ETH},{BTC}", "--timeframe", "1m"))
        symbols = parquet.read_table(file).column("symbol").to_pylist()
        assert sorted(set(symbols)) == [BTC, ETH]
        assert (symbols.count(BTC), symbols.count(ETH)) == (9, 8)

    @pytest.mark.parametrize(
        ("file", "symbols", "what"),
        [
            ("out.csv", BTC, "is not the name of a Parquet file"),
            ("no/out.parquet", BTC, "its folder does not exist"),
            ("out.parquet", ETH, "no 1m candles of ETH/USDT on binance are stored"),
            ("out.parquet", f"{BTC},{ETH}", "no 1m candles of ETH/USDT on binance are stored"),
        ],
    )
    def test_leaves_no_file_behind_where_it_cannot_be_whole(
        self, run: Run, tmp_path: Path, file: str, symbols: str, what: str
    ) -> None:
        done(run("import", write(tmp_path / "in", lines(9))))
        out = tmp_path / "out"
        out.mkdir()
        refused = refusal(run("export", out / file, "--symbols", symbols, "--timeframe", "1m"))
        assert refused.what == what
        assert list(out.iterdir()) == []


def test_both_work_while_a_fund_holds_the_folder(run: Run, data: Path, tmp_path: Path) -> None:
    files = write(tmp_path / "in", lines())
    file = tmp_path / "BTC_USDT.parquet"
    with held(data):
        done(run("import", files))
        done(run("import", files))
        done(run("export", file, "--symbols", BTC, "--timeframe", "1m"))
        served = stored(data)
    assert len(parquet.read_table(file)) == MINUTES
    # what came through the front is in the folder, and just as if nobody had held it
    assert stored(data) == served
    assert {candle.volume for candle in served[Timeframe.H1]} == {Decimal(6)}


def test_an_import_whose_holder_dies_is_told_so_and_can_be_repeated(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write(tmp_path / "in", lines())
    monkeypatch.setattr(candle_intake, "AT_ONCE", 1_000)
    with held(data) as holder:

        async def insert_and_kill(served: NetworkedClickHouse, table: str, rows: pa.Table) -> None:
            await insert(served, table, rows)
            holder.kill()
            holder.wait()

        insert = NetworkedClickHouse.insert
        with monkeypatch.context() as patched:
            patched.setattr(NetworkedClickHouse, "insert", insert_and_kill)
            away = run("import", files).exception
    assert isinstance(away, EngineAway)
    assert len(stored(data)[Timeframe.M1]) == 1_000
    done(run("import", files))
    found = stored(data)
    assert len(found[Timeframe.M1]) == MINUTES
    assert {candle.volume for candle in found[Timeframe.D1]} == {Decimal(144)}
