"""ClickHouse inside this process, on a folder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pyarrow as pa

from hedgerow.domain.errors import HedgerowError, InputRefused
from hedgerow.infrastructure.clickhouse.client import (
    INSERT_SETTINGS,
    DiskFull,
    EngineFailed,
    Value,
    arrow_file,
    arrow_rows,
    problem_in,
)

T = TypeVar("T")
NOT_ENOUGH_SPACE = 243
# the engine reads everything after a question mark in the folder's name as its options
_UNUSABLE = re.compile(r"[?\0]")
_SETTINGS = ", ".join(f"{name} = {value}" for name, value in INSERT_SETTINGS.items())
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})
_QUOTED = _ESCAPED | str.maketrans({"'": "\\'"})


class EmbeddedClickHouse:
    """ClickHouse on `folder`, open inside the `async with` block.

    A folder serves one process, and a process has one folder open at a time: hold its lock (see
    opening.py). All work happens in one thread of its own, so statements run in the order in which
    they were given and never hold up the event loop. Raises InputRefused where the folder cannot
    be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clickhouse")
        self._session: Any = None

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    async def __aenter__(self) -> Self:
        try:
            self._session = await self._run(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._run(self._session.close)
        finally:
            self._thread.shutdown()

    def open_session(self) -> Any:
        """Another chdb session on the same data, for another thread; its owner closes it."""
        # half a second and 500 MB: only when it is used
        from chdb.session import Session  # noqa: PLC0415

        return Session(str(self.folder))  # type: ignore[no-untyped-call]

    async def execute(self, statement: str, **parameters: Value) -> None:
        """Carry out a statement that returns nothing."""
        await self._run(lambda: self._query(statement, parameters))

    async def query(self, statement: str, **parameters: Value) -> pa.Table:
        """The rows of a SELECT, exact types kept."""
        return await self._run(lambda: arrow_rows(self._query(statement, parameters)))

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Append `rows` to `table`, column by name."""
        await self._run(lambda: self._insert(table, rows))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> Any:
        if _UNUSABLE.search(str(self.folder)):
            raise self._refused("a folder with a question mark in its name cannot be opened")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return self.open_session()
        except OSError as error:
            raise self._refused(f"its folder cannot be opened: {error.strerror}") from error
        except RuntimeError as error:
            raise self._refused(problem_in(str(error))[1]) from error

    def _refused(self, reason: str) -> InputRefused:
        return InputRefused(
            what=f"the embedded ClickHouse cannot be used: {reason}",
            where=str(self.folder),
            fix="stop the process that uses it, or set HEDGEROW_DATA_DIR to another folder",
        )

    def _query(self, statement: str, parameters: Mapping[str, Value]) -> bytes:
        values = {name: _escaped(value) for name, value in parameters.items()}
        try:
            answer: bytes = self._session.query(statement, "Arrow", params=values).bytes()
        except RuntimeError as error:
            raise self._failure(error) from error
        return answer

    def _insert(self, table: str, rows: pa.Table) -> None:
        columns = ", ".join(rows.column_names)
        statement = f"INSERT INTO {table} ({columns}) SETTINGS {_SETTINGS}"
        try:
            with self._session.send_insert(statement, "Arrow") as stream:
                stream.append(arrow_file(rows).to_pybytes())
                stream.finish()
        except RuntimeError as error:
            raise self._failure(error) from error

    def _failure(self, error: RuntimeError) -> HedgerowError:
        code, problem = problem_in(str(error))
        if code == NOT_ENOUGH_SPACE or "No space left on device" in problem:
            return DiskFull(
                what="the disk is full",
                where=str(self.folder),
                fix="free some disk space, or set HEDGEROW_DATA_DIR to a folder on a larger disk",
            )
        return EngineFailed(code=code, problem=problem)


def _escaped(value: Value) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPED)
    return "[" + ",".join(f"'{text.translate(_QUOTED)}'" for text in value) + "]"
