"""The tables of ClickHouse as Arrow streams, read and written a part at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from typing import Any, BinaryIO, Final, Self

import pyarrow as pa

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment
from hedgerow.infrastructure.clickhouse.migrate import knows, migrate, reset

PART_ROWS_MAX: Final = 200_000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Kept:
    """How a table is cut into parts: by series, and each of these by the time `at`.

    `is_fed` where views write to it whatever is stored elsewhere.
    """

    series: tuple[str, ...]
    at: str
    is_fed: bool = False


# Roll-ups of candles are left out: views make them anew of the candles that are restored. What
# models have cost is not, because the sums outlive the calls.
_TABLES: Final[Mapping[str, _Kept]] = {
    "market_data_kline": _Kept(("symbol", "exchange", "timeframe"), "timestamp"),
    "market_data_tick": _Kept(("symbol", "exchange"), "timestamp"),
    "market_data_orderbook": _Kept(("symbol", "exchange"), "timestamp"),
    "market_data_trades": _Kept(("symbol", "exchange"), "timestamp"),
    "market_data_derivatives": _Kept(("symbol", "exchange"), "timestamp"),
    "market_news": _Kept((), "timestamp"),
    "ai_usage_logs": _Kept((), "timestamp"),
    "ai_cost_by_user_day": _Kept((), "date", is_fed=True),
    "ai_cost_by_agent": _Kept((), "date", is_fed=True),
    "ai_cost_by_model": _Kept((), "date", is_fed=True),
}


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one series (its columns by name) from `start` to before `end`."""

    series: Mapping[str, str]
    start: datetime
    end: datetime


class ClickHouseDump:
    """Implements the StoreDump port. Rows stored twice that are one are written once.

    ClickHouse has no snapshot over several statements: what is stored meanwhile may be written or
    not.
    """

    def __init__(
        self, clickhouse: ClickHouse, revision: str, columns: Mapping[str, Sequence[str]]
    ) -> None:
        self._clickhouse = clickhouse
        self.revision = revision
        self.columns = columns

    @classmethod
    async def of(cls, clickhouse: ClickHouse) -> Self:
        """The tables of a ClickHouse that is migrated."""
        applied = await clickhouse.query("SELECT max(version) AS version FROM schema_migrations")
        columns = {table: (await _none_of(clickhouse, table)).names for table in _TABLES}
        return cls(clickhouse, str(applied.column("version")[0].as_py()), columns)

    async def write(self, table: str, sink: BinaryIO) -> int:
        """Write the rows of a table; returns how many."""
        rows = 0
        schema = await _none_of(self._clickhouse, table)
        with pa.ipc.new_stream(sink, schema) as writer:
            for part in await self._parts(table):
                found = await self._read(table, part)
                writer.write_table(found.combine_chunks())
                rows += found.num_rows
        return rows

    async def _parts(self, table: str) -> list[_Part]:
        kept = _TABLES[table]
        keys = ", ".join((*kept.series, f"toDate({kept.at}) AS day"))
        order = ", ".join((*kept.series, "day"))
        days = await self._clickhouse.query(
            f"SELECT {keys}, count() AS rows FROM {table} GROUP BY {order} ORDER BY {order}"  # noqa: S608 - names of our own
        )
        return list(_parts_of(days.to_pylist(), kept.series))

    async def _read(self, table: str, part: _Part) -> pa.Table:
        kept = _TABLES[table]
        wanted = [f"{name} = {{{name}:String}}" for name in part.series]
        wanted.append(f"{kept.at} >= {{part_start:DateTime64(6, 'UTC')}}")
        wanted.append(f"{kept.at} < {{part_end:DateTime64(6, 'UTC')}}")
        return await self._clickhouse.query(
            f"SELECT * FROM {table} FINAL WHERE {' AND '.join(wanted)}",  # noqa: S608 - names of our own
            part_start=moment(part.start),
            part_end=moment(part.end),
            **part.series,
        )


class ClickHouseRestore:
    """Implements the MarketRestore port."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def knows(self, revision: str) -> bool:
        """Whether this Hedgerow has that migration."""
        return revision.isdecimal() and knows(int(revision))

    async def require_empty(self) -> None:
        """Raise InputRefused where any table holds rows."""
        for table in _TABLES:
            found = await self._clickhouse.query(f"SELECT count() AS rows FROM {table}")  # noqa: S608 - names of our own
            rows = found.column("rows")[0].as_py()
            if rows:
                raise InputRefused(
                    what=f"holds market data already ({rows:,} rows in {table})",
                    where=self._clickhouse.where,
                    fix="restore into another data folder, or add --replace to give that data up",
                )

    @asynccontextmanager
    async def emptied(self, revision: str) -> AsyncIterator[None]:
        """Empty tables of that migration; empty again where the block is left by an error."""
        await reset(self._clickhouse, until=int(revision))
        try:
            yield
        except BaseException:
            # half of an archive is worse than nothing
            await reset(self._clickhouse)
            raise

    async def read(self, table: str, columns: Sequence[str], source: BinaryIO) -> int:
        """Store the rows that a dump has written; returns how many."""
        if table not in _TABLES:
            raise _not_ours(table)
        if _TABLES[table].is_fed:
            # the views have summed up the calls that are restored; the dump sums up all there were
            await self._clickhouse.execute(f"TRUNCATE TABLE {table}")
        rows = 0
        try:
            reader = pa.ipc.open_stream(source)
            for batch in reader:
                await self._clickhouse.insert(table, pa.Table.from_batches([batch]))
                rows += batch.num_rows
        except pa.ArrowInvalid as error:
            raise _not_ours(table) from error
        return rows

    async def settle(self) -> None:
        """Migrate to the newest schema."""
        await migrate(self._clickhouse)


async def _none_of(clickhouse: ClickHouse, table: str) -> pa.Schema:
    return (await clickhouse.query(f"SELECT * FROM {table} LIMIT 0")).schema  # noqa: S608 - names of our own


def _parts_of(days: Sequence[Mapping[str, Any]], series: tuple[str, ...]) -> Iterator[_Part]:
    """Parts of about PART_ROWS_MAX rows, none of which goes from one year into the next.

    An INSERT takes at most 100 partitions, which are months.
    """
    for key, group in groupby(days, key=lambda day: tuple(day[name] for name in series)):
        named = dict(zip(series, key, strict=True))
        for _, year in groupby(group, key=lambda day: day["day"].year):
            yield from _parts_of_year(list(year), named)


def _parts_of_year(days: Sequence[Mapping[str, Any]], series: Mapping[str, str]) -> Iterator[_Part]:
    together: list[date] = []
    rows = 0
    for day in days:
        if together and rows + day["rows"] > PART_ROWS_MAX:
            yield from _split(series, together, rows)
            together, rows = [], 0
        together.append(day["day"])
        rows += day["rows"]
    yield from _split(series, together, rows)


def _split(series: Mapping[str, str], days: Sequence[date], rows: int) -> Iterator[_Part]:
    """One part; a single day that holds too many rows, in equal spans of time."""
    start, end = _midnight(days[0]), _midnight(days[-1]) + _DAY
    spans = max(1, -(-rows // PART_ROWS_MAX))
    length = (end - start) / spans
    edges = [start + span * length for span in range(spans)]
    for each, following in pairwise((*edges, end)):
        yield _Part(series, each, following)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _not_ours(table: str) -> InputRefused:
    return InputRefused(
        what="is not what a backup of Hedgerow holds",
        where=f"clickhouse/{table} in the backup",
        fix="restore another backup",
    )
