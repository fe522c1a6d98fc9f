"""ClickHouse, wherever it runs: statements and Arrow tables in, Arrow tables out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import pyarrow as pa

from hedgerow.domain.errors import HedgerowError, InputRefused, StoreUnavailable

# a stack trace by the engine, the address by the client
_ADDED = re.compile(r", Stack trace| \(for url ")
_PROBLEM = re.compile(r"Code: (\d+)\.\s+(?:DB::Exception:\s+)*(.*)", re.DOTALL)
# Rows of one key in one insert are left to the next merge and to FINAL, as those of two inserts
# are: looking for them as they come takes a third of an insert, and there are hardly any.
INSERT_SETTINGS: Final = {"optimize_on_insert": "0"}
# what matters of an address, a pool of connections and their parameters, as the client puts it
_SYSTEM_ERROR = re.compile(r"\[Errno -?\d+\] [\w ]+")
Value = str | Sequence[str]
"""What a parameter is given: text, or texts for a type such as Array(String)."""


@dataclass(eq=False)
class EngineFailed(HedgerowError):
    """A statement that ClickHouse did not carry out, with its error code (0 if it gave none)."""

    code: int
    problem: str


class EngineAway(StoreUnavailable):
    """ClickHouse could not be reached, or broke off: whether it did its work is not known."""

    def __init__(self, where: str, problem: str) -> None:
        reason = _SYSTEM_ERROR.search(problem)
        super().__init__(
            what=f"ClickHouse does not answer ({reason[0] if reason else problem})",
            where=where,
            fix="see that it runs, or that the process that had it open was not stopped; try again",
        )
        self.problem = problem


@dataclass(eq=False)
class DiskFull(InputRefused):
    """There is no room for what was to be stored; once there is, it can be."""


class ClickHouse(Protocol):
    """An open ClickHouse. In a statement `{name:Type}` stands for the value of a parameter.

    Raises EngineFailed where a statement fails, EngineAway where nobody answers, and DiskFull
    where there is no room.
    """

    @property
    def where(self) -> str:
        """Which ClickHouse this is, for people: a folder or a URL, never a password."""
        ...

    async def execute(self, statement: str, **parameters: Value) -> None:
        """Carry out a statement that returns nothing."""
        ...

    async def query(self, statement: str, **parameters: Value) -> pa.Table:
        """The rows of a SELECT, exact types kept."""
        ...

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Append `rows` to `table`, column by name."""
        ...


def moment(time: datetime) -> str:
    """The value of a parameter of type DateTime64(6, 'UTC')."""
    assert time.tzinfo is not None, "a time without zone"
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def problem_in(message: str) -> tuple[int, str]:
    """The error code and its sentence in what ClickHouse says, without the stack trace."""
    sentence = _ADDED.split(message, maxsplit=1)[0]
    found = _PROBLEM.search(sentence)
    return (int(found[1]), found[2].strip()) if found else (0, sentence.strip())


def arrow_file(rows: pa.Table) -> pa.Buffer:
    """`rows` in the format Arrow."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()


def arrow_rows(file: bytes) -> pa.Table:
    """The rows of an answer in the format Arrow."""
    return pa.ipc.open_file(file).read_all()
