"""What models may cost each user, kept in PostgreSQL; each change is one atomic statement.

The row of the month is locked by whoever changes it and its limits are looked at again with the
lock held, so that calls that are reserved at the same time cannot exceed a limit together.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Never
from uuid import UUID

from sqlalchemy import Numeric, Row, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.ai_budget import BudgetLimits, BudgetState, month_of
from hedgerow.domain.ai_usage import AIUsageLog
from hedgerow.domain.errors import BudgetExhausted
from hedgerow.domain.money import require_exact
from hedgerow.usecases.codec import decode, encode

# Any number will do that no other advisory lock of this database uses.
_SWEEP_LOCK: Final = 4_853_118_307_261
_STATE: Final = "month, requests_spent, requests_reserved, usd_spent, usd_reserved"
_NOTHING: Final = "requests_spent, requests_reserved, usd_spent, usd_reserved, told_pct"

_READ: Final = text(f"SELECT {_STATE} FROM ai_budgets WHERE user_id = :user_id AND month = :month")  # noqa: S608 - names of our own
_READ_OF_CALL: Final = text(f"""
    SELECT {_STATE} FROM ai_budgets JOIN ai_reservations USING (user_id, month)
    WHERE user_id = :user_id AND call_id = :call_id
""")  # noqa: S608 - names of our own
_RESERVE: Final = text(f"""
    WITH booked AS (
        INSERT INTO ai_budgets AS b (user_id, month, {_NOTHING})
        SELECT :user_id, :month, 0, 1, 0, :usd, 0
        WHERE :requests_max >= 1 AND (:usd_max IS NULL OR :usd <= :usd_max)
        ON CONFLICT (user_id, month) DO UPDATE SET
            requests_reserved = b.requests_reserved + 1,
            usd_reserved = b.usd_reserved + excluded.usd_reserved
        WHERE b.requests_spent + b.requests_reserved < :requests_max
          AND (:usd_max IS NULL OR b.usd_spent + b.usd_reserved + :usd <= :usd_max)
        RETURNING {_STATE}
    ), reserved AS (
        INSERT INTO ai_reservations (user_id, call_id, month, reserved_at, estimate_usd)
        SELECT :user_id, :call_id, month, :at, :usd FROM booked
    )
    SELECT {_STATE} FROM booked
""").bindparams(bindparam("usd", type_=Numeric), bindparam("usd_max", type_=Numeric))  # noqa: S608 - names of our own
_SETTLE: Final = text(f"""
    WITH settled AS (
        UPDATE ai_reservations SET settled_at = :at, settled_usd = :usd, usage_log = :log
        WHERE user_id = :user_id AND call_id = :call_id AND settled_at IS NULL
        RETURNING user_id, month, estimate_usd, settled_usd
    )
    UPDATE ai_budgets b SET
        requests_reserved = b.requests_reserved - 1, requests_spent = b.requests_spent + 1,
        usd_reserved = b.usd_reserved - s.estimate_usd, usd_spent = b.usd_spent + s.settled_usd
    FROM settled s WHERE b.user_id = s.user_id AND b.month = s.month
    RETURNING {", ".join(f"b.{name}" for name in _STATE.split(", "))}
""").bindparams(bindparam("usd", type_=Numeric), bindparam("log", type_=JSONB(none_as_null=True)))  # noqa: S608 - names of our own
_UNLOGGED: Final = text("""
    SELECT usage_log FROM ai_reservations WHERE usage_log IS NOT NULL ORDER BY settled_at, call_id
""").columns(usage_log=JSONB)
_FORGET_LOGS: Final = (
    text("""
    UPDATE ai_reservations SET usage_log = NULL
    WHERE call_id = ANY(:call_ids) AND usage_log IS NOT NULL
    RETURNING call_id
""")
    .columns(call_id=Uuid)
    .bindparams(bindparam("call_ids", type_=ARRAY(Uuid)))
)
_RELEASE: Final = text("""
    WITH released AS (
        DELETE FROM ai_reservations
        WHERE user_id = :user_id AND call_id = :call_id AND settled_at IS NULL
        RETURNING user_id, month, estimate_usd
    )
    UPDATE ai_budgets b SET requests_reserved = b.requests_reserved - 1,
        usd_reserved = b.usd_reserved - r.estimate_usd
    FROM released r WHERE b.user_id = r.user_id AND b.month = r.month
""")
# What somebody is settling right now is left to them, and who comes second sweeps nothing.
_SWEEP: Final = text("""
    WITH alone AS (
        SELECT pg_try_advisory_xact_lock(:lock) AS is_mine
    ), abandoned AS (
        SELECT user_id, call_id FROM ai_reservations
        WHERE settled_at IS NULL AND reserved_at < :before AND (SELECT is_mine FROM alone)
        FOR UPDATE SKIP LOCKED
    ), settled AS (
        UPDATE ai_reservations r SET settled_at = :before, settled_usd = r.estimate_usd
        FROM abandoned a WHERE r.user_id = a.user_id AND r.call_id = a.call_id
        RETURNING r.user_id, r.month, r.estimate_usd
    ), sums AS (
        SELECT user_id, month, count(*) AS calls, sum(estimate_usd) AS usd FROM settled
        GROUP BY user_id, month
    ), booked AS (
        UPDATE ai_budgets b SET
            requests_reserved = b.requests_reserved - s.calls,
            requests_spent = b.requests_spent + s.calls,
            usd_reserved = b.usd_reserved - s.usd, usd_spent = b.usd_spent + s.usd
        FROM sums s WHERE b.user_id = s.user_id AND b.month = s.month
        RETURNING s.calls
    )
    SELECT coalesce(sum(calls), 0)::bigint FROM booked
