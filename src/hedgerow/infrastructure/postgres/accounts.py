"""Exchange accounts in PostgreSQL; their secrets are ciphertext here as everywhere."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.errors import UnknownEntity
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.usecases.ports.vault import AccountRef

_TABLE = tables.exchange_accounts


class PostgresAccounts:
    """Implements the Accounts port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, account: ExchangeAccount) -> None:
        """Store a new account."""
        await self._connection.execute(insert(_TABLE), _row(account))

    async def load(self, account: AccountRef) -> ExchangeAccount:
        """The account; raises UnknownEntity, also where it is another user's."""
        found = await self._connection.execute(select(_TABLE).where(_is(account)))
        row = found.mappings().one_or_none()
        if row is None:
            raise UnknownEntity("exchange account", account.id)
        return rows.account_of(row)

    async def save(self, account: ExchangeAccount) -> None:
        """Store everything about an account; raises UnknownEntity."""
        ref = AccountRef(account.id, account.user_id)
        done = await self._connection.execute(update(_TABLE).where(_is(ref)).values(_row(account)))
        if done.rowcount != 1:
            raise UnknownEntity("exchange account", account.id)


def _row(account: ExchangeAccount) -> dict[str, Any]:
    return rows.to_row(_TABLE, account, permissions=list(account.permissions))


def _is(account: AccountRef) -> ColumnElement[bool]:
    return (_TABLE.c.id == account.id) & (_TABLE.c.user_id == account.user_id)
