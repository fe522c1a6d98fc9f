"""Connect a user to an exchange: seal the credentials, keep the account, open them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hedgerow.domain.accounts import Credentials, ExchangeAccount, Permission
from hedgerow.domain.errors import InputRefused, UnknownEntity
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Exchange
from hedgerow.domain.secrets import Secret
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork, UnitOfWork
from hedgerow.usecases.ports.vault import AccountRef, Vault, WrappedKey
from hedgerow.usecases.vault_keys import locking_key, with_fresh_keys

API_KEY: Final = "api_key_encrypted"
SECRET: Final = "secret_encrypted"
PASSPHRASE: Final = "passphrase"
LISTEN_KEY: Final = "listen_key_encrypted"
_ASK_FOR_A_PASSPHRASE: Final = frozenset({Exchange.OKX, Exchange.KUCOIN})


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to an exchange, as the user asks for it."""

    user_id: UUID
    exchange: Exchange
    label: str
    is_testnet: bool
    permissions: tuple[Permission, ...]
    credentials: Credentials


async def connect_account(
    open_unit_of_work: OpenUnitOfWork, vault: Vault, wanted: Connection, at: datetime
) -> AccountRef:
    """Keep a new account with its credentials sealed; raises InputRefused, KeyUnknown."""
    _require_complete(wanted.exchange, wanted.credentials)
    account = ExchangeAccount(
        id=derived_id(at, wanted.user_id, wanted.exchange, wanted.label),
        user_id=wanted.user_id,
        exchange=wanted.exchange,
        label=wanted.label,
        is_testnet=wanted.is_testnet,
        permissions=wanted.permissions,
    )
    ref = AccountRef(account.id, account.user_id)

    async def attempt() -> None:
        async with open_unit_of_work(wanted.user_id) as unit:
            await unit.accounts.add(account)
            key = await _data_key(unit, vault, ref, at)
            _seal_credentials(vault, key, account, wanted.credentials)
            await unit.accounts.save(account)
            await unit.commit()

    await with_fresh_keys(vault, attempt)
    return ref


async def change_credentials(
    open_unit_of_work: OpenUnitOfWork,
    vault: Vault,
    ref: AccountRef,
    credentials: Credentials,
    at: datetime,
) -> None:
    """Seal other credentials for an account, which makes it active again.

    Raises UnknownEntity, InputRefused, KeyUnknown, and SecretUnreadable where the account's data
    key was altered.
    """

    async def attempt() -> None:
        async with open_unit_of_work(ref.user_id) as unit:
            account = await unit.accounts.load(ref)
            _require_complete(account.exchange, credentials)
            key = await _data_key(unit, vault, ref, at)
            _seal_credentials(vault, key, account, credentials)
            account.is_active = True
            await unit.accounts.save(account)
            await unit.commit()

    await with_fresh_keys(vault, attempt)


async def open_credentials(
    open_unit_of_work: OpenUnitOfWork, vault: Vault, ref: AccountRef
) -> Credentials:
    """The credentials of an account.

    Raises UnknownEntity where there are none, KeyUnknown, SecretUnreadable.
    """

    async def attempt() -> Credentials:
        async with open_unit_of_work(ref.user_id) as unit:
            account = await unit.accounts.load(ref)
            key = await unit.vault_keys.key_of(ref)
        api_key = _opened(vault, key, API_KEY, account.api_key_encrypted)
        secret = _opened(vault, key, SECRET, account.secret_encrypted)
        if api_key is None or secret is None:
            raise UnknownEntity("credentials of exchange account", ref.id)
        return Credentials(api_key, secret, _opened(vault, key, PASSPHRASE, account.passphrase))

    return await with_fresh_keys(vault, attempt)


async def keep_listen_key(
    open_unit_of_work: OpenUnitOfWork,
    vault: Vault,
    ref: AccountRef,
    listen_key: Secret,
    expires_at: datetime,
    at: datetime,
) -> None:
    """Seal the key of the account's user data stream; raises UnknownEntity, KeyUnknown."""

    async def attempt() -> None:
        async with open_unit_of_work(ref.user_id) as unit:
            account = await unit.accounts.load(ref)
            key = await _data_key(unit, vault, ref, at)
            account.listen_key_encrypted = vault.seal(key, LISTEN_KEY, listen_key)
            account.listen_key_expires_at = expires_at
            await unit.accounts.save(account)
            await unit.commit()

    await with_fresh_keys(vault, attempt)


async def open_listen_key(
    open_unit_of_work: OpenUnitOfWork, vault: Vault, ref: AccountRef, at: datetime
) -> Secret | None:
    """The key of the account's user data stream, or None where it has none that is still valid.

    Raises UnknownEntity, KeyUnknown, SecretUnreadable.
    """

    async def attempt() -> Secret | None:
        async with open_unit_of_work(ref.user_id) as unit:
            account = await unit.accounts.load(ref)
            key = await unit.vault_keys.key_of(ref)
        if account.listen_key_expires_at is None or account.listen_key_expires_at <= at:
            return None
        return _opened(vault, key, LISTEN_KEY, account.listen_key_encrypted)

    return await with_fresh_keys(vault, attempt)


def _require_complete(exchange: Exchange, credentials: Credentials) -> None:
    if exchange in _ASK_FOR_A_PASSPHRASE and credentials.passphrase is None:
        raise InputRefused(
            what=f"{exchange} asks for a passphrase besides key and secret",
            where="passphrase",
            fix="give the passphrase that was chosen when the key was made",
        )


async def _data_key(unit: UnitOfWork, vault: Vault, ref: AccountRef, at: datetime) -> WrappedKey:
    kept = await unit.vault_keys.key_of(ref)
    if kept is not None:
        return kept
    return await unit.vault_keys.add(vault.make_data_key(ref, await locking_key(unit, vault)), at)


def _seal_credentials(
    vault: Vault, key: WrappedKey, account: ExchangeAccount, credentials: Credentials
) -> None:
    passphrase = credentials.passphrase
    account.api_key_encrypted = vault.seal(key, API_KEY, credentials.api_key)
    account.secret_encrypted = vault.seal(key, SECRET, credentials.secret)
    account.passphrase = None if passphrase is None else vault.seal(key, PASSPHRASE, passphrase)


def _opened(
    vault: Vault, key: WrappedKey | None, column: str, sealed: bytes | None
) -> Secret | None:
    if sealed is None:
        return None
    if key is None:
        raise UnknownEntity("data key of a sealed", column)
    return vault.open(key, column, sealed)
