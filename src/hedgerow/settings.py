"""What the person who runs Hedgerow can set, each as an environment variable HEDGEROW_<NAME>."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from platformdirs import user_data_dir
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow.domain.ai_usage import (
    HOUSE,
    AIProvider,
    ai_provider,
    model_chain,
    model_choice,
    models_by_agent,
)
from hedgerow.domain.errors import InputRefused, InvalidValue, value_in_words
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS
from hedgerow.domain.secrets import Secret

PREFIX = "HEDGEROW_"
DRIVER = "postgresql+asyncpg://"
_FIXES = {
    "data_dir": "name a folder, such as /var/lib/hedgerow",
    "embedder": "set it to wordllama, which needs no network, or to openai",
    "embeddings_url": "write https://HOST/v1, to which /embeddings is added, or unset it",
    "embeddings_key": "set it to the key that the service gave you, or unset it",
    "embeddings_model": "name a model of the service, such as text-embedding-3-large",
    "embeddings_dimensions": f"set it to a whole number from 1 to {EMBEDDING_DIMENSIONS}",
    **dict.fromkeys(
        ("anthropic_api_key", "openai_api_key", "google_api_key", "deepseek_api_key"),
        "set it to the key that the provider gave you, or unset it",
    ),
    "compatible_url": "write https://HOST/v1, to which /chat/completions is added, or unset it",
    "compatible_api_key": "set it to the key that the server wants, or unset it",
    "ai_provider": "set it to anthropic, openai, google, deepseek, compatible, or house",
    "ai_model": "name one model of that provider",
    "model_fallbacks": "write PROVIDER/MODEL, several with commas between them, or unset it",
    "agent_models": "write AGENT=PROVIDER/MODEL, several with commas between them, or unset it",
    "cheaper_model": "write PROVIDER/MODEL, or unset it",
    "desk_interval_minutes": "set it to a whole number of minutes from 1 to 43200, or unset it",
    "desk_deadline_s": "set it to a number of seconds from 1 to 86400",
    "research_budget_usd": "set it to US dollars, 0 or more, or unset it",
    "model_timeout_s": "set it to a number of seconds from 1 to 3600",
    "postgres_url": "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it",
    "clickhouse_url": "write http://USER:PASSWORD@HOST:PORT/DATABASE (or https://), or unset it",
    "news_feeds": "write https://HOST/PATH, several with commas between them, or unset it",
    "kafka_bootstrap": "write HOST:PORT, several with commas between them, or unset it",
    "regime_models": "name versions that `hedgerow regimes models` lists, one per timeframe",
    "redis_url": "write redis://:PASSWORD@HOST:PORT/NUMBER, rediss:// or unix://PATH, or unset it",
}
_DAYS_FIX = "give a whole number of days, 1 to 36500, or unset it"


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


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or brackets around no address
        return False


def _over_http(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text.partition("://")[0] not in {"http", "https"} or not _has_host(text):
        raise ValueError("not the URL of a ClickHouse over HTTP")
    return url


Days = Annotated[int, Field(ge=1, le=36_500)]


def _brokers(text: str) -> str:
    brokers = [broker.strip() for broker in text.split(",") if broker.strip()]
    for number, broker in enumerate(brokers, start=1):
        host, _, port = broker.rpartition(":")
        is_plain = host and not {"/", "@"} & set(host)
        if not is_plain or not port.isdecimal() or not 0 < int(port) < 65536:
            # not repeated: it may be the URL of something else, with a password
            raise ValueError(f"number {number} is not the address of a Kafka broker")
    if not brokers:
        raise ValueError("no Kafka broker is named")
    return ",".join(brokers)


def _redis(url: SecretStr) -> SecretStr:
    scheme, separator, rest = url.get_secret_value().partition("://")
    if scheme not in {"redis", "rediss", "unix"} or not (separator and rest):
        raise ValueError("not the URL of a Redis server")
    if scheme != "unix" and not _has_host(url.get_secret_value()):
        raise ValueError("not the URL of a Redis server")
    return url


def _service(url: str, key_setting: str = "HEDGEROW_EMBEDDINGS_KEY") -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not _has_host(url):
        raise ValueError("not the URL of an HTTP service")
    if parts.username or parts.password:
        raise ValueError(f"a key belongs into {key_setting}, not into the URL")
    return url


def _model_server(url: str) -> str:
    return _service(url, "HEDGEROW_COMPATIBLE_API_KEY")


def _api_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value().strip()
    # it goes into a header, whose own complaint would repeat it
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("not a key: a key has no spaces, line breaks or accents")
    return SecretStr(text)


def _provider(text: str) -> AIProvider:
    try:
        return ai_provider(text)
    except InvalidValue as error:
        raise ValueError("not a provider of models") from error


def _fallbacks(text: str) -> str:
    try:
        chain = model_chain(text)
    except InvalidValue as error:
        raise ValueError("not a list of models, each with its provider") from error
    if not chain or HOUSE in chain:
        raise ValueError("names no model that could be asked")
    return ",".join(map(str, chain))


ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]


def _feeds(text: str) -> str:
    urls = [url.strip() for url in text.split(",") if url.strip()]
    for number, url in enumerate(urls, start=1):
        # not repeated: there may be a token in it
        if url.partition("://")[0] not in {"http", "https"} or not _has_host(url):
            raise ValueError(f"number {number} is not the URL of a feed")
        if "@" in urlsplit(url).netloc:
            raise ValueError(f"number {number} has a user or a password in it")
    if not urls:
        raise ValueError("no feed is named")
    return ",".join(dict.fromkeys(urls))


_REGIME_MODEL = re.compile(r"regime_model_(1m|5m|15m|1h|4h|1d)_v[1-9][0-9]{0,5}")


def _models(text: str) -> str:
    versions = [version.strip() for version in text.split(",") if version.strip()]
    names = [_REGIME_MODEL.fullmatch(version) for version in versions]
    for version, name in zip(versions, names, strict=True):
        if name is None:
            raise ValueError(f"{version!r} is not the name of a regime model")
    if not versions or len({name[1] for name in names if name}) < len(versions):
        raise ValueError("not one regime model per timeframe")
    return ",".join(versions)


def _agent_models(text: str) -> str:
    try:
        models_by_agent(text)
    except InvalidValue as error:
        raise ValueError(value_in_words(error)) from error
    return text


def _one_model(text: str) -> str:
    try:
        chain = model_chain(text)
    except InvalidValue as error:
        raise ValueError(value_in_words(error)) from error
    if len(chain) != 1:
        raise ValueError("not one model")
    return text


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

    clickhouse_url: Annotated[SecretStr, AfterValidator(_over_http)] | None = None
    """A ClickHouse of one's own, over HTTP or HTTPS; None means the embedded one."""

    candles_retention_days: Days | None = None
    """How long candles are kept after they opened, and those made of them; None means for ever."""

    ticks_retention_days: Days | None = None
    """How long ticks are kept; None means for ever."""

    orderbook_retention_days: Days | None = None
    """How long snapshots of order books are kept; None means for ever."""

    trades_retention_days: Days | None = None
    """How long the trades of everybody are kept; None means for ever."""

    derivatives_retention_days: Days | None = None
    """How long funding and open interest of futures are kept; None means for ever."""

    news_retention_days: Days | None = None
    """How long news is kept after it was first seen; None means for ever."""

    ai_usage_retention_days: Days | None = None
    """How long calls of models are kept, their sums for ever; None means for ever too."""

    news_feeds: Annotated[str, AfterValidator(_feeds)] | None = None
    """RSS and Atom feeds that news is fetched from, URLs between commas; None means no news."""

    kafka_bootstrap: Annotated[str, AfterValidator(_brokers)] | None = None
    """The brokers that events are relayed to; None means that they stay in this process."""
    redis_url: Annotated[SecretStr, AfterValidator(_redis)] | None = None
    """A Redis of one's own, 6.2 or later; None means the embedded one."""

    vault_key: SecretStr | None = None
    """Keys of the vault, 32 bytes in base64 each, the newest first, between commas."""

    vault_key_command: SecretStr | None = None
    """A command whose output is the keys of the vault, one to a line, the newest first."""
    embedder: EmbedderName = EmbedderName.WORDLLAMA
    """`wordllama` runs here without network or key; `openai` asks a service of that kind."""

    embeddings_url: Annotated[str, AfterValidator(_service)] = "https://api.openai.com/v1"
    """Where that service is, without `/embeddings`."""

    embeddings_key: SecretStr | None = None
    """The key of that service; None where it wants none."""

    embeddings_model: Annotated[str, Field(min_length=1)] = "text-embedding-3-large"
    """The model asked for; what another model remembered is found by words only."""

    ai_provider: Annotated[AIProvider, BeforeValidator(_provider)] = AIProvider.HOUSE
    """Who runs the model that a desk asks, unless a user's settings say otherwise."""

    ai_model: Annotated[str, Field(min_length=1)] | None = None
    """That model; the house needs none."""

    model_fallbacks: Annotated[str, AfterValidator(_fallbacks)] | None = None
    """Models asked in turn where that one gives no answer, as provider/model between commas."""

    agent_models: Annotated[str, AfterValidator(_agent_models)] | None = None
    """Models of single agents, whatever the user's is, as agent=provider/model between commas."""

    cheaper_model: Annotated[str, AfterValidator(_one_model)] | None = None
    """The model that is asked instead from 80 % of a user's month on, as provider/model."""

    desk_interval_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None
    """How much time lies at least between two meetings on a symbol; None means one candle."""

    desk_deadline_s: Annotated[float, Field(ge=1.0, le=86_400.0)] = 300.0
    """How long a meeting may take, in seconds; who has not spoken by then abstains."""

    research_budget_usd: Annotated[Decimal, Field(ge=0)] | None = None
    """What the research that all users share may cost in a month; None means no limit."""

    model_timeout_s: Annotated[float, Field(ge=1.0, le=3600.0)] = 120.0
    """How long a model may take for an answer, in seconds."""

    anthropic_api_key: ApiKey | None = None
    """The key of Anthropic; None where its models are not asked, as below."""

    openai_api_key: ApiKey | None = None
    """The key of OpenAI."""

    google_api_key: ApiKey | None = None
    """The key of Google's Gemini API."""

    deepseek_api_key: ApiKey | None = None
    """The key of DeepSeek."""

    compatible_url: Annotated[str, AfterValidator(_model_server)] | None = None
    """A server that speaks OpenAI's chat completions, without `/chat/completions`."""

    compatible_api_key: ApiKey | None = None
    """The key of that server; None where it wants none."""

    regime_models: Annotated[str, AfterValidator(_models)] | None = None
    """Versions of learned regime models, one per timeframe; None means the rules alone."""

    embeddings_dimensions: Annotated[int, Field(ge=1, le=EMBEDDING_DIMENSIONS)] = (
        EMBEDDING_DIMENSIONS
    )
    """How many numbers its vectors have."""


