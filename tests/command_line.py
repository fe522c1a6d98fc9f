"""The command `hedgerow` as people run it: a process of its own, on a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedgerow.infrastructure.candle_files import bundled_sample
from hedgerow.infrastructure.embedded.locks import is_held
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

PROGRAM = str(Path(sys.executable).with_name("hedgerow"))
SYMBOLS = ("BNB_USDT", "SOL_USDT")
# The last 250 intervals of the bundled candles hold eight trades of these two.
FIRST, LAST = 250, 500
_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it said, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Finished:
    """A demo that has run to its end, for reading only."""

    data: Path
    said: Said
    result: dict[str, Any]


def hedgerow(*arguments: object, data: Path, **settings: str) -> Said:
    """Run a command to its end, with `settings` in its environment."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env=_environment(data, settings),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def running(*arguments: object, data: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs in a process group of its own; it is dead when the block ends."""
    with subprocess.Popen(
        [PROGRAM, *map(str, arguments)],
        env=_environment(data, settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    """Read what the process says until a line holds `text`; returns what was read."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if text in line:
            return read
    raise AssertionError(f"ended without saying {text!r}: {read}{process.communicate()[1]}")


def ended(process: subprocess.Popen[str]) -> Said:
    """The rest of what a running command says, and how it ends."""
    out, err = process.communicate(timeout=_TIMEOUT_S)
    return Said(process.returncode, out, err)


def _environment(data: Path, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEROW_")}
    return {**kept, "HEDGEROW_DATA_DIR": str(data), **settings}


def cut_candles(folder: Path, first: int = FIRST, last: int = LAST) -> Path:
    """A folder with intervals `first` to `last` of two bundled symbols, as CSV."""
    folder.mkdir()
    for symbol in SYMBOLS:
        header, *lines = (bundled_sample() / f"{symbol}.csv").read_text().splitlines()
        (folder / f"{symbol}.csv").write_text("\n".join([header, *lines[first:last]]) + "\n")
    return folder


def result_of(path: Path) -> dict[str, Any]:
    """The result that a demo wrote, without the time it took."""
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    del result["elapsed_s"]
    return result


def copied(finished: Path, target: Path) -> Path:
    """A data folder as another one is, each file with its owner."""
    subprocess.run(["cp", "-a", finished, target], check=True)
    return target


def has_server(data: Path) -> bool:
    """Whether a server process is alive on the data folder."""
    lock = data / "postgres" / "server.lock"
    return lock.exists() and is_held(lock)


def stop_services(data: Path) -> None:
    """Stop the server that a killed command has left behind."""
    if has_server(data):
        with EmbeddedPostgres(data / "postgres"):
            pass  # the last to leave stops it


def assert_clean(data: Path, context: object = "") -> None:
    """The audit finds nothing."""
    audit = hedgerow("audit", "verify", data=data)
    assert (audit.code, audit.err) == (0, ""), f"{context}\n{audit.out}{audit.err}"


def assert_refused(said: Said, *parts: str, code: int = 2) -> None:
    """One sentence on standard error that holds each of `parts`."""
    assert said.code == code, said
    assert said.err.startswith("hedgerow: "), said.err
    assert said.err.count("\n") == 1, said.err
    for part in parts:
        assert part in said.err


def lines_of(said: Said, marks: Sequence[str]) -> list[int]:
    """In which line each of `marks` stands first."""
    lines = said.out.splitlines()
    return [next(n for n, line in enumerate(lines) if mark in line) for mark in marks]
