"""What models were asked and answered, in PostgreSQL: each content once per user, compressed."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import zstandard
from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.rows import Row
from hedgerow.usecases.ports.model_records import ModelExchange

_CALLS: Final = tables.model_calls
_CONTENTS: Final = tables.model_contents
_REQUESTS, _RESPONSES = _CONTENTS.alias("requests"), _CONTENTS.alias("responses")


class PostgresModelRecords:
    """Implements the ModelRecords port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, exchanges: Sequence[ModelExchange]) -> None:
        """Store exchanges; a call that is stored already stays as it is."""
        if not exchanges:
            return
        bodies = {
            (exchange.user_id, sha256(body).digest()): body
            for exchange in exchanges
            for body in (exchange.request, exchange.response)
        }
        # By owner and hash, so that two who store the same contents cannot wait for each other.
        contents = [
            {"user_id": user_id, "hash": digest, "body": zstandard.compress(body)}
            for (user_id, digest), body in sorted(bodies.items())
        ]
        await self._connection.execute(insert(_CONTENTS).on_conflict_do_nothing(), contents)
        calls = [_row(exchange) for exchange in exchanges]
        calls.sort(key=lambda row: (row["user_id"], row["call_id"]))
        await self._connection.execute(insert(_CALLS).on_conflict_do_nothing(), calls)

    async def answer(self, user_id: UUID, request_key: str) -> ModelExchange | None:
        """The latest answer to exactly this request."""
        c = _CALLS.c
        asked = (
            _exchanges()
            .where(c.user_id == user_id, c.request_key == bytes.fromhex(request_key))
            .order_by(c.at.desc(), c.call_id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(asked)).mappings().one_or_none()
        return None if row is None else _exchange(row)

    async def of_session(self, user_id: UUID, session_id: str) -> list[ModelExchange]:
        """All exchanges of a session, by step."""
        c = _CALLS.c
        found = await self._connection.execute(
            _exchanges()
            .where(c.user_id == user_id, c.session_id == session_id)
            .order_by(c.step, c.at, c.call_id)
        )
        return [_exchange(row) for row in found.mappings()]


def _exchanges() -> Select[Any]:
    c, asked, answered = _CALLS.c, _REQUESTS.c, _RESPONSES.c
    return (
        select(_CALLS, asked.body.label("request"), answered.body.label("response"))
        .join(_REQUESTS, (asked.user_id == c.user_id) & (asked.hash == c.request_hash))
        .join(_RESPONSES, (answered.user_id == c.user_id) & (answered.hash == c.response_hash))
    )


def _row(exchange: ModelExchange) -> dict[str, Any]:
    return rows.to_row(
        _CALLS,
        exchange,
        asked_provider=exchange.asked.provider,
        asked_model=exchange.asked.model_id,
        answered_provider=exchange.answered_by.provider,
        answered_model=exchange.answered_by.model_id,
        request_key=bytes.fromhex(exchange.request_key),
        request_hash=sha256(exchange.request).digest(),
        response_hash=sha256(exchange.response).digest(),
    )


def _exchange(row: Row) -> ModelExchange:
    return rows.from_row(
        ModelExchange,
        row,
        asked=ModelChoice(row["asked_provider"], row["asked_model"]),
        answered_by=ModelChoice(row["answered_provider"], row["answered_model"]),
        request_key=row["request_key"].hex(),
        request=zstandard.decompress(row["request"]),
        response=zstandard.decompress(row["response"]),
    )
