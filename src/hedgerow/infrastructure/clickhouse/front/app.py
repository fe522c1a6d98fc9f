"""The front's one page: a statement in, its answer out."""

from __future__ import annotations

import json
import re
from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hedgerow.infrastructure.clickhouse.front.access import require_let_in
from hedgerow.infrastructure.clickhouse.front.asked import Asked, asked_by
from hedgerow.infrastructure.clickhouse.front.problems import FrontProblem
from hedgerow.infrastructure.clickhouse.front.sessions import Answer, Sessions

# Each statement uses as many threads as there are cores: more at once only take memory.
STATEMENTS_AT_ONCE: Final = 4
_FORMAT: Final = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_TAIL: Final = 200


def make_app(sessions: Sessions, user: str, password: str) -> Starlette:
    """The front for whoever knows `password`."""
    return Starlette(
        routes=[
            Route("/ping", _ping, methods=["GET"]),
            Route("/", _Statements(sessions, user, password).answer, methods=["GET", "POST"]),
        ],
        exception_handlers={FrontProblem: _problem},
    )


class _Statements:
    def __init__(self, sessions: Sessions, user: str, password: str) -> None:
        self._sessions = sessions
        self._user = user
        self._password = password
        self._places = CapacityLimiter(STATEMENTS_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        require_let_in(request, self._user, self._password)
        asked = await asked_by(request)
        if not asked.statement.strip():
            return PlainTextResponse("Ok.\n")
        answer = await to_thread.run_sync(self._sessions.carry_out, asked, limiter=self._places)
        return Response(answer.body, headers=_headers(asked, answer))


async def _ping(request: Request) -> Response:
    return PlainTextResponse("Ok.\n")


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, FrontProblem), "registered for this alone"
    headers = {"X-ClickHouse-Exception-Code": str(error.code)}
    return PlainTextResponse(error.text, error.status, headers)


def _headers(asked: Asked, answer: Answer) -> dict[str, str]:
    counts = {
        "read_rows": answer.rows_read,
        "read_bytes": answer.bytes_read,
        "written_rows": answer.rows_written,
        "written_bytes": answer.bytes_written,
        "elapsed_ns": int(answer.elapsed_seconds * 1e9),
    }
    headers = {
        "Content-Type": "application/octet-stream",
        "X-ClickHouse-Query-Id": asked.query_id,
        "X-ClickHouse-Summary": json.dumps({name: str(count) for name, count in counts.items()}),
    }
    if answer.body:
        found = _FORMAT.search(asked.statement[-_TAIL:])
        headers["X-ClickHouse-Format"] = found[1].decode() if found else asked.default_format
    return headers
