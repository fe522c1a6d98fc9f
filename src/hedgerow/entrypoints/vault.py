"""The vault on a terminal: ids of keys and counts, never a key."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.codec import encode
from hedgerow.usecases.rotate_vault import Rotation, rotate_vault
from hedgerow.usecases.vault_keys import KeyStatus, VaultStatus, vault_status


async def show_status(backstage: Backstage, *, as_json: bool) -> bool:
    """Show how the keys stand; returns whether everything can be opened."""
    async with backstage.vault() as (open_unit_of_work, vault):
        status = await vault_status(open_unit_of_work, vault)
    if as_json:
        print_json(encode(status))
    else:
        _print_status(status, Console())
    return status.is_sound


async def show_rotation(backstage: Backstage, *, as_json: bool) -> None:
    """Rotate, and show what was done."""
    async with backstage.vault() as (open_unit_of_work, vault):
        rotation = await rotate_vault(open_unit_of_work, vault, datetime.now(UTC))
        source, left = vault.source, vault.key_ids
    # what is still at hand was not ours to forget
    to_unset = [key_id for key_id in rotation.superfluous if key_id in left]
    if as_json:
        print_json({**encode(rotation), "to_unset": to_unset})
    else:
        _print_rotation(rotation, source, to_unset, Console())


def _print_status(status: VaultStatus, console: Console) -> None:
    table = Table("key", "locks", "state", title="Vault", title_justify="left")
    table.columns[1].justify = "right"
    for key in status.keys:
        table.add_row(key.key_id, f"{key.data_keys:,}", _state(key, status))
    console.print(table)
    console.print(Text(f"Keys come from {status.source}."), soft_wrap=True)
    if not status.is_sound:
        console.print("A key is missing: what it locks cannot be opened.", style="red")


def _state(key: KeyStatus, status: VaultStatus) -> str:
    if not key.is_at_hand:
        return "missing" if key.data_keys else "gone, and nothing needs it"
    if key.key_id == status.locks_with:
        return "locks"
    return "opens only" if key.is_registered else "not used: rotate"


def _print_rotation(rotation: Rotation, source: str, to_unset: list[str], console: Console) -> None:
    done = "An earlier rotation was finished" if rotation.was_resumed else "Rotated"
    lines = [f"{done}: key {rotation.key_id} now locks everything."]
    lines.append(f"{rotation.rewrapped:,} data keys were wrapped anew; secrets stayed as they are.")
    if to_unset:
        lines.append(f"Nothing needs {', '.join(to_unset)} any more: take it out of {source}.")
    console.print(Text("\n".join(lines)), soft_wrap=True)
