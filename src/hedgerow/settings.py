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
    "redis_url": "write redis://:PASSWORD@HOST:PORT/NUMBER, rediss:// or unix://PATH, or unset it",
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


def _redis(url: SecretStr) -> SecretStr:
    scheme, separator, rest = url.get_secret_value().partition("://")
    if scheme not in {"redis", "rediss", "unix"} or not (separator and rest):
        raise ValueError("not the URL of a Redis server")
    return url


class Settings(BaseSettings):
    """The settings in force; an empty variable counts as unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(default_factory=_default_data_dir)
    """Everything that Hedgerow keeps on this machine; always absolute."""

    postgres_url: Annotated[SecretStr, AfterValidator(_with_driver)] | None = None
    """A PostgreSQL of one's own, with the asyncpg driver named; None means the embedded one."""

    redis_url: Annotated[SecretStr, AfterValidator(_redis)] | None = None
    """A Redis of one's own, 6.2 or later; None means the embedded one."""

    vault_key: SecretStr | None = None
    """Keys of the vault, 32 bytes in base64 each, the newest first, between commas."""

    vault_key_command: SecretStr | None = None
    """A command whose output is the keys of the vault, one to a line, the newest first."""


def load_settings() -> Settings:
    """The settings from the environment; raises InputRefused naming the variable that is wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        what = first["msg"].removeprefix("Value error, ")
        # "from None": the cause would print the value, which may hold a password
        raise InputRefused(what=what, where=PREFIX + name.upper(), fix=_FIXES[name]) from None
    if settings.vault_key is not None and settings.vault_key_command is not None:
        raise InputRefused(
            what="the keys of the vault can come from one place only",
            where=f"{PREFIX}VAULT_KEY and {PREFIX}VAULT_KEY_COMMAND",
            fix="unset one of them",
        )
    return settings