""")
_TELL: Final = text(f"""
    INSERT INTO ai_budgets AS b (user_id, month, {_NOTHING})
    VALUES (:user_id, :month, 0, 0, 0, 0, :pct)
    ON CONFLICT (user_id, month) DO UPDATE SET told_pct = excluded.told_pct
    WHERE b.told_pct < excluded.told_pct
    RETURNING true
""")  # noqa: S608 - names of our own


class PostgresAIBudgets:
    """Implements the AIBudgets port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def reserve(
        self,
        user_id: UUID,
        call_id: UUID,
        estimate_usd: Decimal,
        limits: BudgetLimits,
        at: datetime,
    ) -> BudgetState:
        """Set a call and its estimated cost aside; raises BudgetExhausted where it has no room."""
        require_exact(estimate_usd=estimate_usd)
        month = month_of(at)
        asked = {"user_id": user_id, "month": month, "call_id": call_id, "usd": estimate_usd}
        bounds = {"requests_max": limits.requests, "usd_max": limits.usd, "at": at}
        booked = (await self._connection.execute(_RESERVE, asked | bounds)).one_or_none()
        if booked is None:
            _refuse(user_id, await self.state(user_id, at), limits)
        return _state_of(booked)

    async def settle(
        self,
        user_id: UUID,
        call_id: UUID,
        usd: Decimal,
        at: datetime,
        log: AIUsageLog | None = None,
    ) -> BudgetState:
        """Count a reserved call at what it cost; one that is settled already counts once."""
        require_exact(usd=usd)
        asked = {"user_id": user_id, "call_id": call_id, "usd": usd, "at": at}
        asked["log"] = None if log is None else encode(log)
        settled = (await self._connection.execute(_SETTLE, asked)).one_or_none()
        if settled is not None:
            return _state_of(settled)
        return await self._of_call(user_id, call_id) or await self.state(user_id, at)

    async def release(self, user_id: UUID, call_id: UUID, at: datetime) -> None:
        """Give back what a call that costs nothing had set aside."""
        await self._connection.execute(_RELEASE, {"user_id": user_id, "call_id": call_id})

    async def sweep(self, reserved_before: datetime) -> int:
        """Settle calls that nobody has settled, at their estimates; returns how many."""
        asked = {"before": reserved_before, "lock": _SWEEP_LOCK}
        return int(await self._connection.scalar(_SWEEP, asked) or 0)

    async def unlogged(self) -> Sequence[AIUsageLog]:
        """The logs of settled calls that are kept still, the oldest first."""
        kept = await self._connection.scalars(_UNLOGGED)
        return [decode(AIUsageLog, document) for document in kept]

    async def forget_logs(self, call_ids: Collection[UUID]) -> Collection[UUID]:
        """Keep the logs of these calls no longer; returns those whose logs had been kept."""
        asked = {"call_ids": list(call_ids)}
        return set(await self._connection.scalars(_FORGET_LOGS, asked))

    async def state(self, user_id: UUID, at: datetime) -> BudgetState:
        """What the month of `at` holds."""
        asked = {"user_id": user_id, "month": month_of(at)}
        found = (await self._connection.execute(_READ, asked)).one_or_none()
        return BudgetState(month_of(at)) if found is None else _state_of(found)

    async def alert_due(self, user_id: UUID, pct: int, at: datetime) -> bool:
        """Note that the user is told that `pct` per cent are used; False if told as much before."""
        asked = {"user_id": user_id, "month": month_of(at), "pct": pct}
        return bool(await self._connection.scalar(_TELL, asked))

    async def _of_call(self, user_id: UUID, call_id: UUID) -> BudgetState | None:
        asked = {"user_id": user_id, "call_id": call_id}
        found = (await self._connection.execute(_READ_OF_CALL, asked)).one_or_none()
        return None if found is None else _state_of(found)


def _state_of(row: Row[Any]) -> BudgetState:
    return BudgetState(
        row.month, row.requests_spent, row.requests_reserved, row.usd_spent, row.usd_reserved
    )


def _refuse(user_id: UUID, state: BudgetState, limits: BudgetLimits) -> Never:
    if limits.usd is None or state.requests >= limits.requests:
        bound, used, limit = "requests", Decimal(state.requests), Decimal(limits.requests)
    else:
        bound, used, limit = "usd", state.usd, limits.usd
    raise BudgetExhausted(user_id, bound, used, limit)
