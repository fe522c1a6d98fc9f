"""What a PostgreSQL server tells about itself: its pid file, and the reason why it stopped."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hedgerow.infrastructure.embedded.socket_folder import SOCKET

_SEVERE = re.compile(r"(?:FATAL|PANIC|ERROR|error|fatal):\s+(.*)")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The contents of `postmaster.pid`; the process named may be long gone."""

    pid: int
    socket_folder: Path
    is_ready: bool

    @classmethod
    def read(cls, data: Path) -> Self | None:
        """The server of the data folder, or None where it has not written (all of) its file."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            pid, folder, status = int(lines[0]), lines[4].strip(), lines[7].strip()
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return cls(pid=pid, socket_folder=Path(folder), is_ready=status == "ready")

    def answers(self) -> bool:
        """Whether somebody accepts connections on the socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(str(self.socket_folder / SOCKET))
            except OSError:
                return False
        return True


def reason_in(output: str) -> str:
    """The last severe message in what PostgreSQL said, or else its last line."""
    messages = _SEVERE.findall(output)
    if messages:
        return str(messages[-1]).strip()
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else "it ended without a word"
