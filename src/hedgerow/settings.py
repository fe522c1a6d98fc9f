"""What the person who runs Hedgerow can set, each as an environment variable HEDGEROW_<NAME>."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_dir
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow.domain.errors import InputRefused

PREFIX = "HEDGEROW_"
DRIVER = "postgresql+asyncpg://"
_FIXES = {
    "data_dir": "name a folder, such as /var/lib/hedgerow",
    "postgres_url": "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it",
    "kafka_bootstrap": "write HOST:PORT, several with commas between them, or unset it",
}


def _default_data_dir() -> Path:
    # root's home must stay closed, and the embedded PostgreSQL never runs as root
    return Path("/var/lib/hedgerow") if os.geteuid() == 0 else Path(user_data_dir("hedgerow"))


def _absolute(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot contain a NUL character")
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # a home that does not exist
        raise ValueError(str(error)) from error


def _with_driver(url: SecretStr) -> SecretStr:
    scheme, separator, rest = url.get_secret_value().partition("://")
    if scheme not in {"postgresql", "postgres", "postgresql+asyncpg"} or not (separator and rest):
        raise ValueError("not the URL of a PostgreSQL database")
    return SecretStr(DRIVER + rest)


def _brokers(text: str) -> str:
    brokers = [broker.strip() for broker in text.split(",") if broker.strip()]
    for broker in brokers:
        host, _, port = broker.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{broker!r} is not the address of a Kafka broker")
    if not brokers:
        raise ValueError("no Kafka broker is named")
    return ",".join(brokers)


class Settings(BaseSettings):
    """The settings in force; an empty variable counts as unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(default_factory=_default_data_dir)
    """Everything that Hedgerow keeps on this machine; always absolute."""

    postgres_url: Annotated[SecretStr, AfterValidator(_with_driver)] | None = None
    """A PostgreSQL of one's own, with the asyncpg driver named; None means the embedded one."""

    kafka_bootstrap: Annotated[str, AfterValidator(_brokers)] | None = None
    """The brokers that events are relayed to; None means that they stay in this process."""


def load_settings() -> Settings:
    """The settings from the environment; raises InputRefused naming the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        what = first["msg"].removeprefix("Value error, ")
        # "from None": the cause would print the value, which may hold a password
        raise InputRefused(what=what, where=PREFIX + name.upper(), fix=_FIXES[name]) from None
