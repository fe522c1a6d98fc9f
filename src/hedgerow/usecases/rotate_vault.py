"""Rotate the vault: a new key-encryption key, under which every data key is wrapped again.

Nobody has to stop. Each data key is rewrapped in a transaction of its own; the old key is kept
until PostgreSQL confirms that nothing uses it. Killed at any point, the next rotation takes up
where this one was: a newest key that does not yet wrap everything is work to be finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. `superfluous` keys are forgotten by us, or else to be by a person."""

    key_id: str
    was_resumed: bool
    rewrapped: int
    superfluous: Sequence[str]


async def rotate_vault(open_unit_of_work: OpenUnitOfWork, vault: Vault, at: datetime) -> Rotation:
    """Rotate, or finish the rotation that was cut short.

    Raises InputRefused where another process rotates, where a key is missing that is needed, or
    where a person has to provide the new key.
    """
    async with open_unit_of_work(SYSTEM) as claim:
        if not await claim.vault_keys.claim_rotation():
            raise InputRefused(
                "another process is rotating it", "vault", "wait until that one has finished"
            )
        await vault.reload()
        return await _rotate(open_unit_of_work, vault, at)


async def _rotate(open_unit_of_work: OpenUnitOfWork, vault: Vault, at: datetime) -> Rotation:
    async with open_unit_of_work(SYSTEM) as unit:
        usage = await unit.vault_keys.usage()
    _require_at_hand(vault, [key_id for key_id, count in usage.items() if count])
    newest = vault.key_ids[0]
    was_resumed = newest not in usage or len(usage) > 1
    if not was_resumed:
        await vault.add_key()
        newest = vault.key_ids[0]
    async with open_unit_of_work(SYSTEM) as unit:
        await unit.vault_keys.register(newest, at)
        await unit.commit()
    rewrapped = 0
    for old in usage:
        if old != newest:
            rewrapped += await _move_all(open_unit_of_work, vault, old, newest, at)
    superfluous = tuple(key_id for key_id in vault.key_ids if key_id != newest)
    await vault.drop_keys(superfluous)
    return Rotation(newest, was_resumed, rewrapped, superfluous)


async def _move_all(
    open_unit_of_work: OpenUnitOfWork, vault: Vault, old: str, new: str, at: datetime
) -> int:
    """Rewrap whatever `old` wraps, and retire it; returns how many data keys were moved."""
    moved = 0
    while not await _retire(open_unit_of_work, old):
        # something may have been locked with it while the last one was moved
        while await _move_one(open_unit_of_work, vault, old, new, at):
            moved += 1
    return moved


async def _move_one(
    open_unit_of_work: OpenUnitOfWork, vault: Vault, old: str, new: str, at: datetime
) -> bool:
    async with open_unit_of_work(SYSTEM) as unit:
        key = await unit.vault_keys.any_under(old)
        if key is None:
            return False
        await unit.vault_keys.replace(vault.rewrap(key, new), at)
        await unit.commit()
    return True


async def _retire(open_unit_of_work: OpenUnitOfWork, old: str) -> bool:
    async with open_unit_of_work(SYSTEM) as unit:
        is_retired = await unit.vault_keys.retire(old)
        await unit.commit()
    return is_retired


def _require_at_hand(vault: Vault, needed: Sequence[str]) -> None:
    missing = [key_id for key_id in needed if key_id not in vault.key_ids]
    if missing:
        raise InputRefused(
            what=f"cannot be rotated: data keys are wrapped by {', '.join(missing)}, "
            "and that key is not at hand",
            where=vault.source,
            fix="give the old key too, behind the new one",
        )
