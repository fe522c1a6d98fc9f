"""`hedgerow db backup` and `restore` as a person uses them: a fund moves to another folder."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from builders import NOON
from hedgerow.bootstrap import Backstage
from hedgerow.domain.accounts import Credentials, Permission
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.candle_files import bundled_sample
from hedgerow.usecases.connect_account import Connection, connect_account, open_credentials
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.ports.vault import AccountRef
from postgres_servers import server_folder

CANARIES = ("canary-api-key-8d1f", "canary-secret-27ab", "canary-phrase-c90e")
KEYS = Credentials(*(Secret(canary) for canary in CANARIES))
CALL = """
INSERT INTO ai_usage_logs SELECT toDateTime('2024-01-31 12:00:00', 'UTC'), toString(number), 'ann',
    's', 'analyst', 'openai', 'm', 1, 2, 3, 0.25, 0.5, 0.75, 1, true, false, 5, 1, 'w', 0, 0, 0
FROM numbers(7)
"""


@dataclass(frozen=True, slots=True)
class Home:
    """A data folder, and the commands run on it."""

    folder: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command that runs on."""
        return subprocess.Popen(
            [sys.executable, "-m", "hedgerow", *words],
            env=os.environ | {"HEDGEROW_DATA_DIR": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """A command's exit code, output and errors."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def json(self, *words: str) -> Any:
        """What a command says in JSON; it must end well."""
        code, out, err = self.run(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    def refused(self, *words: str) -> str:
        """The sentence of a command that refuses."""
        code, _, err = self.run(*words)
        assert code == 2, err
        return err.splitlines()[-1]

    @property
    def key_file(self) -> Path:
        """Where the vault's key is."""
        return self.folder / "vault" / "keys"

    @property
    def backstage(self) -> Backstage:
        """What the commands work with, in this process."""
        os.environ["HEDGEROW_DATA_DIR"] = str(self.folder)
        return Backstage()


def home(folder: Path) -> Home:
    folder.mkdir(mode=0o711)
    return Home(folder)


@dataclass(frozen=True, slots=True)
class Moved:
    """A fund that has traded, its backup, and what it looked like."""

    old: Home
    archive: Path
    account: AccountRef
    said: str


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    with server_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEDGEROW_DATA_DIR", "")
        yield


@pytest.fixture(scope="module")
def moved(module_folder: Path, small_candles: Path, _environment: None) -> Moved:
    """A run of one symbol, an account with credentials, calls of a model, and a regime model."""
    old, archive = home(module_folder / "old"), module_folder / "fund.zip"
    assert old.run("demo", "--data", str(small_candles), "--symbols", "SOL/USDT")[0] == 0
    account = asyncio.run(_connect(old))
    sample = ("--data", str(bundled_sample()), "--symbols", "BTC/USDT,ETH/USDT")
    assert old.run("regimes", "train", "--timeframe", "4h", *sample)[0] == 0
    code, said, err = old.run("db", "backup", str(archive))
    assert code == 0, err
    assert "saved postgres/users: 1 rows" in err
    assert "saved regimes/regime_model_4h_v1.json\n" in err
    return Moved(old, archive, account, said)


async def _connect(home: Home) -> AccountRef:
    async with home.backstage._engines.clickhouse() as clickhouse:
        await clickhouse.execute(CALL)
    async with home.backstage.vault() as (units, vault):
        async with units(SYSTEM) as unit:
            (user_id,) = await unit.audit.user_ids()
        wanted = Connection(user_id, Exchange.OKX, "Main", False, (Permission.READ,), KEYS)
        return await connect_account(units, vault, wanted, NOON)


async def credentials(home: Home, account: AccountRef) -> Credentials:
    async with home.backstage.vault() as (units, vault):
        return await open_credentials(units, vault, account)


async def candles(home: Home) -> list[Any]:
    async with home.backstage._engines.clickhouse() as clickhouse:
        rows = await clickhouse.query("SELECT * FROM market_data_kline FINAL ORDER BY ALL")
    return list(rows.to_pylist())


def test_a_fund_moves_with_everything_but_its_key(moved: Moved, service_folder: Path) -> None:
    new = home(service_folder / "new")
    code, said, err = new.run("db", "restore", str(moved.archive))
    assert code == 0, err
    restored, missing = said.splitlines()
    assert restored.startswith("Restored ")
    assert "regime_model_4h_v1" in restored
    assert f"bring it over into {new.key_file}" in missing
    for words in (("explain", "last"), ("audit", "verify"), ("costs",), ("regimes", "models")):
        assert new.json(*words) == moved.old.json(*words)
    assert asyncio.run(candles(new)) == asyncio.run(candles(moved.old)) != []
    with pytest.raises(InputRefused, match="locked here with key"):
        asyncio.run(credentials(new, moved.account))
    new.key_file.parent.mkdir(mode=0o700)
    shutil.copy2(moved.old.key_file, new.key_file)
    assert asyncio.run(credentials(new, moved.account)) == KEYS
    (model,) = (new.folder / "regimes").iterdir()
    model.write_text("another model")
    again = new.refused("db", "restore", str(moved.archive))
    assert "holds users already (1)" in again
    assert "--replace" in again
    made = new.json("db", "restore", "--replace", str(moved.archive))
    assert made["missing_key_ids"] == []
    assert [each["version"] for each in made["models"]] == [model.stem]
    assert new.json("regimes", "models") == moved.old.json("regimes", "models")
    assert all(key_id in moved.said for key_id in made["vault_key_ids"])
    assert str(moved.old.key_file) in moved.said
    counted = {each["table"]: each["rows"] for each in made["tables"]}
    assert counted["users"] == 1
    # those of the demo's own desk, and the seven of this test
    assert counted["ai_usage_logs"] > 7
    assert counted["ai_cost_by_agent"] > 1


def test_no_secret_and_no_key_is_in_the_archive(moved: Moved) -> None:
    planted = [canary.encode() for canary in CANARIES]
    planted += [line.encode() for line in moved.old.key_file.read_text().split()]
    forms = [form for secret in planted for form in (secret, secret.hex().encode())]
    with zipfile.ZipFile(moved.archive) as archive:
        names = archive.namelist()
        assert len(archive.read("postgres/vault_data_keys")) > 100
        for name in names:
            content = archive.read(name)
            assert not [form for form in forms if form in content], name
    assert names[-1] == "manifest.json"


def test_a_bad_archive_changes_nothing(moved: Moved, service_folder: Path) -> None:
    bad, whole = service_folder / "bad.zip", moved.archive.read_bytes()
    middle = len(whole) // 2
    flipped = bytes([whole[middle] ^ 1])
    for content, said in (
        (whole[:-1000], "is cut off"),
        (whole[:middle] + flipped + whole[middle + 1 :], "is damaged"),
        (b"something else", "is not a backup"),
    ):
        bad.write_bytes(content)
        assert f"{bad}: {said}" in moved.old.refused("db", "restore", "--replace", str(bad))
    assert asyncio.run(candles(moved.old))
    assert moved.old.run("audit", "verify")[0] == 0


async def interrupted(home: Home, mode: str, stop: signal.Signals, *words: str) -> None:
    """Have a signal reach a command while it waits for the table of users."""
    async with home.backstage._engines.postgres() as engine, engine.connect() as connection:
        await connection.execute(text(f"LOCK TABLE users IN {mode} MODE"))
        with home.start(*words) as process:
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not await connection.scalar(waiting):
                assert process.poll() is None
                await asyncio.sleep(0.05)
            process.send_signal(stop)
            _, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_an_interrupt_leaves_everything_as_it_was(moved: Moved, service_folder: Path) -> None:
    target = service_folder / "fund.zip"
    restore = ("db", "restore", "--replace", str(moved.archive))
    asyncio.run(
        interrupted(moved.old, "ACCESS EXCLUSIVE", signal.SIGTERM, "db", "backup", str(target))
    )
    asyncio.run(interrupted(moved.old, "ACCESS SHARE", signal.SIGINT, *restore))
    assert list(service_folder.iterdir()) == []
    assert moved.old.run("audit", "verify")[0] == 0


@pytest.mark.slow
def test_a_backup_of_a_running_fund_is_whole(moved: Moved, service_folder: Path) -> None:
    running, new = home(service_folder / "running"), home(service_folder / "new")
    archives = [service_folder / f"{number}.zip" for number in range(2)]
    with running.start("demo") as fund:
        _wait_for_events(running)
        both = [running.start("db", "backup", str(archive)) for archive in archives]
        for process in both:
            with process:
                assert process.communicate(timeout=120)[1]
            assert process.returncode == 0
        assert fund.poll() is None, "the fund was too quick for this test"
        fund.send_signal(signal.SIGTERM)
        fund.communicate(timeout=60)
    assert new.run("db", "restore", str(archives[0]))[0] == 0
    code, said, err = new.run("audit", "verify")
    assert code == 0, said + err


def _wait_for_events(home: Home) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        code, out, _ = home.run("events", "tail", "-n", "1")
        if code == 0 and out.strip():
            return
    raise AssertionError("the fund did not begin")
