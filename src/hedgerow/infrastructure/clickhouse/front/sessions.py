"""Statements carried out, each on a session of the embedded ClickHouse."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from hedgerow.infrastructure.clickhouse.client import problem_in
from hedgerow.infrastructure.clickhouse.front.asked import Asked
from hedgerow.infrastructure.clickhouse.front.problems import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    FrontProblem,
)

KEPT_SECONDS: Final = 60.0
# What ClickHouse parses of a statement unless told otherwise.
_QUERY_SIZE_MAX: Final = 262_144
# An INSERT with data of some format behind it: a table, its columns, and no SELECT.
_INSERT: Final = re.compile(
    rb"\s*(?P<head>INSERT\s+INTO\s+(?:TABLE\s+)?[^\s(]+\s*(?:\([^()]*\))?)"
    rb"\s*FORMAT\s+(?P<format>\w+)[ \t\r]*\n",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave, and how much work it was."""

    body: bytes
    rows_read: int
    bytes_read: int
    rows_written: int
    bytes_written: int
    elapsed_seconds: float


@dataclass(slots=True)
class _Kept:
    session: Any
    used_at: float = 0.0
    in_use: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """Carries out statements, from several threads at once.

    A request without a session id has a session of its own. One with an id finds the settings and
    temporary tables of the requests before it, until nobody has used it for a minute.
    """

    def __init__(self, open_session: Callable[[], Any]) -> None:
        self._open = open_session
        self._kept: dict[str, _Kept] = {}
        self._guard = threading.Lock()

    def carry_out(self, asked: Asked) -> Answer:
        """The answer to a statement; raises FrontProblem with ClickHouse's own code."""
        with self._session_for(asked) as session:
            try:
                return _carry_out(session, asked)
            except RuntimeError as error:
                raise FrontProblem(*problem_in(str(error))) from error

    def close(self) -> None:
        """Close every session that is kept."""
        with self._guard:
            for kept in self._kept.values():
                kept.session.close()
            self._kept.clear()

    @contextmanager
    def _session_for(self, asked: Asked) -> Iterator[Any]:
        if not asked.session_id:
            session = self._open()
            try:
                yield session
            finally:
                session.close()
            return
        kept = self._take(asked)
        try:
            yield kept.session
        finally:
            kept.used_at = time.monotonic()
            kept.in_use.release()

    def _take(self, asked: Asked) -> _Kept:
        with self._guard:
            self._forget_unused()
            kept = self._kept.get(asked.session_id)
            if kept is None:
                if asked.must_exist:
                    raise FrontProblem(SESSION_NOT_FOUND, "Session not found")
                kept = self._kept[asked.session_id] = _Kept(self._open())
            if not kept.in_use.acquire(blocking=False):
                raise FrontProblem(SESSION_IS_LOCKED, "Session is locked by a concurrent client")
            return kept

    def _forget_unused(self) -> None:
        oldest = time.monotonic() - KEPT_SECONDS
        for name, kept in list(self._kept.items()):
            if kept.used_at < oldest and not kept.in_use.locked():
                kept.session.close()
                del self._kept[name]


def _carry_out(session: Any, asked: Asked) -> Answer:
    if asked.database:
        session.query(f"USE `{asked.database.replace('`', '')}`")
    _set(session, asked)
    try:
        insert = _INSERT.match(asked.statement)
        if insert is not None and not asked.parameters:
            return _insert(session, insert, asked.statement[insert.end() :])
        return _query(session, asked)
    finally:
        if asked.session_id and asked.settings:
            session.query("SET " + ", ".join(f"{name} = DEFAULT" for name in asked.settings))


def _query(session: Any, asked: Asked) -> Answer:
    if len(asked.statement) > _QUERY_SIZE_MAX:
        # data may stand in the statement itself, and a server reads it however long it is
        session.query(f"SET max_query_size = {len(asked.statement) + 1}")
    result = session.query(
        asked.statement, asked.default_format, params=dict(asked.parameters) or None
    )
    return Answer(
        body=result.bytes(),
        rows_read=result.rows_read(),
        bytes_read=result.bytes_read(),
        rows_written=result.rows_written(),
        bytes_written=result.bytes_written(),
        elapsed_seconds=result.elapsed(),
    )


def _insert(session: Any, insert: re.Match[bytes], data: bytes) -> Answer:
    """Rows stored from `data`, which may be of any size and kind."""
    with session.send_insert(insert["head"].decode(), insert["format"].decode()) as stream:
        stream.append(data)
        result = stream.finish()
    return Answer(
        body=b"",
        rows_read=result.rows_written,
        bytes_read=len(data),
        rows_written=result.rows_written,
        bytes_written=result.bytes_written,
        elapsed_seconds=result.elapsed,
    )


def _set(session: Any, asked: Asked) -> None:
    if asked.settings:
        values = (f"{name} = '{_quoted(text)}'" for name, text in asked.settings.items())
        session.query("SET " + ", ".join(values))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
