"""Whether a ClickHouse can be used; nothing in it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse.address import address_of
from hedgerow.infrastructure.clickhouse.client import ClickHouse, EngineAway, EngineFailed
from hedgerow.infrastructure.clickhouse.migrate import unapplied
from hedgerow.infrastructure.clickhouse.networked import NetworkedClickHouse
from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome
from hedgerow.usecases.checks import Finding, failed, ok, warning

SETTING: Final = "HEDGEROW_CLICKHOUSE_URL"
_ANSWER_SECONDS_MAX: Final = 8.0


async def look_at_server(url: str) -> Sequence[Finding]:
    """Version and migrations of the server at `url`, or why it cannot be used."""
    address = address_of(url)
    place = f"{address.host}:{address.port}"
    try:
        server = NetworkedClickHouse(address, answer_seconds_max=_ANSWER_SECONDS_MAX)
        async with server as clickhouse:
            return await _look(clickhouse, f"at {place}")
    except EngineAway:
        fix = f"start the server, or correct host and port (that of HTTP, 8123) in {SETTING}"
        return [failed("clickhouse", f"nobody answers at {place}", fix)]
    except EngineFailed as error:
        found = f"{place} refuses (code {error.code}): {error.problem}"
        return [failed("clickhouse", found, f"create the database, or correct {SETTING}")]


async def look_at_embedded(data_folder: Path) -> Sequence[Finding]:
    """The same of the embedded one, through whoever has it open; raises InputRefused."""
    if find_spec("chdb") is None:
        raise InputRefused(
            what="the embedded ClickHouse is not installed",
            where="Python package chdb",
            fix=f"install it, or set {SETTING} to a server of your own",
        )
    home = ClickHouseHome(data_folder, _ANSWER_SECONDS_MAX)
    if not home.folder.exists():
        return [ok("clickhouse", "embedded, not created yet; the first `hedgerow demo` makes it")]
    try:
        async with home.look() as clickhouse:
            is_served = isinstance(clickhouse, NetworkedClickHouse)
            whose = "served by the process that has it open" if is_served else "open to nobody else"
            return await _look(clickhouse, f"embedded, {whose}")
    except (EngineAway, EngineFailed) as error:
        fix = "stop the process that has it open, and run this again"
        return [failed("clickhouse", f"{home.folder}: {error.problem}", fix)]


async def _look(clickhouse: ClickHouse, where: str) -> Sequence[Finding]:
    answer = await clickhouse.query("SELECT version() AS version")
    version = answer.column("version").to_pylist()[0]
    pending, newer = await unapplied(clickhouse)
    return [ok("clickhouse", f"version {version}, {where}"), _tables(pending, newer)]


def _tables(pending: Sequence[str], newer: Sequence[int]) -> Finding:
    if newer:
        found = f"migrated to {max(newer)} by a newer Hedgerow"
        fix = "run the newer Hedgerow, or use another data folder or database"
        return failed("market data", found, fix)
    if pending:
        found = f"{len(pending)} migrations are pending, from {pending[0]}"
        fix = "nothing to do: the next command that needs them applies them, `hedgerow costs` too"
        return warning("market data", found, fix)
    return ok("market data", "all migrations are applied")
