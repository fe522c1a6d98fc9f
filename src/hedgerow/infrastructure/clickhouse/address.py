"""Where a ClickHouse listens for HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

_PORT: Final = 8123
_SECURE_PORT: Final = 8443


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ClickHouse listens for HTTP, and who comes; an empty database means the user's."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = ""
    secure: bool = False

    def __str__(self) -> str:
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.host}:{self.port}/{self.database}"


def address_of(url: str) -> Address:
    """The address in `http://USER:PASSWORD@HOST:PORT/DATABASE`; `https` is secure."""
    parts = urlsplit(url)
    assert parts.hostname is not None, "settings refuse a URL without host"
    secure = parts.scheme == "https"
    return Address(
        host=parts.hostname,
        port=parts.port or (_SECURE_PORT if secure else _PORT),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.strip("/")),
        secure=secure,
    )
