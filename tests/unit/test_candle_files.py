"""Candles from files: exact, complete, and each refusal with its place."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.infrastructure.candle_files import (
    bundled_sample,
    read_candle_columns,
    read_candles,
)
from hedgerow.infrastructure.candle_files.plain import read_plain
from hedgerow.infrastructure.candle_files.table import Place
from hedgerow.usecases.candle_sets import CandleColumns, CandleSet, Gap

HEADER = "open_time,open,high,low,close,volume"
START = datetime(2024, 1, 1, tzinfo=UTC)
BTC = "BTC/USDT"


def lines(count: int = 4, step: timedelta = timedelta(hours=1)) -> list[str]:
    """A header and good candles of one symbol; line 1 is the header, line 2 the first candle."""
    times = (START + index * step for index in range(count))
    return [
        HEADER,
        *(f"{time.isoformat()},10,12.5,8,11,{index + 1}.5" for index, time in enumerate(times)),
    ]


def write(folder: Path, content: Sequence[str], name: str = "BTC_USDT.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(content) + "\n", encoding="utf-8")
    return path


def read(
    folder: Path,
    timeframe: Timeframe | None = None,
    symbols: Sequence[str] | None = None,
    *,
    allow_gaps: bool = False,
) -> CandleSet:
    """Row by row and in columns, which must give the same."""
    found = read_candles(folder, timeframe, symbols, allow_gaps=allow_gaps)
    columns = read_candle_columns(folder, timeframe, symbols, allow_gaps=allow_gaps)
    assert candles_of(columns) == found.candles
    assert {each.timeframe for each in columns} == {found.timeframe}
    assert tuple(each.symbol for each in columns) == found.symbols
    assert tuple(gap for each in columns for gap in each.gaps) == found.gaps
    return found


def candles_of(columns: Sequence[CandleColumns]) -> tuple[Candle, ...]:
    found = [
        Candle(each.symbol, each.timeframe, row.pop("open_time").astimezone(UTC), **row)
        for each in columns
        for row in pa.table(each.rows).to_pylist()
    ]
    return tuple(sorted(found, key=lambda candle: (candle.open_time, candle.symbol)))


def refusal(folder: Path, *args: Any, **options: Any) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read(folder, *args, **options)
    allow_gaps = options.get("allow_gaps", False)
    with pytest.raises(InputRefused) as of_columns:
        read_candle_columns(folder, *(*args, None, None)[:2], allow_gaps=allow_gaps)
    assert str(of_columns.value) == str(caught.value)
    return caught.value


class TestReading:
    def test_the_bundled_sample(self) -> None:
        found = read(bundled_sample())
        assert found.timeframe is Timeframe.H4
        assert found.symbols == ("BNB/USDT", "BTC/USDT", "ETH/USDT", "SOL/USDT")
        assert len(found.candles) == 2000
        assert found.gaps == ()
        assert found.candles[1] == Candle(
            BTC,
            Timeframe.H4,
            datetime(2023, 12, 30, 8, tzinfo=UTC),
            *map(Decimal, ("41947.16", "41988.62", "41520.3", "41893.96", "4706.52607")),
        )

    def test_only_the_symbols_asked_for(self) -> None:
        found = read(bundled_sample(), symbols=["ETH/USDT", "BTC/USDT", "ETH/USDT"])
        assert found.symbols == ("BTC/USDT", "ETH/USDT")
        assert len(found.candles) == 1000

    @pytest.mark.parametrize(
        "time", ["2024-01-01T00:00:00Z", "2024-01-01 00:00:00+00:00", "1704067200000"]
    )
    def test_ways_to_write_a_time(self, tmp_path: Path, time: str) -> None:
        write(tmp_path, [HEADER.replace("open_time", "timestamp"), f"{time},1,1,1,1,0"])
        [candle] = read(tmp_path, Timeframe.H1).candles
        assert candle.open_time == START

    def test_columns_in_any_order_with_others_between(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            ["\ufeffclose, Low,high,open,trades,timestamp,volume", "", "3,1,4,2,9,1704067200000,5"],
        )
        [candle] = read(tmp_path, Timeframe.D1).candles
        prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        assert prices == tuple(map(Decimal, "24135"))

    def test_documents_and_hidden_files_are_passed_over(self, tmp_path: Path) -> None:
        write(tmp_path, lines())
        for name in ("README.md", ".BTC_USDT.csv.swp", "LICENSE"):
            (tmp_path / name).write_text("words")
        (tmp_path / "ETH_USDT.csv").mkdir()
        assert read(tmp_path).symbols == (BTC,)

    def test_every_format_gives_the_same_candles(self, tmp_path: Path) -> None:
        found = {read(fill(tmp_path)).fingerprint for fill in FORMATS}
        assert len(found) == 1

    def test_the_fingerprint_sees_every_amount(self, tmp_path: Path) -> None:
        before = read(write(tmp_path, lines()).parent).fingerprint
        write(tmp_path, [*lines()[:-1], lines()[-1] + "1"])
        assert read(tmp_path).fingerprint != before


def as_csv(folder: Path) -> Path:
    (folder / "csv").mkdir()
    return write(folder / "csv", lines()).parent


def as_gzip(folder: Path) -> Path:
    (folder / "gz").mkdir()
    content = "\r\n".join(lines()).replace("12.5", "12.50").encode()
    (folder / "gz" / "BTC_USDT.csv.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder / "gz"


def as_parquet(folder: Path, kind: pa.DataType, time: pa.DataType, name: str) -> Path:
    (folder / name).mkdir()
    rows = [line.split(",") for line in lines()[1:]]
    times = pa.array([datetime.fromisoformat(row[0]) for row in rows], pa.timestamp("ms", "UTC"))
    columns = {"open_time": times.cast(time)}
    for index, column in enumerate(HEADER.split(",")[1:], start=1):
        columns[column] = pa.array(
            [Decimal(row[index]) for row in rows], pa.decimal128(18, 8)
        ).cast(kind)
    parquet.write_table(pa.table(columns), folder / name / "BTC_USDT.parquet")
    return folder / name


FORMATS: list[Callable[[Path], Path]] = [
    as_csv,
    as_gzip,
    lambda folder: as_parquet(folder, pa.decimal128(20, 9), pa.timestamp("us", "UTC"), "decimal"),
    lambda folder: as_parquet(folder, pa.float64(), pa.int64(), "float64"),
    lambda folder: as_parquet(folder, pa.float32(), pa.timestamp("ns", "UTC"), "float32"),
    lambda folder: as_parquet(folder, pa.string(), pa.timestamp("s", "UTC"), "text"),
]


def is_plain(path: Path) -> bool:
    return read_plain(BTC, Place(path)) is not None


class TestPlainFiles:
    """What is read in columns: all that is usual, and nothing that row by row would refuse."""

    def test_every_format_is_plain(self, tmp_path: Path) -> None:
        for fill in FORMATS:
            [path] = fill(tmp_path).iterdir()
            assert is_plain(path), path

    @pytest.mark.parametrize("name", ["SOL_USDT.csv", "BTC_USDT.csv"])
    def test_the_bundled_sample_is_plain(self, name: str) -> None:
        assert is_plain(bundled_sample() / name)

    @pytest.mark.parametrize(
        "times",
        [
            ("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"),
            ("2024-01-01 00:00:00+00:00", "2024-01-01 03:00:00.000+02:00"),
            ("1704067200000", "1704070800000"),
        ],
    )
    def test_usual_times_are_plain(self, tmp_path: Path, times: tuple[str, str]) -> None:
        path = write(tmp_path, [HEADER, *(f"{each},10,12.5,8,11,1.5" for each in times)])
        assert is_plain(path)
        assert read(tmp_path).candles[0].open_time == START

    def test_a_gap_is_plain_where_it_is_accepted(self, tmp_path: Path) -> None:
        content = lines(10)
        del content[4]
        assert is_plain(write(tmp_path, content))
        assert len(read(tmp_path, allow_gaps=True).gaps) == 1

    @pytest.mark.parametrize(
        ("number", "plain"),
        [
            ("10.50", True),
            ("+10", True),
            ("10.", True),
            ("8.000000000000000001", True),
            ("1e1", True),
            ("1.25E1", False),
            ("1.0e1", False),
            ("00000000000000000000010", False),
            ("10.0000000000000000000", False),
            ("8.0000000000000000001", False),
            ("1e99", False),
            ("1e30", False),
            ("1e-57", False),
            ("nan", False),
            ("10,5", False),
            ("0x10", False),
            ("9 ", False),
            ("９", False),
        ],
    )
    def test_of_numbers(self, tmp_path: Path, number: str, plain: bool) -> None:
        path = write(tmp_path, changed("open", number))
        assert is_plain(path) == plain
        try:
            found = read_candles(tmp_path, None, None, allow_gaps=False)
        except InputRefused:
            assert not plain
        else:
            assert read(tmp_path) == found

    @pytest.mark.parametrize("content", [lines(1), [HEADER], [], [*lines(), "1,2"]])
    def test_little_or_uneven_is_not_plain(self, tmp_path: Path, content: list[str]) -> None:
        assert not is_plain(write(tmp_path, content))

    @pytest.mark.parametrize(
        "kind", [pa.decimal128(38, 20), pa.date64(), pa.timestamp("ms"), pa.bool_()]
    )
    def test_odd_columns_are_not_plain(self, tmp_path: Path, kind: pa.DataType) -> None:
        rows = {name: [10, 10] for name in HEADER.split(",")}
        rows["open_time"] = [1704067200000, 1704070800000]
        column = "open" if pa.types.is_decimal(kind) else "open_time"
        table = pa.table(rows)
        odd = table.column(column).cast(pa.int64())
        odd = odd.cast(pa.decimal128(38, 0)).cast(kind) if column == "open" else odd.cast(kind)
        path = tmp_path / "BTC_USDT.parquet"
        parquet.write_table(table.set_column(table.column_names.index(column), column, odd), path)
        assert not is_plain(path)


NUMBERS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,22}\.?[0-9]{0,20}([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.floats(min_value=1e-9, max_value=1e9).map(str),
    st.text(alphabet="0123456789.eE+- _", max_size=8),
)


def require_same_or_not_plain(folder: Path, number: str) -> bool:
    """Whether the number is plain; then it is the one that reading row by row gives."""
    path = write(folder, changed("volume", number))
    plain = read_plain(BTC, Place(path))
    if plain is None:
        return False
    found = read_candles(folder, None, None, allow_gaps=False)
    assert plain.rows.column("volume").to_pylist() == [c.volume for c in found.candles], number
    return True


def test_every_exponent_is_read_right_or_is_not_plain(tmp_path: Path) -> None:
    plain = [
        exponent
        for exponent in range(-99, 100)
        if require_same_or_not_plain(tmp_path, f"1e{exponent}")
        | require_same_or_not_plain(tmp_path, f"9.9999999999999999e{exponent:+03d}")
    ]
    assert plain == [*range(-18, 0), *range(1, 20)]


@given(number=NUMBERS)
@example(number="1e30")
def test_what_is_plain_is_what_row_by_row_gives(
    number: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_same_or_not_plain(tmp_path_factory.mktemp("plain"), number)


class TestTimeframes:
    def test_is_inferred_from_the_least_spacing(self, tmp_path: Path) -> None:
        write(tmp_path, lines(step=timedelta(minutes=15)))
        assert read(tmp_path).timeframe is Timeframe.M15

    def test_files_of_different_spacing_meet_in_the_coarsest(self, tmp_path: Path) -> None:
        write(tmp_path, lines(8))
        write(tmp_path, lines(2, timedelta(hours=4)), "ETH_USDT.csv")
        found = read(tmp_path)
        assert found.timeframe is Timeframe.H4
        assert [candle.symbol for candle in found.candles] == [BTC, "ETH/USDT"] * 2

    def test_longer_candles_are_made_exactly_of_complete_ones(self, tmp_path: Path) -> None:
        times = [START + timedelta(minutes=5 * index) for index in range(-1, 25)]
        rows = [
            f"{t.isoformat()},{i + 10},{i + 20},{i + 1},{i + 11},0.1" for i, t in enumerate(times)
        ]
        write(tmp_path, [HEADER, *rows])
        found = read(tmp_path, Timeframe.H1)
        amounts = [(c.open, c.high, c.low, c.close, c.volume) for c in found.candles]
        assert amounts == [
            tuple(map(Decimal, ("11", "32", "2", "23", "1.2"))),
            tuple(map(Decimal, ("23", "44", "14", "35", "1.2"))),
        ]
        assert [c.open_time for c in found.candles] == [START, START + timedelta(hours=1)]

    def test_shorter_candles_are_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path, lines())
        refused = refusal(tmp_path, Timeframe.M5)
        assert (refused.what, refused.where) == (
            "1h candles cannot be made into 5m candles",
            str(path),
        )

    def test_one_candle_does_not_show_its_timeframe(self, tmp_path: Path) -> None:
        path = write(tmp_path, lines(1))
        refused = refusal(tmp_path)
        assert refused.where == str(path)
        assert "1m, 5m, 15m, 1h, 4h, 1d" in refused.fix

    def test_too_few_candles_for_a_longer_one(self, tmp_path: Path) -> None:
        path = write(tmp_path, lines(3))
        refused = refusal(tmp_path, Timeframe.H4)
        assert refused.what == "too few candles for one complete 4h candle"
        assert refused.where == str(path)

    def test_a_spacing_that_is_no_timeframe(self, tmp_path: Path) -> None:
        path = write(tmp_path, lines(step=timedelta(hours=8)))
        refused = refusal(tmp_path)
        assert refused.what == "8:00:00 after the candle before is no timeframe"
        assert refused.where == f"{path}, line 3"

    @pytest.mark.parametrize("timeframe", [None, Timeframe.H1])
    def test_a_time_beside_the_grid(self, tmp_path: Path, timeframe: Timeframe | None) -> None:
        path = write(tmp_path, [line.replace(":00:00+", ":30:00+") for line in lines()])
        refused = refusal(tmp_path, timeframe)
        assert refused.what == "open_time 2024-01-01T00:30:00+00:00 is not the start of a 1h candle"
        assert refused.where == f"{path}, line 2"


class TestGaps:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        content = lines(10)
        del content[3:5], content[5]  # 02:00 and 03:00; 06:00
        return write(tmp_path, content)

    def test_are_refused_with_their_place(self, path: Path) -> None:
        refused = refusal(path.parent)
        assert refused.what == (
            "2 1h candles are missing between "
            "2024-01-01T01:00:00+00:00 and 2024-01-01T04:00:00+00:00"
        )
        assert refused.where == f"{path}, line 4"
        assert "--allow-gaps" in refused.fix

    def test_are_told_where_they_are_allowed(self, path: Path) -> None:
        hours = [START + timedelta(hours=hour) for hour in range(10)]
        assert read(path.parent, allow_gaps=True).gaps == (
            Gap(BTC, hours[1], hours[4], 2),
            Gap(BTC, hours[5], hours[7], 1),
        )

    def test_an_incomplete_candle_is_a_gap_too(self, tmp_path: Path) -> None:
        content = lines(12)
        del content[6]  # 04:00
        write(tmp_path, content)
        found = read(tmp_path, Timeframe.H4, allow_gaps=True)
        assert [candle.open_time.hour for candle in found.candles] == [0, 8]
        assert found.gaps == (Gap(BTC, START, START + timedelta(hours=8), 1),)


def changed(column: str, text: str) -> list[str]:
    """Good lines, but for one cell in line 4."""
    content = lines()
    cells = content[3].split(",")
    cells[HEADER.split(",").index(column)] = text
    content[3] = ",".join(cells)
    return content


BAD_CELLS = [
    ("open", "", "open is empty"),
    ("open", " ", "open is empty"),
    ("close", "NaN", "close is NaN"),
    ("close", "-inf", "close is -inf"),
    ("high", "abc", "high 'abc' is not a number"),
    ("high", "1_000", "high '1_000' is not a number"),
    ("high", " 13", "high ' 13' is not a number"),
    ("high", "１３", "high '１３' is not a number"),
    ("volume", "1e20", "volume 1e20 is beyond 20 digits before or 18 after the point"),
    ("volume", "1e-19", "volume 1e-19 is beyond 20 digits before or 18 after the point"),
    ("low", "0", "low 0 is not above zero"),
    ("open", "-1", "open -1 is not above zero"),
    ("volume", "-0.1", "volume -0.1 is negative"),
    ("high", "7", "high 7 is below low 8"),
    ("open", "13", "open 13 is outside of low 8 to high 12.5"),
    ("close", "7.9", "close 7.9 is outside of low 8 to high 12.5"),
    ("open_time", "", "open_time is empty"),
    ("open_time", "soon", "open_time 'soon' is not a time"),
    ("open_time", "2024-01-01T02:00:00", "open_time '2024-01-01T02:00:00' has no time zone"),
    ("open_time", "1704074400", "open_time 1704074400 is not in milliseconds since 1970"),
    (
        "open_time",
        "1704074400000000",
        "open_time 1704074400000000 is not in milliseconds since 1970",
    ),
    ("open_time", "9" * 5000, f"open_time {'9' * 5000} is not in milliseconds since 1970"),
    ("open_time", "2024-01-01T01:00:00Z", "a second candle at 2024-01-01T01:00:00+00:00"),
    (
        "open_time",
        "2024-01-01T00:59:00Z",
        "time runs backwards: 2024-01-01T00:59:00+00:00 after 2024-01-01T01:00:00+00:00",
    ),
]


class TestBadFiles:
    @pytest.mark.parametrize(("column", "text", "what"), BAD_CELLS)
    def test_a_bad_cell(self, tmp_path: Path, column: str, text: str, what: str) -> None:
        path = write(tmp_path, changed(column, text))
        refused = refusal(tmp_path)
        assert (refused.what, refused.where) == (what, f"{path}, line 4")
        assert refused.fix

    @pytest.mark.parametrize(
        ("content", "what", "line"),
        [
            (
                ["time,open,high,low,close,volume"],
                "no column open_time; there are time, open, high, low, close, volume",
                1,
            ),
            (
                ["", "timestamp,open,high"],
                "no column low, close, volume; there are timestamp, open, high",
                2,
            ),
            (["open_time,open,high,low,close,volume,open"], "two columns open", 1),
            ([*lines(), "2024-01-01T04:00:00Z,1"], "2 cells under 6 columns", 6),
            ([*lines(), '2024-01-01T04:00:00Z,"1"2,3'], "not CSV: ',' expected after '\"'", 6),
        ],
    )
    def test_a_bad_line(self, tmp_path: Path, content: list[str], what: str, line: int) -> None:
        path = write(tmp_path, content)
        refused = refusal(tmp_path)
        assert (refused.what, refused.where) == (what, f"{path}, line {line}")

    @pytest.mark.parametrize(
        ("content", "what"), [([], "the file is empty"), ([HEADER], "the file holds no candles")]
    )
    def test_an_empty_file(self, tmp_path: Path, content: list[str], what: str) -> None:
        path = write(tmp_path, content)
        refused = refusal(tmp_path)
        assert (refused.what, refused.where) == (what, str(path))

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        path = write(tmp_path, lines())
        path.write_bytes(path.read_bytes() + b"2024\xff")
        refused = refusal(tmp_path)
        assert (refused.what, refused.where) == ("byte 0xff is not UTF-8 text", f"{path}, line 6")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("BTC_USDT.csv.gz", b"open_time"),
            ("BTC_USDT.csv.gz", gzip.compress(b"open_time,open" * 99, mtime=0)[:-9]),
            ("BTC_USDT.csv.gz", gzip.compress(b"open_time", mtime=0)[:10] + b"\xff" * 30),
            ("BTC_USDT.parquet", b"PAR1"),
            ("BTC_USDT.parquet", b""),
        ],
    )
    def test_a_damaged_file(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        refused = refusal(tmp_path)
        assert refused.what.startswith("the file cannot be read: ")
        assert refused.where == str(tmp_path / name)

    @pytest.mark.parametrize(
        ("cell", "what"), [(None, "open is empty"), (float("nan"), "open is nan")]
    )
    def test_a_bad_cell_of_parquet(self, tmp_path: Path, cell: float | None, what: str) -> None:
        table = {name: [1.0, 1.0] for name in HEADER.split(",")[2:]}
        times = [START, START + timedelta(hours=1)]
        path = tmp_path / "BTC_USDT.parquet"
        parquet.write_table(pa.table({"open_time": times, "open": [1.0, cell], **table}), path)
        refused = refusal(tmp_path)
        assert (refused.what, refused.where) == (what, f"{path}, row 2")

    def test_a_parquet_time_without_zone(self, tmp_path: Path) -> None:
        path = as_parquet(tmp_path, pa.float64(), pa.timestamp("ms"), "x") / "BTC_USDT.parquet"
        refused = refusal(path.parent)
        assert refused.what == "open_time '2024-01-01T00:00:00' has no time zone"
        assert refused.where == f"{path}, row 1"

    def test_a_parquet_file_without_a_column(self, tmp_path: Path) -> None:
        path = tmp_path / "BTC_USDT.parquet"
        parquet.write_table(pa.table({"open_time": [1], "open": [1]}), path)
        refused = refusal(tmp_path)
        assert refused.what == "no column high, low, close, volume; there are open_time, open"
        assert refused.where == str(path)


class TestBadFolders:
    def test_absent(self, tmp_path: Path) -> None:
        refused = refusal(tmp_path / "no")
        assert refused.what == "the folder of candles cannot be read: No such file or directory"
        assert refused.where == str(tmp_path / "no")

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        refused = refusal(write(tmp_path, lines()))
        assert refused.what == "the folder of candles cannot be read: Not a directory"

    def test_without_candles(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").touch()
        refused = refusal(tmp_path)
        assert (refused.what, refused.where) == ("no candle files", str(tmp_path))

    def test_without_the_symbol_asked_for(self, tmp_path: Path) -> None:
        write(tmp_path, lines())
        write(tmp_path, lines(), "ETH_USDT.csv")
        refused = refusal(tmp_path, None, [BTC, "XRP/USDT"])
        assert (refused.what, refused.where) == ("no candles of XRP/USDT", str(tmp_path))
        assert refused.fix == "choose among BTC/USDT, ETH/USDT, or add XRP_USDT.csv"

    def test_asked_for_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, lines())
        assert refusal(tmp_path, None, []).what == "no symbol asked for"

    def test_two_files_of_one_symbol(self, tmp_path: Path) -> None:
        write(tmp_path, lines())
        write(tmp_path, lines(), "BTC_USDT.parquet")
        refused = refusal(tmp_path)
        assert refused.what == "two files of BTC/USDT: BTC_USDT.csv and BTC_USDT.parquet"
        assert refused.where == str(tmp_path)

    @pytest.mark.parametrize("name", ["ETH_USDT.xlsx", "ETH_USDT.csv.zip", "ETH_USDT"])
    def test_a_kind_of_file_that_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        write(tmp_path, lines())
        path = write(tmp_path, lines(), name)
        refused = refusal(tmp_path)
        assert refused.what.startswith("candles in a kind of file that cannot be read: ")
        assert refused.where == str(path)

    @pytest.mark.parametrize("name", ["btc_usdt.csv", "BTCUSDT.parquet", "BTC_USDT.4h.csv"])
    def test_a_name_that_is_no_symbol(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path, lines(), name)
        refused = refusal(tmp_path)
        assert refused.what == "the file name does not say which symbol it holds"
        assert refused.where == str(path)


PRICES = st.decimals(min_value=Decimal("1e-12"), max_value=10**12, places=12)
VOLUMES = st.decimals(min_value=0, max_value=10**15, places=8)


@st.composite
def candles(draw: st.DrawFn) -> list[Candle]:
    timeframe = draw(st.sampled_from(Timeframe))
    first = draw(st.integers(min_value=0, max_value=20_000))
    rows = draw(
        st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES, VOLUMES), min_size=1, max_size=5)
    )
    result = []
    for index, (*prices, volume) in enumerate(rows, start=first):
        low, open_, close, high = sorted(prices)
        open_time = datetime(1970, 1, 1, tzinfo=UTC) + index * timeframe.duration
        result.append(Candle(BTC, timeframe, open_time, open_, high, low, close, volume))
    return result


@given(written=candles())
def test_what_is_written_is_read_to_the_last_digit(
    written: list[Candle], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("exact")
    with (folder / "BTC_USDT.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        for c in written:
            writer.writerow([c.open_time.isoformat(), c.open, c.high, c.low, c.close, c.volume])
    assert read(folder, written[0].timeframe).candles == tuple(written)
