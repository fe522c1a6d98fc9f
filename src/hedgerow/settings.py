"""What the person who runs Hedgerow can set, each as an environment variable HEDGEROW_<NAME>."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from platformdirs import user_data_dir
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS

PREFIX = "HEDGEROW_"
DRIVER = "postgresql+asyncpg://"
_FIXES = {
    "data_dir": "name a folder, such as /var/lib/hedgerow",
    "embedder": "set it to wordllama, which needs no network, or to openai",
    "embeddings_url": "write https://HOST/v1, to which /embeddings is added, or unset it",
    "embeddings_key": "set it to the key that the service gave you, or unset it",
    "embeddings_model": "name a model of the service, such as text-embedding-3-large",
    "embeddings_dimensions": f"set it to a whole number from 1 to {EMBEDDING_DIMENSIONS}",
    "postgres_url": "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it",
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


def _service(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not the URL of an HTTP service")
    if parts.username or parts.password:
        raise ValueError("a key belongs into HEDGEROW_EMBEDDINGS_KEY, not into the URL")
    return url


class EmbedderName(StrEnum):
    """What turns text into vectors."""

    WORDLLAMA = "wordllama"
    OPENAI = "openai"


class Settings(BaseSettings):
    """The settings in force; an empty variable counts as unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(default_factory=_default_data_dir)
    """Everything that Hedgerow keeps on this machine; always absolute."""

    postgres_url: Annotated[SecretStr, AfterValidator(_with_driver)] | None = None
    """A PostgreSQL of one's own, with the asyncpg driver named; None means the embedded one."""

    embedder: EmbedderName = EmbedderName.WORDLLAMA
    """`wordllama` runs here without network or key; `openai` asks a service of that kind."""

    embeddings_url: Annotated[str, AfterValidator(_service)] = "https://api.openai.com/v1"
    """Where that service is, without `/embeddings`."""

    embeddings_key: SecretStr | None = None
    """The key of that service; None where it wants none."""

    embeddings_model: Annotated[str, Field(min_length=1)] = "text-embedding-3-large"
    """The model asked for; what another model remembered is found by words only."""

    embeddings_dimensions: Annotated[int, Field(ge=1, le=EMBEDDING_DIMENSIONS)] = (
        EMBEDDING_DIMENSIONS
    )
    """How many numbers its vectors have."""


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
