"""A PostgreSQL that somebody else runs: what its administrator must give, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from command_line import Finished, hedgerow, result_of
from hedgerow.domain.errors import StoreUnavailable
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.keeper import PostgresKeeper
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from postgres_servers import EMPTY, PASSWORD, PostgresServer
from stored import store

ADA = UUID(int=0xADA)
OTHER = "other_operator"
GRANT = f"GRANT hedgerow_app, hedgerow_worker TO {OTHER} WITH INHERIT FALSE, SET TRUE"


@pytest.fixture
async def other_url(tcp_postgres: PostgresServer) -> AsyncIterator[str]:
    """An empty database whose owner may create neither roles nor databases."""
    name = await tcp_postgres.copy(EMPTY)
    await tcp_postgres.administer(
        f"CREATE ROLE {OTHER} LOGIN PASSWORD '{PASSWORD}'",
        f"ALTER DATABASE {name} OWNER TO {OTHER}",
    )
    owner = tcp_postgres.owner.set(database=name, username=OTHER)
    yield owner.render_as_string(hide_password=False)
    await tcp_postgres.drop(name)
    await tcp_postgres.administer(f"DROP ROLE {OTHER}")


async def refusal(url: str) -> StoreUnavailable:
    async with open_engine(url) as engine:
        with pytest.raises(StoreUnavailable) as caught:
            await migrate(engine)
    assert "Separate servers" in caught.value.fix
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_an_owner_who_may_create_roles_needs_pgvector_alone(
    tcp_postgres: PostgresServer,
) -> None:
    name = await tcp_postgres.copy("template1")
    refused = await refusal(tcp_postgres.url(name))
    assert 'permission denied to create extension "vector"' in refused.what
    await tcp_postgres.administer("CREATE EXTENSION vector", database=name)
    async with open_engine(tcp_postgres.url(name)) as engine:
        await migrate(engine)
        assert await PostgresKeeper(engine).check() == []
    await tcp_postgres.drop(name)


async def test_an_owner_who_may_not_needs_the_roles(
    tcp_postgres: PostgresServer, other_url: str
) -> None:
    assert "permission denied to grant role" in (await refusal(other_url)).what
    await tcp_postgres.administer(GRANT)
    async with open_engine(other_url) as engine:
        await migrate(engine)
        assert await PostgresKeeper(engine).check() == []
        await store(engine, ADA)
        async with PostgresUnitOfWork(engine, SYSTEM) as unit:
            assert await unit.audit.user_ids() == [ADA]


@pytest.mark.parametrize("postgres", ["over TCP"], indirect=True)
def test_a_demo_there_is_the_same_as_here(
    finished: Finished, small_candles: Path, empty_url: str, service_folder: Path
) -> None:
    data, result = service_folder / "data", service_folder / "result.json"
    own = {"HEDGEROW_POSTGRES_URL": empty_url.replace("+asyncpg", "")}
    said = hedgerow("demo", "--data", small_candles, "--json", result, data=data, **own)
    assert said.code == 0, said
    assert result_of(result) == finished.result
    assert not (data / "postgres").exists()