def load_settings() -> Settings:
    """The settings from the environment; raises InputRefused naming the variable that is wrong."""
    settings, refusals = examine_settings()
    if refusals:
        raise refusals[0]
    return settings


def examine_settings() -> tuple[Settings, Sequence[InputRefused]]:
    """The settings from the environment with the default in place of each wrong one, and these."""
    refusals: list[InputRefused] = []
    wrong: list[str] = []
    try:
        settings = Settings()
    except ValidationError as error:
        # the error itself would print the values, which may hold passwords
        for each in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(each["loc"][0])
            what = each["msg"].removeprefix("Value error, ")
            fix = _FIXES.get(name, _DAYS_FIX)
            refusals.append(InputRefused(what, PREFIX + name.upper(), fix))
            wrong.append(name)
    if wrong:
        fields = Settings.model_fields
        # what is given here goes before the environment
        settings = Settings(
            **{name: fields[name].get_default(call_default_factory=True) for name in wrong}
        )
    if settings.vault_key is not None and settings.vault_key_command is not None:
        refusals.append(
            InputRefused(
                what="the keys of the vault can come from one place only",
                where=f"{PREFIX}VAULT_KEY and {PREFIX}VAULT_KEY_COMMAND",
                fix="unset one of them",
            )
        )
    refusals += _model_missing(settings)
    return settings, refusals


def _model_missing(settings: Settings) -> Sequence[InputRefused]:
    if settings.ai_provider is AIProvider.HOUSE:
        return ()
    try:
        model_choice(settings.ai_provider, settings.ai_model)
    except InvalidValue:
        what = f"{settings.ai_provider} runs several models, and none of them is named"
        return [InputRefused(what, f"{PREFIX}AI_MODEL", _FIXES["ai_model"])]
    return ()


def secret_of(value: SecretStr | None) -> Secret | None:
    """A secret setting as the rest of Hedgerow holds it."""
    return None if value is None else Secret(value.get_secret_value())


def setting_names() -> Sequence[str]:
    """The environment variables that mean something here."""
    return [PREFIX + name.upper() for name in Settings.model_fields]
