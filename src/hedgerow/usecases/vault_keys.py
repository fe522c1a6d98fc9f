"""Keys of the vault: first use, which one locks, and how they stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from hedgerow.domain.errors import InputRefused, KeyUnknown
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork
from hedgerow.usecases.ports.vault import Vault

_Result = TypeVar("_Result")
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A key-encryption key: whether it is at hand and may lock, and how many data keys it wraps."""

    key_id: str
    is_at_hand: bool
    is_registered: bool
    data_keys: int


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """All key-encryption keys, the newest first, and where they come from.

    `is_sound` means that every data key can be opened; `locks_with` is the key for new ones.
    """

    source: str
    locks_with: str
    is_sound: bool
    keys: Sequence[KeyStatus]


async def prepare_vault(open_unit_of_work: OpenUnitOfWork, vault: Vault, at: datetime) -> None:
    """Read the keys, and at the very first use make and register one.

    Raises InputRefused where something was locked here before and none of its keys is at hand.
    """
    await vault.reload()
    async with open_unit_of_work(SYSTEM) as unit:
        registered = await unit.vault_keys.registered()
    if not registered:
        await _begin(open_unit_of_work, vault, at)
    elif not set(registered) & set(vault.key_ids):
        raise _lost(vault, registered)


async def locking_key(unit: UnitOfWork, vault: Vault) -> str:
    """The id of the key to lock with: the one registered last.

    Raises KeyUnknown where that one is not at hand. An older one would do, but a rotation would
    then never come to an end while others connect accounts.
    """
    newest = (await unit.vault_keys.registered())[-1]
    if newest not in vault.key_ids:
        raise KeyUnknown(newest)
    return newest


async def with_fresh_keys(vault: Vault, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
    """The result of `attempt`, made again with keys read anew while it raises KeyUnknown.

    A rotation elsewhere may, between two statements of ours, rewrap what we read and drop the key
    that we know. Each attempt must therefore read the wrapped key again. Raises KeyUnknown.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await attempt()
        except KeyUnknown:
            await vault.reload()
    return await attempt()


async def vault_status(open_unit_of_work: OpenUnitOfWork, vault: Vault) -> VaultStatus:
    """How the keys stand; changes nothing."""
    async with open_unit_of_work(SYSTEM) as unit:
        usage = await unit.vault_keys.usage()
    missing = [key_id for key_id in reversed(list(usage)) if key_id not in vault.key_ids]
    keys = [
        KeyStatus(key_id, key_id in vault.key_ids, key_id in usage, usage.get(key_id, 0))
        for key_id in (*vault.key_ids, *missing)
    ]
    is_sound = all(key.is_at_hand or key.data_keys == 0 for key in keys)
    return VaultStatus(vault.source, list(usage)[-1], is_sound, keys)


async def _begin(open_unit_of_work: OpenUnitOfWork, vault: Vault, at: datetime) -> None:
    if not vault.key_ids:
        await vault.add_key()
    async with open_unit_of_work(SYSTEM) as unit:
        await unit.vault_keys.register(vault.key_ids[0], at)
        await unit.commit()


def _lost(vault: Vault, registered: Sequence[str]) -> InputRefused:
    wanted = " or ".join(registered)
    return InputRefused(
        what=f"secrets are locked here with key {wanted}, and that key is not at hand",
        where=vault.source,
        fix="restore the key from a backup; without it the accounts must be connected anew",
    )
