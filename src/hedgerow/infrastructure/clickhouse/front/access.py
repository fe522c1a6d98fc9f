"""Who may ask."""

from __future__ import annotations

import base64
import binascii
import secrets

from starlette.requests import Request

from hedgerow.infrastructure.clickhouse.front.problems import AUTHENTICATION_FAILED, FrontProblem


def require_let_in(request: Request, user: str, password: str) -> None:
    """Raise FrontProblem unless the request carries `user` and `password`.

    They come as ClickHouse takes them: Basic authentication, the headers X-ClickHouse-User and
    X-ClickHouse-Key, or in the URL.
    """
    given_user, given_password = _given(request)
    # both are compared to the end, so that the time it takes tells nothing
    same_user = secrets.compare_digest(given_user.encode(), user.encode())
    same_password = secrets.compare_digest(given_password.encode(), password.encode())
    if not (same_user and same_password):
        raise FrontProblem(
            AUTHENTICATION_FAILED,
            "Authentication failed: password is incorrect, or there is no user with such name. "
            "(AUTHENTICATION_FAILED)",
        )


def _given(request: Request) -> tuple[str, str]:
    headers = request.headers
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        user, _, password = _from_base64(token).partition(":")
        return user, password
    return request.query_params.get("user", "default"), request.query_params.get("password", "")


def _from_base64(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""  # nobody's user and password
