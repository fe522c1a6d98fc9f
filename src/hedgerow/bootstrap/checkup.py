"""Which looks `hedgerow doctor` takes, by the settings in force."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, assert_never

from hedgerow.bootstrap.models import look_at_models
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded import checks as embedded
from hedgerow.infrastructure.embedded.data_folder import ELSEWHERE, Places
from hedgerow.settings import (
    PREFIX,
    EmbedderName,
    Settings,
    examine_settings,
    secret_of,
    setting_names,
)
from hedgerow.usecases.check_embedder import look_at_embedder
from hedgerow.usecases.checks import Check, Finding, failed, ok, warning
from hedgerow.usecases.ports.desk import Embedder

Look = Callable[[], Awaitable[Sequence[Finding]]]
_SERVER_SECONDS_MAX: Final = 10.0
# an embedded engine may have to recover from a power cut first, or the machine be busy
_EMBEDDED_SECONDS_MAX: Final = 150.0
# a command for the vault's keys is given a minute
_KEYS_SECONDS_MAX: Final = 70.0
_MODELS: Final = (
    *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY", "DEEPSEEK_API_KEY"),
    *("COMPATIBLE_URL", "COMPATIBLE_API_KEY", "AI_PROVIDER", "AI_MODEL", "MODEL_FALLBACKS"),
)


def checks_to_make() -> Sequence[Check]:
    """All of them; those that depend on a wrong setting say so instead of looking."""
    settings, refusals = examine_settings()
    wrong = {name for refusal in refusals for name in refusal.where.split(" and ")}

    async def look_at_settings() -> Sequence[Finding]:
        return [*_refused(refusals), *_unknown()] or [_valid()]

    checks = [Check("settings", look_at_settings, _SERVER_SECONDS_MAX, "run it again")]
    looks = _Looks(settings, Places(settings.data_dir))
    for part in _parts(settings, looks):
        hindered = sorted(wrong & {PREFIX + name for name in part.settings})
        look = _not_looked(part.subject, hindered) if hindered else part.look
        checks.append(Check(part.subject, look, part.seconds_max, part.fix))
    return checks


@dataclass(frozen=True, slots=True)
class _Part:
    """A look, and the settings (without prefix) that it cannot do without."""

    subject: str
    look: Look
    settings: Sequence[str]
    seconds_max: float
    fix: str


def _parts(settings: Settings, looks: _Looks) -> Sequence[_Part]:
    def server(subject: str, look: Look, is_own: bool, *names: str) -> _Part:
        longest = _SERVER_SECONDS_MAX if is_own else _EMBEDDED_SECONDS_MAX
        fix = f"see that it runs and that no firewall is in the way; {PREFIX}{names[0]} names it"
        return _Part(subject, look, names if is_own else (*names, "DATA_DIR"), longest, fix)

    has_postgres = settings.postgres_url is not None
    has_clickhouse = settings.clickhouse_url is not None
    has_redis = settings.redis_url is not None
    parts = [
        _Part("data folder", looks.folder, ("DATA_DIR",), _SERVER_SECONDS_MAX, ELSEWHERE),
        server("postgresql", looks.postgres, has_postgres, "POSTGRES_URL"),
        server("clickhouse", looks.clickhouse, has_clickhouse, "CLICKHOUSE_URL"),
        server("redis", looks.redis, has_redis, "REDIS_URL"),
        _Part(
            "vault",
            looks.vault,
            ("DATA_DIR", "VAULT_KEY", "VAULT_KEY_COMMAND"),
            _KEYS_SECONDS_MAX,
            f"run the command of {PREFIX}VAULT_KEY_COMMAND by hand",
        ),
        _Part(
            "embedder",
            looks.embedder,
            ("EMBEDDER", "EMBEDDINGS_URL", "EMBEDDINGS_MODEL", "EMBEDDINGS_DIMENSIONS"),
            _EMBEDDED_SECONDS_MAX,
            f"set {PREFIX}EMBEDDER to another one",
        ),
        _Part("models", looks.models, _MODELS, _EMBEDDED_SECONDS_MAX, "try again later"),
    ]
    if settings.kafka_bootstrap is not None:
        parts.insert(4, server("kafka", looks.kafka, True, "KAFKA_BOOTSTRAP"))
    return parts


class _Looks:
    """A look at each part; drawers are imported when they are used."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self._settings = settings
        self._places = places

    async def folder(self) -> Sequence[Finding]:
        return await asyncio.to_thread(embedded.look_at_folder, self._places)

    async def postgres(self) -> Sequence[Finding]:
        from hedgerow.infrastructure.postgres.checks import look_at_postgres

        if self._settings.postgres_url is not None:
            return await look_at_postgres(self._settings.postgres_url.get_secret_value())
        if not await asyncio.to_thread(embedded.postgres_exists, self._places):
            return embedded.postgres_to_come()
        from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

        with ExitStack() as stack:
            server = EmbeddedPostgres(self._places.postgres)
            await asyncio.to_thread(stack.enter_context, server)
            return await look_at_postgres(server.url)

    async def clickhouse(self) -> Sequence[Finding]:
        from hedgerow.infrastructure.clickhouse.checks import look_at_embedded, look_at_server

        if self._settings.clickhouse_url is not None:
            return await look_at_server(self._settings.clickhouse_url.get_secret_value())
        embedded.require_access(self._places)
        return await look_at_embedded(self._places.path)

    async def redis(self) -> Sequence[Finding]:
        from hedgerow.infrastructure.redis.checks import look_at_redis

        if self._settings.redis_url is not None:
            return await look_at_redis(self._settings.redis_url.get_secret_value())
        if not embedded.redis_is_running(self._places):
            return await asyncio.to_thread(embedded.look_at_redis_program)
        from hedgerow.infrastructure.embedded.redis import EmbeddedRedis

        with EmbeddedRedis(self._places.redis) as server:
            return await look_at_redis(server.url)

    async def kafka(self) -> Sequence[Finding]:
        from hedgerow.infrastructure.kafka.checks import look_at_kafka

        assert self._settings.kafka_bootstrap is not None, "only looked at where it is set"
        return await look_at_kafka(self._settings.kafka_bootstrap)

    async def vault(self) -> Sequence[Finding]:
        from hedgerow.infrastructure.vault.checks import look_at_keys
        from hedgerow.infrastructure.vault.key_sources import key_sources

        embedded.require_access(self._places)
        given = secret_of(self._settings.vault_key)
        command = secret_of(self._settings.vault_key_command)
        sources = key_sources(self._places.vault_keys, given, command)
        return await asyncio.to_thread(look_at_keys, sources)

    async def embedder(self) -> Sequence[Finding]:
        match self._settings.embedder:
            case EmbedderName.WORDLLAMA:
                return await look_at_embedder(await asyncio.to_thread(_wordllama))
            case EmbedderName.OPENAI:
                return await _look_at_service(self._settings)
            case _:
                assert_never(self._settings.embedder)

    async def models(self) -> Sequence[Finding]:
        return await look_at_models(self._settings)


