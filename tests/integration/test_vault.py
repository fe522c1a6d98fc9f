"""Credentials in PostgreSQL: sealed, opened, moved, rotated while others read, killed halfway."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER, begin, opened_fund
from hedgerow.domain.accounts import Credentials, Permission
from hedgerow.domain.errors import InputRefused, KeyUnknown, SecretUnreadable, UnknownEntity
from hedgerow.domain.market import Exchange
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.vault.key_sources import GivenKeys, KeyFile
from hedgerow.infrastructure.vault.vault import EnvelopeVault
from hedgerow.usecases.connect_account import (
    Connection,
    change_credentials,
    connect_account,
    keep_listen_key,
    open_credentials,
    open_listen_key,
)
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork, UnitOfWork
from hedgerow.usecases.ports.vault import AccountRef
from hedgerow.usecases.rotate_vault import Rotation, rotate_vault
from hedgerow.usecases.vault_keys import prepare_vault, vault_status
from postgres_fixtures import on_every_postgres

KEYS = Credentials(Secret("the-api-key"), Secret("the-secret"), Secret("the-passphrase"))
FIRST, SECOND = ("QUFB" * 10 + "QUE=", "QkJC" * 10 + "QkI=")


@pytest.fixture
async def units(open_postgres: OpenUnitOfWork) -> OpenUnitOfWork:
    """On a database with the fund of `USER`."""
    await begin(open_postgres, *opened_fund())
    return open_postgres


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "vault" / "keys"


@pytest.fixture
async def vault(units: OpenUnitOfWork, key_file: Path) -> EnvelopeVault:
    return await opened(units, key_file)


async def opened(units: OpenUnitOfWork, key_file: Path) -> EnvelopeVault:
    """The vault as another process finds it."""
    vault = EnvelopeVault([KeyFile(key_file)])
    await prepare_vault(units, vault, NOON)
    return vault


def keys_in(key_file: Path) -> list[str]:
    return [key.id for key in KeyFile(key_file).read()]


def lose(key_file: Path) -> None:
    key_file.unlink()


async def connect(
    units: OpenUnitOfWork, vault: EnvelopeVault, label: str = "Main", keys: Credentials = KEYS
) -> AccountRef:
    wanted = Connection(USER, Exchange.OKX, label, False, (Permission.READ,), keys)
    return await connect_account(units, vault, wanted, NOON)


async def sql(engine: AsyncEngine, statement: str, **values: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)


@on_every_postgres
async def test_credentials_come_back_as_they_were(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path
) -> None:
    ref = await connect(units, vault)
    assert await open_credentials(units, vault, ref) == KEYS
    assert await open_credentials(units, await opened(units, key_file), ref) == KEYS


async def test_a_fund_loads_with_the_account_and_only_ciphertext(
    units: OpenUnitOfWork, vault: EnvelopeVault
) -> None:
    ref = await connect(units, vault)
    async with units(USER) as unit:
        account = (await unit.funds.load(USER)).accounts[ref.id]
    sealed = (account.api_key_encrypted, account.secret_encrypted, account.passphrase)
    assert all(each is not None and b"the-" not in each for each in sealed)


async def test_other_credentials_replace_the_first_and_revive_the_account(
    units: OpenUnitOfWork, vault: EnvelopeVault, admin_database: AsyncEngine
) -> None:
    ref = await connect(units, vault)
    await sql(
        admin_database, "update exchange_accounts set is_active = false where id = :id", id=ref.id
    )
    other = Credentials(Secret("a"), Secret("b"), Secret("c"))
    await change_credentials(units, vault, ref, other, NOON)
    assert await open_credentials(units, vault, ref) == other
    async with units(USER) as unit:
        assert (await unit.accounts.load(ref)).is_active


async def test_a_listen_key_is_sealed_too_and_expires(
    units: OpenUnitOfWork, vault: EnvelopeVault
) -> None:
    ref = await connect(units, vault)
    assert await open_listen_key(units, vault, ref, NOON) is None
    expires_at = NOON + timedelta(hours=1)
    await keep_listen_key(units, vault, ref, Secret("listen"), expires_at, NOON)
    assert await open_listen_key(units, vault, ref, NOON) == Secret("listen")
    assert await open_listen_key(units, vault, ref, expires_at) is None
    assert await open_credentials(units, vault, ref) == KEYS


async def test_a_passphrase_that_is_asked_for_is_missed_before_anything_is_kept(
    units: OpenUnitOfWork, vault: EnvelopeVault
) -> None:
    with pytest.raises(InputRefused, match="okx asks for a passphrase"):
        await connect(units, vault, keys=Credentials(Secret("a"), Secret("b")))
    async with units(USER) as unit:
        assert len((await unit.funds.load(USER)).accounts) == 1


async def test_nobody_opens_another_users_account(
    units: OpenUnitOfWork, vault: EnvelopeVault
) -> None:
    ref = await connect(units, vault)
    with pytest.raises(UnknownEntity):
        await open_credentials(units, vault, AccountRef(ref.id, UUID(int=99)))


async def test_an_account_without_credentials_says_so(
    units: OpenUnitOfWork, vault: EnvelopeVault
) -> None:
    async with units(USER) as unit:
        (paper,) = (await unit.funds.load(USER)).accounts
    with pytest.raises(UnknownEntity, match="credentials"):
        await open_credentials(units, vault, AccountRef(paper, USER))


@pytest.mark.parametrize(
    "paste",
    [
        "update exchange_accounts a set secret_encrypted = b.secret_encrypted, "
        "api_key_encrypted = b.api_key_encrypted from exchange_accounts b "
        "where a.id = :here and b.id = :there",
        "update exchange_accounts set secret_encrypted = api_key_encrypted where id = :here",
        "update vault_data_keys a set wrapped = b.wrapped from vault_data_keys b "
        "where a.exchange_account_id = :here and b.exchange_account_id = :there",
        "update vault_data_keys set id = gen_random_uuid() where exchange_account_id = :here",
        "update exchange_accounts set secret_encrypted = "
        "set_byte(secret_encrypted, 30, 255 - get_byte(secret_encrypted, 30)) where id = :here",
    ],
    ids=["value from another row", "another column", "another data key", "key id", "bit"],
)
async def test_what_was_moved_or_altered_does_not_open(
    units: OpenUnitOfWork, vault: EnvelopeVault, admin_database: AsyncEngine, paste: str
) -> None:
    here, there = await connect(units, vault), await connect(units, vault, "Other")
    values = {"here": here.id} | ({"there": there.id} if ":there" in paste else {})
    await sql(admin_database, paste, **values)
    with pytest.raises(SecretUnreadable):
        await open_credentials(units, vault, here)
    assert await open_credentials(units, vault, there) == KEYS


@on_every_postgres
async def test_rotation_moves_every_data_key_and_forgets_the_old_key(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path, admin_database: AsyncEngine
) -> None:
    refs = [await connect(units, vault, f"Account {number}") for number in range(5)]
    (old,) = vault.key_ids
    before = await columns(admin_database)
    rotation = await rotate_vault(units, await opened(units, key_file), NOON)
    assert rotation == Rotation(rotation.key_id, False, 5, (old,))
    assert keys_in(key_file) == [rotation.key_id]
    status = await vault_status(units, await opened(units, key_file))
    (key,) = status.keys
    assert (key.key_id, key.data_keys, status.is_sound) == (rotation.key_id, 5, True)
    assert await columns(admin_database) == before, "secrets are not sealed anew"
    for ref in refs:
        # by a process that has missed it, too
        assert await open_credentials(units, vault, ref) == KEYS


async def columns(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        statement = (
            "select id, api_key_encrypted, secret_encrypted from exchange_accounts order by 1"
        )
        return [tuple(row) for row in await connection.execute(text(statement))]


async def test_readers_and_writers_succeed_while_keys_are_rotated(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path
) -> None:
    refs = [await connect(units, vault, f"Account {number}") for number in range(6)]
    is_over = asyncio.Event()
    reads = 0

    async def read(reader: EnvelopeVault) -> None:
        nonlocal reads
        while not is_over.is_set():
            for ref in refs:
                assert await open_credentials(units, reader, ref) == KEYS
                reads += 1

    async def write(writer: EnvelopeVault) -> None:
        number = 100
        while not is_over.is_set():
            refs.append(await connect(units, writer, f"Account {number}"))
            number += 1

    async def rotate() -> None:
        for _ in range(4):
            await rotate_vault(units, await opened(units, key_file), NOON)
        is_over.set()

    others = [await opened(units, key_file) for _ in range(3)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rotate())
        tasks.create_task(write(others[0]))
        tasks.create_task(read(others[1]))
        tasks.create_task(read(others[2]))
    assert reads > len(refs)
    latest = await opened(units, key_file)
    assert len(latest.key_ids) == 1
    for ref in refs:
        assert await open_credentials(units, latest, ref) == KEYS


class Killed(Exception):
    """Stands for a process that ends here."""


def killed_after(units: OpenUnitOfWork, count: int) -> OpenUnitOfWork:
    """Units of work, of which the process does not live to see another one after `count`."""
    opened_so_far = 0

    def open_one(actor: Actor) -> UnitOfWork:
        nonlocal opened_so_far
        opened_so_far += 1
        if opened_so_far > count:
            raise Killed
        return units(actor)

    return open_one


async def test_a_rotation_killed_between_any_two_transactions_is_finished_by_the_next(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path
) -> None:
    refs = [await connect(units, vault, f"Account {number}") for number in range(3)]
    finished, count = False, 0
    while not finished:
        count += 1
        try:
            await rotate_vault(killed_after(units, count), await opened(units, key_file), NOON)
            finished = True
        except Killed:
            pass
        for ref in refs:
            assert await open_credentials(units, await opened(units, key_file), ref) == KEYS
        if not finished:
            newest = (await opened(units, key_file)).key_ids[0]
            rotation = await rotate_vault(units, await opened(units, key_file), NOON)
            assert not rotation.was_resumed or rotation.key_id == newest
            assert len((await opened(units, key_file)).key_ids) == 1
    assert count > 8


@on_every_postgres
async def test_two_do_not_rotate_at_once(units: OpenUnitOfWork, vault: EnvelopeVault) -> None:
    async with units(SYSTEM) as other:
        assert await other.vault_keys.claim_rotation()
        with pytest.raises(InputRefused, match="another process is rotating"):
            await rotate_vault(units, vault, NOON)
    await rotate_vault(units, vault, NOON)


@on_every_postgres
async def test_nothing_can_be_kept_under_a_key_that_was_retired(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path
) -> None:
    ref = await connect(units, vault)
    (old,) = vault.key_ids
    await rotate_vault(units, await opened(units, key_file), NOON)
    async with units(USER) as unit:
        with pytest.raises(KeyUnknown):
            await unit.vault_keys.add(vault.make_data_key(ref, old), NOON)


@on_every_postgres
async def test_a_key_in_use_is_not_retired(units: OpenUnitOfWork, vault: EnvelopeVault) -> None:
    await connect(units, vault)
    async with units(SYSTEM) as unit:
        assert not await unit.vault_keys.retire(vault.key_ids[0])
        assert await unit.vault_keys.usage() == {vault.key_ids[0]: 1}


async def test_a_lost_key_file_is_refused_and_no_other_is_made(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path
) -> None:
    await connect(units, vault)
    lose(key_file)
    with pytest.raises(InputRefused, match=f"locked here with key {vault.key_ids[0]}") as caught:
        await opened(units, key_file)
    assert "backup" in caught.value.fix
    assert keys_in(key_file) == []


async def test_keys_of_the_environment_rotate_by_putting_the_new_one_in_front(
    units: OpenUnitOfWork,
) -> None:
    only_first = EnvelopeVault([GivenKeys(Secret(FIRST))])
    await prepare_vault(units, only_first, NOON)
    ref = await connect(units, only_first)
    with pytest.raises(InputRefused, match="no newer key"):
        await rotate_vault(units, only_first, NOON)
    both = EnvelopeVault([GivenKeys(Secret(f"{SECOND},{FIRST}"))])
    rotation = await rotate_vault(units, both, NOON)
    assert (rotation.rewrapped, rotation.superfluous) == (1, tuple(only_first.key_ids))
    only_second = EnvelopeVault([GivenKeys(Secret(SECOND))])
    await prepare_vault(units, only_second, NOON)
    assert await open_credentials(units, only_second, ref) == KEYS
    with pytest.raises(InputRefused, match="not at hand"):
        await prepare_vault(units, only_first, NOON)


async def test_keys_can_move_from_the_file_to_the_environment(
    units: OpenUnitOfWork, vault: EnvelopeVault, key_file: Path
) -> None:
    ref = await connect(units, vault)
    moved = EnvelopeVault([GivenKeys(Secret(FIRST)), KeyFile(key_file)])
    await prepare_vault(units, moved, NOON)
    assert (await vault_status(units, moved)).locks_with == vault.key_ids[0]
    assert (await rotate_vault(units, moved, NOON)).rewrapped == 1
    assert keys_in(key_file) == []
    assert await open_credentials(units, moved, ref) == KEYS


async def test_a_rotation_without_a_needed_key_is_refused_before_it_begins(
    units: OpenUnitOfWork, vault: EnvelopeVault, admin_database: AsyncEngine
) -> None:
    await connect(units, vault)
    await sql(admin_database, "insert into vault_keys (kek_id, created_at) values ('00ff', now())")
    await sql(admin_database, "update vault_data_keys set kek_id = '00ff'")
    with pytest.raises(InputRefused, match="wrapped by 00ff"):
        await rotate_vault(units, vault, NOON)
    status = await vault_status(units, vault)
    assert not status.is_sound
    assert [key.key_id for key in status.keys if not key.is_at_hand] == ["00ff"]
