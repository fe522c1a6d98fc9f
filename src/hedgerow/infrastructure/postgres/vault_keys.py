"""Wrapped data keys in PostgreSQL, and which key-encryption keys may wrap them.

The foreign key from a data key to the key that wraps it is what makes rotation safe: PostgreSQL
lets nobody keep a data key under a key that another transaction has retired.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.errors import KeyUnknown
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.rows import Row
from hedgerow.usecases.ports.vault import AccountRef, WrappedKey

_KEYS = tables.vault_keys
_DATA_KEYS = tables.vault_data_keys
# Any number will do that no other advisory lock of this database uses.
_ROTATION_LOCK = 4_853_118_307_243


class PostgresVaultKeys:
    """Implements the VaultKeys port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def registered(self) -> list[str]:
        """Ids of the key-encryption keys that may be used, in the order of registering."""
        found = await self._connection.scalars(select(_KEYS.c.kek_id).order_by(_KEYS.c.number))
        return list(found)

    async def register(self, kek_id: str, at: datetime) -> None:
        """Let a key be used; one that is registered already stays as it is."""
        values = {"kek_id": kek_id, "created_at": at}
        await self._connection.execute(insert(_KEYS).values(values).on_conflict_do_nothing())

    async def retire(self, kek_id: str) -> bool:
        """Let a key be used no more, or False where something still uses it."""
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(delete(_KEYS).where(_KEYS.c.kek_id == kek_id))
        except IntegrityError:
            return False
        return True

    async def key_of(self, account: AccountRef) -> WrappedKey | None:
        """The account's data key, once it has one."""
        mine = (_DATA_KEYS.c.exchange_account_id == account.id) & (
            _DATA_KEYS.c.user_id == account.user_id
        )
        found = await self._connection.execute(select(_DATA_KEYS).where(mine))
        row = found.mappings().one_or_none()
        return None if row is None else _key_of(row)

    async def add(self, key: WrappedKey, at: datetime) -> WrappedKey:
        """Keep an account's first data key; returns the one that was kept before, if any."""
        values = {
            "exchange_account_id": key.account.id,
            "user_id": key.account.user_id,
            "id": key.id,
            "kek_id": key.kek_id,
            "wrapped": key.wrapped,
            "created_at": at,
            "updated_at": at,
        }
        await self._require_registered(key.kek_id)
        statement = insert(_DATA_KEYS).values(values)
        await self._connection.execute(
            statement.on_conflict_do_nothing(index_elements=["exchange_account_id"])
        )
        kept = await self.key_of(key.account)
        assert kept is not None
        return kept

    async def any_under(self, kek_id: str) -> WrappedKey | None:
        """A data key wrapped by that key, held for this transaction alone; None if none is."""
        found = await self._connection.execute(
            select(_DATA_KEYS).where(_DATA_KEYS.c.kek_id == kek_id).limit(1).with_for_update()
        )
        row = found.mappings().one_or_none()
        return None if row is None else _key_of(row)

    async def replace(self, key: WrappedKey, at: datetime) -> None:
        """Keep a data key as it is wrapped now; raises KeyUnknown as `add` does."""
        await self._require_registered(key.kek_id)
        await self._connection.execute(
            update(_DATA_KEYS)
            .where(_DATA_KEYS.c.id == key.id)
            .values(kek_id=key.kek_id, wrapped=key.wrapped, updated_at=at)
        )

    async def usage(self) -> Mapping[str, int]:
        """How many data keys each registered key-encryption key wraps."""
        found = await self._connection.execute(
            select(_KEYS.c.kek_id, func.count(_DATA_KEYS.c.id))
            .outerjoin(_DATA_KEYS, _DATA_KEYS.c.kek_id == _KEYS.c.kek_id)
            .group_by(_KEYS.c.kek_id, _KEYS.c.number)
            .order_by(_KEYS.c.number)
        )
        return {row[0]: row[1] for row in found}

    async def claim_rotation(self) -> bool:
        """Be the only one to rotate until this transaction ends; False where another one does."""
        claim = text("select pg_try_advisory_xact_lock(:key)").bindparams(key=_ROTATION_LOCK)
        return bool(await self._connection.scalar(claim))

    async def _require_registered(self, kek_id: str) -> None:
        # the lock is what the foreign key would take: from here on the key cannot be retired
        held = select(_KEYS.c.kek_id).where(_KEYS.c.kek_id == kek_id)
        if await self._connection.scalar(held.with_for_update(read=True, key_share=True)) is None:
            raise KeyUnknown(kek_id)


def _key_of(row: Row) -> WrappedKey:
    account = AccountRef(row["exchange_account_id"], row["user_id"])
    return WrappedKey(row["id"], account, row["kek_id"], row["wrapped"])
