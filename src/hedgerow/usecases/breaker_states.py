"""Circuit breakers, asked for often and seldom changed: from the cache, and PostgreSQL decides.

A save announces the version it is about to commit, commits, and only then tells the new state.
Whatever fails in between leaves the cache not knowing, never knowing something that is not so.
"""

from __future__ import annotations

from uuid import UUID

from hedgerow.domain.fund import Fund
from hedgerow.domain.risk import CircuitBreakerState
from hedgerow.usecases.ports.shared_state import BreakerCache
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork, UnitOfWork


async def current_breaker(
    cache: BreakerCache, open_unit_of_work: OpenUnitOfWork, user_id: UUID
) -> CircuitBreakerState:
    """The user's circuit breaker as last committed; raises UnknownEntity."""
    known = await cache.read(user_id)
    if known is not None:
        return known
    async with open_unit_of_work(user_id) as unit:
        version, state = await unit.funds.breaker(user_id)
    await cache.write(version, state)
    return state


async def commit_with_breaker(cache: BreakerCache, unit: UnitOfWork, fund: Fund) -> None:
    """Commit a unit of work in which `fund` was saved, and let its breaker be known."""
    await cache.doubt(fund.user.id, fund.version)
    await unit.commit()
    await cache.write(fund.version, fund.breaker)
