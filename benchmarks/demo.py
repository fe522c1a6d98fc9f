"""How long the whole demo takes, and how much memory it needs, with all of its services.

Run it as `python -m benchmarks.demo`, with `--json` for JSON and `--runs N` for the median of
several. Each run has a data folder of its own, so the first start of both engines is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import machine

_SAMPLE_SECONDS = 0.1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--runs", type=int, default=1, help="how often (the median is shown)")
    arguments = parser.parse_args()
    runs = [measure() for _ in range(arguments.runs)]
    result = {
        "elapsed_s": round(statistics.median(run["elapsed_s"] for run in runs), 2),
        "peak_memory_mb": max(run["peak_memory_mb"] for run in runs),
        "candles": runs[0]["candles"],
        "runs": runs,
        "machine": machine(),
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(
        f"{result['elapsed_s']} s and {result['peak_memory_mb']} MB for {result['candles']} candles"
    )


def measure() -> dict[str, Any]:
    """One demo in an empty data folder, from the start of its process to its end."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-"))
    folder.chmod(0o711)
    result_file = folder / "result.json"
    command = [sys.executable, "-m", "hedgerow", "demo", "--json", str(result_file)]
    environment = os.environ | {"HEDGEROW_DATA_DIR": str(folder / "data")}
    try:
        started = time.monotonic()
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            sampler = PeakMemory(process.pid, folder)
            sampler.start()
            code = process.wait()
            elapsed_s = time.monotonic() - started
            sampler.stop()
        if code:
            raise SystemExit(f"the demo ended with exit code {code}")
        candles = json.loads(result_file.read_text(encoding="utf-8"))["candles"]
    finally:
        shutil.rmtree(folder)
    return {
        "elapsed_s": round(elapsed_s, 2),
        "peak_memory_mb": sampler.peak_bytes // 1_000_000,
        "candles": candles,
    }


class PeakMemory(threading.Thread):
    """Samples the memory of a process, its children and the services below `folder`.

    Memory that processes share is counted once, by proportional set size where the system tells.
    """

    def __init__(self, pid: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._root = psutil.Process(pid)
        self._folder = str(folder)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self._stopped.wait(_SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(self._sizes()))

    def stop(self) -> None:
        """End sampling."""
        self._stopped.set()
        self.join()

    def _sizes(self) -> Iterator[int]:
        for process in self._processes():
            with suppress(psutil.Error):
                memory = process.memory_full_info()
                yield getattr(memory, "pss", memory.rss)

    def _processes(self) -> set[psutil.Process]:
        found = {self._root}
        with suppress(psutil.Error):
            found.update(self._root.children(recursive=True))
        # PostgreSQL detaches itself: it is known by the folder it serves.
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres":
                with suppress(psutil.Error):
                    served = " ".join(process.info["cmdline"] or ())
                    if self._folder in served:
                        found.update([process, *process.children(recursive=True)])
        return found


if __name__ == "__main__":
    main()
