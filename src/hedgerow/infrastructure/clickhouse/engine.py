"""ClickHouse inside this process, on a folder: statements and Arrow tables in, Arrow tables out."""

from __future__ import annotations

import asyncio
import fcntl
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pyarrow as pa

from hedgerow.domain.errors import HedgerowError, InputRefused

T = TypeVar("T")
NOT_ENOUGH_SPACE = 243
# the engine reads everything after a question mark in the folder's name as its options
_UNUSABLE = re.compile(r"[?\0]")
_PROBLEM = re.compile(r"Code: (\d+)\.\s+(.*)", re.DOTALL)


@dataclass(eq=False)
class EngineFailed(HedgerowError):
    """A statement that ClickHouse did not carry out, with its error code (0 if it gave none)."""

    code: int
    problem: str


class ClickHouseEngine:
    """ClickHouse on `folder`, open inside the `async with` block.

    A folder serves one process, and a process has one folder open at a time. All work happens in
    one thread of its own, so statements run in the order in which they were given and never hold
    up the event loop. Raises InputRefused where the folder cannot be opened, EngineFailed where a
    statement fails.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clickhouse")
        self._session: Any = None

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

    async def execute(self, statement: str, **parameters: str) -> None:
        """Carry out a statement that returns nothing; `{name:Type}` in it stands for a value."""
        await self._run(lambda: self._query(statement, parameters))

    async def query(self, statement: str, **parameters: str) -> pa.Table:
        """The rows of a SELECT, exact types kept; `{name:Type}` in it stands for a value."""
        return await self._run(lambda: _table(self._query(statement, parameters)))

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Append `rows` to `table`, column by name; all of them are stored, or none."""
        await self._run(lambda: self._insert(table, rows))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> Any:
        # half a second and 500 MB: only when it is used
        from chdb.session import Session  # noqa: PLC0415

        if _UNUSABLE.search(str(self.folder)):
            raise self._refused("a folder with a question mark in its name cannot be opened")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._require_unlocked()
            return Session(str(self.folder))  # type: ignore[no-untyped-call]
        except OSError as error:
            raise self._refused(f"its folder cannot be opened: {error.strerror}") from error
        except RuntimeError as error:
            raise self._refused(_problem(str(error))[1]) from error

    def _require_unlocked(self) -> None:
        # the engine would refuse as well, but only after writing to the terminal
        status = self.folder / "status"
        if not status.exists():
            return
        with status.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._refused(f"it is open already ({file.readline().strip()})") from None

    def _refused(self, reason: str) -> InputRefused:
        return InputRefused(
            what=f"the embedded ClickHouse cannot be used: {reason}",
            where=str(self.folder),
            fix="stop the process that uses it, or set HEDGEROW_DATA_DIR to another folder",
        )

    def _query(self, statement: str, parameters: Mapping[str, str]) -> bytes:
        try:
            answer: bytes = self._session.query(statement, "Arrow", params=parameters).bytes()
        except RuntimeError as error:
            raise self._failure(error) from error
        return answer

    def _insert(self, table: str, rows: pa.Table) -> None:
        columns = ", ".join(rows.column_names)
        try:
            with self._session.send_insert(f"INSERT INTO {table} ({columns})", "Arrow") as stream:
                stream.append(_file(rows))
                stream.finish()
        except RuntimeError as error:
            raise self._failure(error) from error

    def _failure(self, error: RuntimeError) -> HedgerowError:
        code, problem = _problem(str(error))
        if code == NOT_ENOUGH_SPACE or "No space left on device" in problem:
            return InputRefused(
                what="the disk is full",
                where=str(self.folder),
                fix="free some disk space, or set HEDGEROW_DATA_DIR to a folder on a larger disk",
            )
        return EngineFailed(code=code, problem=problem)


def _problem(message: str) -> tuple[int, str]:
    """The error code and its sentence, without the stack trace."""
    sentence = message.split(", Stack trace", 1)[0]
    found = _PROBLEM.search(sentence)
    return (int(found[1]), found[2].strip()) if found else (0, sentence.strip())


def _file(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _table(file: bytes) -> pa.Table:
    return pa.ipc.open_file(file).read_all()
