"""ClickHouse over HTTP: a server, a cluster, or the front of another process of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self, TypeVar

import pyarrow as pa
from clickhouse_connect.driver import create_client, httputil
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from urllib3.exceptions import HTTPError

from hedgerow.domain.errors import HedgerowError, InputRefused
from hedgerow.infrastructure.clickhouse.address import Address
from hedgerow.infrastructure.clickhouse.client import (
    INSERT_SETTINGS,
    DiskFull,
    EngineAway,
    EngineFailed,
    Value,
    arrow_rows,
    problem_in,
)

T = TypeVar("T")
ANSWER_SECONDS_MAX: Final = 300.0
_CONNECT_SECONDS_MAX: Final = 10.0
NOT_ENOUGH_SPACE: Final = 243
AUTHENTICATION_FAILED: Final = 516
# A user who is not there (192) or whose password is wrong (193), as older servers put it.
_NOT_LET_IN: Final = frozenset({192, 193, 194, AUTHENTICATION_FAILED})


class NetworkedClickHouse:
    """ClickHouse at `address`, connected inside the `async with` block.

    Statements run one after the other, in a thread of their own. Raises EngineAway where nobody
    answers and InputRefused where user, password or database are not accepted. `direct` passes
    by the proxies that the environment names; a statement may take `answer_seconds_max`.
    """

    def __init__(
        self,
        address: Address,
        *,
        direct: bool = False,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self._address = address
        self._answer_seconds_max = answer_seconds_max
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clickhouse")
        self._pool = httputil.get_pool_manager() if direct else None
        self._client: Client | None = None

    @property
    def where(self) -> str:
        """The URL, without user and password."""
        return str(self._address)

    async def __aenter__(self) -> Self:
        try:
            self._client = await self._run(self._connect)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    async def execute(self, statement: str, **parameters: Value) -> None:
        """Carry out a statement that returns nothing."""
        await self._run(lambda: self._open_client().command(statement, _bound(parameters)))

    async def query(self, statement: str, **parameters: Value) -> pa.Table:
        """The rows of a SELECT, exact types kept."""
        answer = await self._run(
            lambda: self._open_client().raw_query(statement, _bound(parameters), fmt="Arrow")
        )
        return arrow_rows(answer)

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Append `rows` to `table`, column by name."""
        settings: dict[str, str] = dict(INSERT_SETTINGS)
        await self._run(lambda: self._open_client().insert_arrow(table, rows, settings=settings))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except DatabaseError as error:
            raise self._failure(error) from error
        except HTTPError as error:
            raise EngineAway(where=self.where, problem=str(error)) from error

    def _connect(self) -> Client:
        return create_client(
            host=self._address.host,
            port=self._address.port,
            username=self._address.user,
            password=self._address.password,
            database=self._address.database or None,
            secure=self._address.secure,
            autogenerate_session_id=False,
            pool_mgr=self._pool,
            connect_timeout=min(_CONNECT_SECONDS_MAX, self._answer_seconds_max),
            send_receive_timeout=self._answer_seconds_max,
            # Money in an Arrow file is compressed well and fast by lz4, which every side speaks.
            compress="lz4",
        )

    def _open_client(self) -> Client:
        assert self._client is not None, "used outside of its block"
        return self._client

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
        if self._pool is not None:
            self._pool.clear()
        self._thread.shutdown()

    def _failure(self, error: DatabaseError) -> HedgerowError:
        code, problem = problem_in(str(error))
        code = error.code or code
        if code in _NOT_LET_IN:
            return InputRefused(
                what=f"ClickHouse does not let user {self._address.user!r} in",
                where=self.where,
                fix="correct user and password in HEDGEROW_CLICKHOUSE_URL",
            )
        if code == NOT_ENOUGH_SPACE:
            fix = "free some space on the disk of that ClickHouse"
            return DiskFull(what="the disk is full", where=self.where, fix=fix)
        if not code and isinstance(error, OperationalError):
            return EngineAway(where=self.where, problem=problem)
        return EngineFailed(code=code, problem=problem)


def _bound(parameters: Mapping[str, Value]) -> dict[str, str | list[str]]:
    """The library tells arrays by their type, and escapes both."""
    return {
        name: value if isinstance(value, str) else list(value) for name, value in parameters.items()
    }
