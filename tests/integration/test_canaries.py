"""Secrets planted where secrets go, and looked for everywhere else."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER, begin, opened_fund
from hedgerow.domain.accounts import Credentials, Permission
from hedgerow.domain.errors import HedgerowError
from hedgerow.domain.market import Exchange
from hedgerow.domain.secrets import Secret
from hedgerow.entrypoints.words import sentence
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.vault.key_sources import GivenKeys, KeyCommand, KeyFile, KeySource
from hedgerow.infrastructure.vault.vault import EnvelopeVault
from hedgerow.settings import Settings
from hedgerow.usecases.codec import encode
from hedgerow.usecases.connect_account import (
    Connection,
    connect_account,
    keep_listen_key,
    open_credentials,
    open_listen_key,
)
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.ports.vault import AccountRef
from hedgerow.usecases.rotate_vault import rotate_vault
from hedgerow.usecases.vault_keys import prepare_vault, vault_status
from postgres_fixtures import as_superuser, units_on

CANARIES = ("canary-api-key-8d1f", "canary-secret-27ab", "canary-phrase-c90e", "canary-listen-5b3d")
KEYS = Credentials(*(Secret(canary) for canary in CANARIES[:3]))
MODEL_KEYS = tuple(
    f"HEDGEROW_{name}_API_KEY"
    for name in ("ANTHROPIC", "OPENAI", "GOOGLE", "DEEPSEEK", "COMPATIBLE")
)
REPOSITORY = Path(__file__).parents[2]
Spoil = Callable[[AsyncEngine, Path], Awaitable[None]]


@pytest.fixture
async def engine(database: AsyncEngine, caplog: pytest.LogCaptureFixture) -> AsyncEngine:
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "asyncio", "hedgerow", "alembic"):
        caplog.set_level(logging.DEBUG, name)
    await begin(units_on(database), *opened_fund())
    return database


def forms_of(secret: str) -> list[str]:
    """How a secret shows in text: itself, its bytes in hexadecimal, and in base64."""
    plain = secret.encode()
    return [secret, plain.hex(), base64.b64encode(plain).decode().rstrip("=")[:-1]]


def assert_clean(haystack: str, secrets: tuple[str, ...] = CANARIES) -> None:
    assert haystack, "nothing was looked through"
    for secret in secrets:
        for form in forms_of(secret):
            assert form not in haystack


async def dump(engine: AsyncEngine) -> str:
    """Every row of every table as text, as a plain dump of the database holds them."""
    async with (
        open_engine(as_superuser(engine)) as superuser,
        superuser.connect() as connection,
    ):
        names = await connection.scalars(
            text("select tablename from pg_tables where schemaname = 'public' order by 1")
        )
        rows: list[str] = []
        for name in list(names):
            found = await connection.scalars(text(f'select t::text from "{name}" t'))
            rows += [f"{name}: {row}" for row in found]
    assert rows, "nothing was dumped"
    return "\n".join(rows)


async def connected(units: OpenUnitOfWork, vault: EnvelopeVault) -> AccountRef:
    await prepare_vault(units, vault, NOON)
    wanted = Connection(USER, Exchange.OKX, "Main", False, (Permission.READ,), KEYS)
    assert_clean(f"{wanted} {wanted!r}")
    ref = await connect_account(units, vault, wanted, NOON)
    expires_at = NOON + timedelta(hours=1)
    await keep_listen_key(units, vault, ref, Secret(CANARIES[3]), expires_at, NOON)
    return ref


async def test_where_all_goes_well(
    engine: AsyncEngine,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    units, vault = units_on(engine), EnvelopeVault([KeyFile(tmp_path / "keys")])
    ref = await connected(units, vault)
    opened = await open_credentials(units, vault, ref)
    listen_key = await open_listen_key(units, vault, ref, NOON)
    assert (opened, listen_key) == (KEYS, Secret(CANARIES[3]))
    logging.getLogger("hedgerow.test").debug("%s %r %s", opened, listen_key, vars(vault))
    rotation = await rotate_vault(units, vault, NOON)
    async with units(SYSTEM) as unit:
        fund = await unit.funds.load(USER)
        events = [event async for event in unit.audit.events(USER)]
    status = json.dumps(encode(await vault_status(units, vault)))
    shown = [repr(fund), repr(opened), repr(vault), status, json.dumps(encode(rotation))]
    shown += [json.dumps(encode(list(fund.accounts.values()))), repr(events)]
    out, err = capfd.readouterr()
    key = KeyFile(tmp_path / "keys").read()[0].text().reveal()
    everything = "\n".join([*shown, caplog.text, out, err, await dump(engine)])
    assert "insert into exchange_accounts" in caplog.text.lower()
    assert_clean(everything, (*CANARIES, key))


async def flip_a_bit(engine: AsyncEngine, key_file: Path) -> None:
    await run(
        engine,
        "update exchange_accounts set secret_encrypted = "
        "set_byte(secret_encrypted, 40, 255 - get_byte(secret_encrypted, 40)) "
        "where secret_encrypted is not null",
    )


async def paste_another_column(engine: AsyncEngine, key_file: Path) -> None:
    await run(engine, "update exchange_accounts set passphrase = secret_encrypted")


async def take_the_key(engine: AsyncEngine, key_file: Path) -> None:
    KeyFile(key_file).drop(await registered(engine))
    KeyFile(key_file).add()


async def break_the_file(engine: AsyncEngine, key_file: Path) -> None:
    write(key_file, f"{CANARIES[0]}\n")


async def open_the_file(engine: AsyncEngine, key_file: Path) -> None:
    open_to_all(key_file)


def write(path: Path, content: str) -> None:
    path.write_text(content)


def open_to_all(path: Path) -> None:
    path.chmod(0o644)


async def registered(engine: AsyncEngine) -> list[str]:
    async with units_on(engine)(SYSTEM) as unit:
        return await unit.vault_keys.registered()


async def run(engine: AsyncEngine, statement: str) -> None:
    async with open_engine(as_superuser(engine)) as superuser, superuser.begin() as connection:
        await connection.execute(text(statement))


@pytest.mark.parametrize(
    "spoil", [flip_a_bit, paste_another_column, take_the_key, break_the_file, open_the_file]
)
async def test_where_it_goes_wrong(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Spoil
) -> None:
    units, key_file = units_on(engine), tmp_path / "keys"
    ref = await connected(units, EnvelopeVault([KeyFile(key_file)]))
    await spoil(engine, key_file)
    vault = EnvelopeVault([KeyFile(key_file)])

    async def use_it() -> None:
        await prepare_vault(units, vault, NOON)
        await open_credentials(units, vault, ref)

    with pytest.raises(HedgerowError) as caught:
        await use_it()
    logging.getLogger("hedgerow.test").error("it went wrong", exc_info=caught.value)
    assert_clean("\n".join([*told_by(caught.value), caplog.text, await dump(engine)]))


async def test_where_the_database_refuses(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    units, vault = units_on(engine), EnvelopeVault([KeyFile(tmp_path / "keys")])
    await prepare_vault(units, vault, NOON)
    await run(engine, "alter table exchange_accounts add check (secret_encrypted is null)")
    wanted = Connection(USER, Exchange.OKX, "Main", False, (Permission.READ,), KEYS)
    with pytest.raises(Exception, match="secret_encrypted") as caught:
        await connect_account(units, vault, wanted, NOON)
    logging.getLogger("hedgerow.test").error("it went wrong", exc_info=caught.value)
    assert_clean("\n".join([*told_by(caught.value), caplog.text]))


def told_by(error: BaseException) -> list[str]:
    """All that can be read off an exception: words, causes, traceback with every variable."""
    with_variables = traceback.TracebackException.from_exception(error, capture_locals=True)
    told = [str(error), repr(error), "".join(with_variables.format())]
    if isinstance(error, HedgerowError):
        told.append(sentence(error))
    for other in (error.__cause__, error.__context__):
        if other is not None:
            told += told_by(other)
    return told


@pytest.mark.parametrize("source", [GivenKeys, KeyCommand])
def test_where_a_source_of_keys_is_wrong(source: Callable[[Secret], KeySource]) -> None:
    given = Secret(CANARIES[0] if source is GivenKeys else f"echo {CANARIES[0]}; exit 1")
    with pytest.raises(HedgerowError) as caught:
        source(given).read()
    assert_clean("\n".join(told_by(caught.value)))


def test_settings_show_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_VAULT_KEY", CANARIES[0])
    monkeypatch.setenv("HEDGEROW_REDIS_URL", f"redis://:{CANARIES[1]}@localhost/0")
    monkeypatch.setenv("HEDGEROW_VAULT_KEY_COMMAND", f"echo {CANARIES[2]}")
    for number, name in enumerate(MODEL_KEYS):
        monkeypatch.setenv(name, f"canary-model-{number}-4e1d")
    settings = Settings()
    planted = tuple(f"canary-model-{number}-4e1d" for number in range(len(MODEL_KEYS)))
    assert_clean(f"{settings} {settings!r} {settings.model_dump_json()}", (*CANARIES, *planted))


def test_the_doctor_tells_no_key_of_a_model(service_folder: Path) -> None:
    planted = {name: f"canary-model-{number}-4e1d" for number, name in enumerate(MODEL_KEYS)}
    # nobody listens there, and the keys of the others would go to their owners
    unreachable = {
        "HEDGEROW_COMPATIBLE_URL": "http://127.0.0.1:9/v1",
        MODEL_KEYS[-1]: planted[MODEL_KEYS[-1]],
    }
    broken = {name: f"{key} {key}" for name, key in planted.items()}
    folder = service_folder / "data"
    looked = hedgerow(folder, "doctor", "--json", **unreachable)
    refused = hedgerow(folder, "doctor", "--json", **broken)
    assert "cannot be reached" in looked.stdout
    assert refused.stdout.count("not a key") == len(MODEL_KEYS)
    told = "".join(each.stdout + each.stderr for each in (looked, refused))
    assert_clean(told, tuple(planted.values()))


def hedgerow(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "HEDGEROW" not in name}
    environment = {**inherited, "HEDGEROW_DATA_DIR": str(folder), **settings}
    return subprocess.run(
        [sys.executable, "-m", "hedgerow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_commands_tell_ids_of_keys_and_never_a_key(service_folder: Path) -> None:
    folder = service_folder / "data"
    first = hedgerow(folder, "vault", "status", "--json")
    (key,) = json.loads(first.stdout)["keys"]
    key_file = folder / "vault" / "keys"
    held = key_file.read_text().strip()
    assert key_file.stat().st_mode & 0o777 == 0o600
    rotated = hedgerow(folder, "vault", "rotate", "--json")
    assert json.loads(rotated.stdout)["superfluous"] == [key["key_id"]]
    words = [hedgerow(folder, "vault", command) for command in ("status", "rotate")]
    given = base64.b64encode(bytes(32)).decode()
    moved = hedgerow(folder, "vault", "rotate", HEDGEROW_VAULT_KEY=given)
    lost = hedgerow(folder, "vault", "status")
    audit = hedgerow(folder, "audit", "verify", HEDGEROW_VAULT_KEY=given)
    done = [first, rotated, *words, moved, audit]
    assert [each.returncode for each in done] == [0] * 6, [each.stderr for each in done]
    assert (lost.returncode, "not at hand" in lost.stderr) == (2, True)
    both = hedgerow(
        folder, "vault", "status", HEDGEROW_VAULT_KEY=given, HEDGEROW_VAULT_KEY_COMMAND="x"
    )
    assert (both.returncode, "one place only" in both.stderr) == (2, True)
    text_of_all = "".join(each.stdout + each.stderr for each in (*done, lost, both))
    assert_clean(text_of_all, (held, given))


def test_pages_of_the_documentation_hold_none() -> None:
    pages = [*REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("*.md")]
    assert_clean("\n".join(page.read_text() for page in pages))
