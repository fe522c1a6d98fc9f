"""Runs over past candles in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.usecases.ports.records import PaperRun

_TABLE = tables.paper_runs


class PostgresPaperRuns:
    """Implements the PaperRuns port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, run: PaperRun) -> None:
        """Store a new run."""
        await self._connection.execute(insert(_TABLE), rows.to_row(_TABLE, run))

    async def save(self, run: PaperRun) -> None:
        """Store how far a run has come, and its venue."""
        await self._connection.execute(
            update(_TABLE)
            .where(_TABLE.c.id == run.id)
            .values(venue=run.venue, closed_through=run.closed_through, finished_at=run.finished_at)
        )

    async def unfinished(self, fingerprint: str) -> PaperRun | None:
        """The latest run with this plan that has not finished."""
        return await self._latest(
            (_TABLE.c.fingerprint == fingerprint) & _TABLE.c.finished_at.is_(None)
        )

    async def finished(self, fingerprint: str) -> PaperRun | None:
        """The latest run with this plan that has finished."""
        return await self._latest(
            (_TABLE.c.fingerprint == fingerprint) & _TABLE.c.finished_at.is_not(None)
        )

    async def count(self, fingerprint: str) -> int:
        """How many runs with this plan there are."""
        same_plan = _TABLE.c.fingerprint == fingerprint
        statement = select(func.count()).select_from(_TABLE).where(same_plan)
        return int(await self._connection.scalar(statement) or 0)

    async def latest(self) -> PaperRun | None:
        """The run started last."""
        return await self._latest(true())

    async def of_user(self, user_id: UUID) -> PaperRun | None:
        """The run of a user's fund."""
        return await self._latest(_TABLE.c.user_id == user_id)

    async def all(self) -> list[PaperRun]:
        """Every run, the one started last first."""
        found = await self._connection.execute(select(_TABLE).order_by(_TABLE.c.number.desc()))
        return [rows.from_row(PaperRun, row) for row in found.mappings()]

    async def are_alone(self) -> bool:
        """Whether every fund here belongs to a run over past candles."""
        funds = tables.funds.c
        others = exists().where(funds.user_id.not_in(select(_TABLE.c.user_id)))
        return not await self._connection.scalar(select(others))

    async def _latest(self, condition: ColumnElement[bool]) -> PaperRun | None:
        found = await self._connection.execute(
            select(_TABLE).where(condition).order_by(_TABLE.c.number.desc()).limit(1)
        )
        row = found.mappings().one_or_none()
        return None if row is None else rows.from_row(PaperRun, row)
