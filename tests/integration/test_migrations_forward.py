"""A database with data is carried forward from the first revision to the newest."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hedgerow.domain.errors import ConcurrentUpdate
from hedgerow.domain.market import Exchange
from hedgerow.domain.messages import IntervalClosed
from hedgerow.infrastructure.postgres.engine import migrate, open_engine, upgrade
from hedgerow.infrastructure.postgres.keeper import PostgresKeeper
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.verify_books import verify_all
from postgres_fixtures import as_superuser

ADA = UUID(int=0xADA)
ROWS = Path(__file__).parent / "data" / "rows_of_0001.sql"


async def counts(connection: AsyncConnection) -> dict[str, int]:
    names = await connection.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'"
        )
    )
    return {
        name: int(await connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0)
        for name in names
    }


async def load_rows(engine: AsyncEngine) -> dict[str, int]:
    """Revision 0001 with the rows of a fund; returns how many each table has."""
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: upgrade(sync, "0001_the_schema"))
        await connection.commit()
    async with open_engine(as_superuser(engine)) as superuser, superuser.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(ROWS.read_text(encoding="utf-8"))
        return await counts(connection)


async def test_data_is_carried_forward(empty_url: str) -> None:
    async with open_engine(empty_url) as engine:
        before = await load_rows(engine)
        assert sum(map(bool, before.values())) >= 20
        await migrate(engine)
        async with (
            open_engine(as_superuser(engine)) as superuser,
            superuser.connect() as connection,
        ):
            after = await counts(connection)
        assert {name: after[name] for name in before} == before
        assert await PostgresKeeper(engine).check() == []


async def test_regimes_from_before_are_taken_for_binances(empty_url: str) -> None:
    async with open_engine(empty_url) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: upgrade(sync, "0007_closer_defences"))
        async with (
            open_engine(as_superuser(engine)) as superuser,
            superuser.begin() as connection,
        ):
            for minutes in (0, 15):
                await connection.execute(
                    text(
                        "INSERT INTO regime_classifications VALUES (gen_random_uuid(), 'BTC/USDT',"
                        f" '1h', '2024-03-01 12:{minutes:02}Z', 'range', 0.5, '{{}}', 'rules_v1')"
                    )
                )
        await migrate(engine)
        async with PostgresUnitOfWork(engine, SYSTEM) as unit:
            assert await unit.regimes.claim("BTC/USDT", Exchange.OKX) is Exchange.BINANCE
            assert await unit.regimes.claim("ETH/USDT", Exchange.OKX) is Exchange.OKX


def conversation(name: str, events: int, language: str) -> dict[str, Any]:
    """A row of sessions as it was before there were pages."""
    said = [
        {
            "event_id": f"e{number}",
            "author": "a",
            "content": {"type": "text", "text": "x"},
            "timestamp": "2024-03-04T13:00:00Z",
        }
        for number in range(events)
    ]
    state = {"_user_language": language, "_temp_x": 1, "mood": "calm"}
    return {
        "name": name,
        "user": str(ADA),
        "state": json.dumps(state),
        "events": json.dumps(said),
        "hours": events,
    }


async def test_conversations_from_before_there_were_pages_are_kept(empty_url: str) -> None:
    sizes = {"none": 0, "short": 3, "full": 64, "long": 130}
    async with open_engine(empty_url) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, "0008_one_exchange_of_each_regime")
        async with (
            open_engine(as_superuser(engine)) as superuser,
            superuser.begin() as connection,
        ):
            await connection.execute(
                text(
                    "INSERT INTO sessions VALUES (gen_random_uuid(), 'app', :user, :name,"
                    " CAST(:state AS jsonb), CAST(:events AS jsonb), now(),"
                    " now() + make_interval(hours => :hours))"
                ),
                [conversation(name, events, f"of {name}") for name, events in sizes.items()],
            )
        await migrate(engine)
        async with PostgresUnitOfWork(engine, ADA) as unit:
            for name, events in sizes.items():
                found = await unit.sessions.find("app", ADA, name)
                assert found is not None
                assert [e.event_id for e in found.events] == [f"e{n}" for n in range(events)]
                assert found.version == events
                # of what sessions share, the one that went on last is right
                assert found.state == {"mood": "calm", "_user_language": "of long"}


async def test_a_fund_goes_on_where_it_was(empty_url: str) -> None:
    async with open_engine(empty_url) as engine:
        await load_rows(engine)
        await migrate(engine)
        async with PostgresUnitOfWork(engine, ADA) as unit:
            fund = await unit.funds.load(ADA)
            stale = await unit.funds.load(ADA)
        at = fund.as_of + timedelta(hours=1)
        step = fund.step(IntervalClosed(), at)
        async with PostgresUnitOfWork(engine, ADA) as unit:
            await unit.funds.save(fund, [TimedStep(at, step)])
            await unit.commit()
        async with PostgresUnitOfWork(engine, ADA) as unit:
            with pytest.raises(ConcurrentUpdate):
                await unit.funds.save(stale, [])
        async with PostgresUnitOfWork(engine, SYSTEM) as unit:
            report = await verify_all(unit)
        assert report.differences == []
        assert report.verified["funds"] == 1