def _wordllama() -> Embedder:
    from hedgerow.infrastructure.embedders import WordLlamaEmbedder

    return WordLlamaEmbedder()


async def _look_at_service(settings: Settings) -> Sequence[Finding]:
    from hedgerow.infrastructure.openai_embedder import EmbeddingService, OpenAIEmbedder, Patience

    service = EmbeddingService(
        url=settings.embeddings_url,
        model=settings.embeddings_model,
        dimensions=settings.embeddings_dimensions,
        key=settings.embeddings_key,
    )
    once = Patience(attempts=1, timeout_s=_SERVER_SECONDS_MAX - 1)
    async with OpenAIEmbedder(service, once) as embedder:
        return await look_at_embedder(embedder)


def _refused(refusals: Sequence[InputRefused]) -> Sequence[Finding]:
    return [failed("settings", f"{each.where}: {each.what}", each.fix) for each in refusals]


def _unknown() -> Sequence[Finding]:
    """Variables that look like settings and are none: most often a slip of the pen."""
    known = setting_names()
    findings = []
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            close = get_close_matches(name.upper(), known, n=1)
            fix = f"rename it to {close[0]}, or unset it" if close else "unset it"
            findings.append(warning("settings", f"{name} is not a setting, and is ignored", fix))
    return findings


def _valid() -> Finding:
    known = setting_names()
    given = sorted(name for name in os.environ if name.upper() in known and os.environ[name])
    if not given:
        return ok("settings", "none is set: everything runs embedded")
    return ok("settings", f"all are valid; set: {', '.join(given)}")


def _not_looked(subject: str, hindered: Sequence[str]) -> Look:
    async def look() -> Sequence[Finding]:
        names = " and ".join(hindered)
        return [warning(subject, f"not checked: {names} cannot be used", f"correct {names} first")]

    return look
