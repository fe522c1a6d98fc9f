"""A request to ClickHouse, taken apart: statement, data, parameters, settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from hedgerow.infrastructure.clickhouse.front.bodies import decoded
from hedgerow.infrastructure.clickhouse.front.problems import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    FrontProblem,
)

PARAMETER: Final = "param_"
# What stands in the URL beside settings. Answers come whole and uncompressed, which every client
# has to accept; progress is not told.
_ABOUT_THE_REQUEST: Final = frozenset(
    [
        "query",
        "database",
        "user",
        "password",
        "session_id",
        "session_timeout",
        "session_check",
        "query_id",
        "quota_key",
        "default_format",
        "wait_end_of_query",
        "buffer_size",
        "enable_http_compression",
        "stacktrace",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "client_protocol_version",
        "compress",
        "decompress",
        "role",
    ]
)
_SETTING_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks ClickHouse to do; parameters are escaped as ClickHouse expects them."""

    statement: bytes
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    database: str
    default_format: str
    session_id: str
    must_exist: bool
    query_id: str


async def asked_by(request: Request) -> Asked:
    """What `request` asks for; raises FrontProblem for what is not spoken here."""
    url = dict(request.query_params)
    _refuse_unspoken(url)
    data = b""
    fields: dict[str, str] = {}
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        fields = await _form(request)
    else:
        data = decoded(await request.body(), request.headers.get("content-encoding", ""))
    return Asked(
        statement=_statement(url.get("query", "") + fields.get("query", ""), data),
        parameters=_parameters((url | fields).items()),
        settings=_settings(url),
        database=request.headers.get("x-clickhouse-database", "") or url.get("database", ""),
        default_format=url.get("default_format", "TabSeparated"),
        session_id=url.get("session_id", ""),
        must_exist=url.get("session_check", "0") == "1",
        query_id=url.get("query_id", ""),
    )


def _statement(query: str, data: bytes) -> bytes:
    if not query:
        return data
    return query.encode() + b"\n" + data if data else query.encode()


def _parameters(values: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {
        name.removeprefix(PARAMETER): text for name, text in values if name.startswith(PARAMETER)
    }


def _settings(url: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in url.items():
        if name in _ABOUT_THE_REQUEST or name.startswith(PARAMETER):
            continue
        if _SETTING_NAME.fullmatch(name) is None:
            raise FrontProblem(BAD_ARGUMENTS, f"{name!r} is not the name of a setting")
        found[name] = value
    return found


def _refuse_unspoken(url: Mapping[str, str]) -> None:
    for name in ("compress", "decompress"):
        if url.get(name, "0") != "0":
            problem = f"{name}=1 is not spoken here; use Content-Encoding"
            raise FrontProblem(NOT_IMPLEMENTED, problem)
    if url.get("role"):
        raise FrontProblem(NOT_IMPLEMENTED, "the embedded ClickHouse has no roles")


async def _form(request: Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    async with request.form(max_part_size=64 * 2**20) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raise FrontProblem(NOT_IMPLEMENTED, "external data is not spoken here")
            fields[name] = value
    return fields
