"""The tables, as SQLAlchemy Core sees them. Migrations make them; nothing else does."""

from __future__ import annotations

from hedgerow.infrastructure.postgres.tables.books import (
    ledger_balances,
    ledger_entries,
    ledger_imbalances,
    transfers,
)
from hedgerow.infrastructure.postgres.tables.columns import metadata, require_finite
from hedgerow.infrastructure.postgres.tables.conversations import (
    PAGE_EVENTS,
    session_pages,
    session_states,
    sessions,
)
from hedgerow.infrastructure.postgres.tables.learning import (
    EXIT_IS_UNJUDGED,
    journal_entries,
    memories,
    memory_validations,
)
from hedgerow.infrastructure.postgres.tables.locks import (
    lock_leases,
    vault_data_keys,
    vault_keys,
)
from hedgerow.infrastructure.postgres.tables.markets import (
    regime_classifications,
    regime_sources,
)
from hedgerow.infrastructure.postgres.tables.models import (
    ai_budgets,
    ai_reservations,
    desk_meetings,
    model_calls,
    model_contents,
)
from hedgerow.infrastructure.postgres.tables.people import (
    exchange_accounts,
    funds,
    limit_profiles,
    users,
)
from hedgerow.infrastructure.postgres.tables.record import (
    events,
    inbox,
    paper_runs,
    relay_cursors,
    wishes,
)
from hedgerow.infrastructure.postgres.tables.risk import circuit_breaker_states, risk_events
from hedgerow.infrastructure.postgres.tables.trading import (
    ORDER_IS_WORKING,
    POSITION_IS_OPEN,
    fills,
    instruments,
    orders,
    positions,
    strategies,
    trading_pairs,
)

__all__ = [
    "EXIT_IS_UNJUDGED",
    "ORDER_IS_WORKING",
    "PAGE_EVENTS",
    "POSITION_IS_OPEN",
    "ai_budgets",
    "ai_reservations",
    "circuit_breaker_states",
    "desk_meetings",
    "events",
    "exchange_accounts",
    "fills",
    "funds",
    "inbox",
    "instruments",
    "journal_entries",
    "ledger_balances",
    "ledger_entries",
    "ledger_imbalances",
    "limit_profiles",
    "lock_leases",
    "memories",
    "memory_validations",
    "metadata",
    "model_calls",
    "model_contents",
    "orders",
    "paper_runs",
    "positions",
    "regime_classifications",
    "regime_sources",
    "relay_cursors",
    "risk_events",
    "session_pages",
    "session_states",
    "sessions",
    "strategies",
    "trading_pairs",
    "transfers",
    "users",
    "vault_data_keys",
    "vault_keys",
    "wishes",
]

for _table in metadata.tables.values():
    require_finite(_table)
