"""The tables, as SQLAlchemy Core sees them. Migrations make them; nothing else does."""

from __future__ import annotations

from hedgerow.infrastructure.postgres.tables.books import (
    ledger_balances,
    ledger_entries,
    transfers,
)
from hedgerow.infrastructure.postgres.tables.columns import metadata
from hedgerow.infrastructure.postgres.tables.learning import (
    EXIT_IS_UNJUDGED,
    journal_entries,
    memories,
    memory_validations,
    sessions,
)
from hedgerow.infrastructure.postgres.tables.markets import instruments, regime_classifications
from hedgerow.infrastructure.postgres.tables.people import (
    exchange_accounts,
    funds,
    limit_profiles,
    users,
)
from hedgerow.infrastructure.postgres.tables.record import events, paper_runs, wishes
from hedgerow.infrastructure.postgres.tables.risk import circuit_breaker_states, risk_events
from hedgerow.infrastructure.postgres.tables.trading import (
    ORDER_IS_WORKING,
    POSITION_IS_OPEN,
    fills,
    orders,
    positions,
    strategies,
    trading_pairs,
)

__all__ = [
    "EXIT_IS_UNJUDGED",
    "ORDER_IS_WORKING",
    "POSITION_IS_OPEN",
    "circuit_breaker_states",
    "events",
    "exchange_accounts",
    "fills",
    "funds",
    "instruments",
    "journal_entries",
    "ledger_balances",
    "ledger_entries",
    "limit_profiles",
    "memories",
    "memory_validations",
    "metadata",
    "orders",
    "paper_runs",
    "positions",
    "regime_classifications",
    "risk_events",
    "sessions",
    "strategies",
    "trading_pairs",
    "transfers",
    "users",
    "wishes",
]
