"""The embedded ClickHouse as its front serves it, and who holds the folder."""

from __future__ import annotations

import asyncio
import gzip
import json
import stat
import sys
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import clickhouse_connect
import lz4.frame
import pytest
import urllib3
import zstandard
from clickhouse_connect.driver.client import Client

from clickhouse_engines import HOLDER
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse import opening
from hedgerow.infrastructure.clickhouse.address import Address, address_of
from hedgerow.infrastructure.clickhouse.client import EngineAway
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.front.server import Front
from hedgerow.infrastructure.clickhouse.networked import NetworkedClickHouse
from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[Address]:
    async with EmbeddedClickHouse(tmp_path / "clickhouse") as embedded:
        await embedded.execute("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        front = Front(embedded)
        front.start()
        try:
            yield front.address
        finally:
            front.stop()


def client(address: Address, **options: object) -> Client:
    return clickhouse_connect.get_client(
        host=address.host,
        port=address.port,
        username=address.user,
        password=address.password,
        **options,  # type: ignore[arg-type]
    )


def post(
    address: Address, url: str = "/", body: bytes = b"", **headers: str
) -> urllib3.BaseHTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib3.request(
        "POST", f"http://{address.host}:{address.port}{url}", body=body, headers=named
    )


def let_in(address: Address) -> dict[str, str]:
    return {"X_ClickHouse_User": address.user, "X_ClickHouse_Key": address.password}


class TestFront:
    async def test_serves_the_usual_client_with_its_sessions(self, address: Address) -> None:
        with client(address) as usual:
            usual.insert("t", [[1, "one"], [2, "two"]], column_names=["n", "s"])
            assert usual.query("SELECT * FROM t ORDER BY n").result_rows == [(1, "one"), (2, "two")]
            usual.command("SET max_block_size = 77")
            found = usual.query("SELECT getSetting('max_block_size')").result_rows
            assert found == [(77,)]
            limited = usual.query(
                "SELECT getSetting('max_threads')", settings={"max_threads": 1}
            ).result_rows
            assert limited == [(1,)]
            assert usual.ping()

    @pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
    async def test_takes_inserts_of_any_size_however_compressed(
        self, address: Address, compression: str | bool
    ) -> None:
        with client(address, compress=compression) as usual:
            usual.insert("t", [[n, "x" * 20] for n in range(50_000)], column_names=["n", "s"])
            found = usual.query("SELECT count(), sum(n), sum(length(s)) FROM t").result_rows
        assert found == [(50_000, 50_000 * 49_999 // 2, 1_000_000)]

    @pytest.mark.parametrize(
        ("encoding", "compress"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("zstd", zstandard.compress),
            ("lz4", lz4.frame.compress),
        ],
    )
    async def test_reads_each_encoding_and_refuses_what_is_damaged(
        self, address: Address, encoding: str, compress: object
    ) -> None:
        assert callable(compress)
        body = compress(b"SELECT 1")
        headers = let_in(address) | {"Content_Encoding": encoding}
        assert post(address, body=body, **headers).data == b"1\n"
        cut = post(address, body=body[:-6], **headers)
        assert (cut.status, cut.headers["X-ClickHouse-Exception-Code"]) == (400, "271")

    @pytest.mark.parametrize(
        ("url", "headers"),
        [
            ("/?compress=1", {}),
            ("/?decompress=1", {}),
            ("/?role=admin", {}),
            ("/", {"Content_Encoding": "br"}),
        ],
    )
    async def test_refuses_what_it_does_not_speak(
        self, address: Address, url: str, headers: dict[str, str]
    ) -> None:
        answer = post(address, url, b"SELECT 1", **(let_in(address) | headers))
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (501, "48")

    async def test_names_the_error_with_its_code(self, address: Address) -> None:
        answer = post(address, body=b"SELECT * FROM nowhere", **let_in(address))
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "60")
        assert answer.data.startswith(b"Code: 60. DB::Exception: ")

    @pytest.mark.parametrize("user", ["hedgerow", "default", ""])
    async def test_lets_nobody_in_without_the_password(self, address: Address, user: str) -> None:
        attempts = [
            post(address, body=b"SELECT 1"),
            post(address, f"/?user={user}&password=guess", b"SELECT 1"),
            post(address, body=b"SELECT 1", X_ClickHouse_User=user, X_ClickHouse_Key="guess"),
            post(address, body=b"SELECT 1", Authorization="Basic not base64"),
            post(address, body=b"SELECT 1", Authorization="Basic aGVkZ2Vyb3c6Z3Vlc3M="),
        ]
        for answer in attempts:
            assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")

    async def test_a_wrong_password_is_refused_in_words(self, address: Address) -> None:
        with pytest.raises(InputRefused, match="does not let user 'hedgerow' in"):
            await NetworkedClickHouse(replace(address, password="guess")).__aenter__()

    async def test_answers_while_another_statement_runs(self, address: Address) -> None:
        async with NetworkedClickHouse(address) as slow, NetworkedClickHouse(address) as quick:
            waiting = asyncio.create_task(slow.query("SELECT sleep(2)"))
            await asyncio.sleep(0.3)
            await quick.query("SELECT 1")
            assert not waiting.done()
            await waiting

    async def test_an_address_does_not_show_its_password(self, address: Address) -> None:
        assert address.password not in f"{address} {address!r}"

    async def test_nobody_there(self) -> None:
        nobody = Address("127.0.0.1", 1, "default", "")
        with pytest.raises(EngineAway) as away:
            await NetworkedClickHouse(nobody, direct=True).__aenter__()
        assert away.value.where == "http://127.0.0.1:1/"
        assert away.value.what == "ClickHouse does not answer ([Errno 111] Connection refused)"


def test_an_address_is_read_from_a_url() -> None:
    assert address_of("https://ann:p%40ss@example.org/fund") == Address(
        "example.org", 8443, "ann", "p@ss", "fund", secure=True
    )
    assert address_of("http://localhost") == Address("localhost", 8123, "default", "")


class TestHome:
    async def test_the_first_holds_the_folder_and_serves_the_second(self, tmp_path: Path) -> None:
        async with ClickHouseHome(tmp_path).open() as first:
            assert isinstance(first, EmbeddedClickHouse)
            told = tmp_path / "clickhouse.json"
            assert stat.S_IMODE(told.stat().st_mode) == 0o600
            async with ClickHouseHome(tmp_path).open() as second:
                assert isinstance(second, NetworkedClickHouse)
                found = await second.query("SELECT count() AS n FROM market_data_kline")
                assert found.to_pylist() == [{"n": 0}]
        assert not told.exists()

    async def test_what_a_killed_holder_left_misleads_nobody(self, tmp_path: Path) -> None:
        holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOLDER, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        async with ClickHouseHome(tmp_path).open() as served:
            assert isinstance(served, NetworkedClickHouse)
            holder.kill()
            await holder.wait()
            with pytest.raises(EngineAway):
                await served.query("SELECT 1")
        left = json.loads((tmp_path / "clickhouse.json").read_text(encoding="utf-8"))
        async with ClickHouseHome(tmp_path).open() as mine:
            assert isinstance(mine, EmbeddedClickHouse)
            now = json.loads((tmp_path / "clickhouse.json").read_text(encoding="utf-8"))
        assert now["password"] != left["password"]

    async def test_one_that_must_hold_it_is_refused_while_another_does(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opening, "WAIT_SECONDS", 0.2)
        async with ClickHouseHome(tmp_path).open():
            began = time.monotonic()
            with pytest.raises(InputRefused, match="another process keeps"):
                await ClickHouseHome(tmp_path).open(here=True).__aenter__()
            assert time.monotonic() - began < 5
