"""Why a model gave no answer, without a word that could hold a key.

Providers' errors carry requests, headers and answers that repeat keys. They end at this wall: what
goes on is a value, and what is raised of it is raised outside of any `except`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx2

from hedgerow.domain.errors import InvalidValue
from hedgerow.usecases.pauses import retry_after_s

STUMBLES: Final = (AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""What adapters raise over an answer that is not what the protocol says."""
_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_PASSING: Final = frozenset({408, 409, 425, 429})
# whoever stands before the model has given up on it; it may have worked all the same
_GIVEN_UP: Final = frozenset({408, 504, 524})
_DENIED: Final = frozenset({401, 403})
_REASONS: Final = {
    400: "it does not take this request",
    402: "its account has no credit left",
    404: "it has no such model",
    413: "the request is too long for it",
    429: "too many requests",
    529: "it is overloaded",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer; `is_passing` where another attempt may get one.

    `retry_after_s` is what the provider asks to wait, in seconds. `may_be_charged` where the model
    may have worked on an answer that never came, or could not be read.
    """

    problem: str
    is_passing: bool
    retry_after_s: float = 0.0
    may_be_charged: bool = False


def of_status(status: int, headers: Mapping[str, str], key_setting: str) -> Fault:
    """What an answer with this HTTP status means; `key_setting` names where its key comes from."""
    if status in _DENIED:
        return Fault(f"answered {status}: {key_setting} is not a key that may use it", False)
    reason = _REASONS.get(status)
    problem = f"answered {status}: {reason}" if reason else f"answered {status}"
    is_passing = status in _PASSING or status >= 500
    return Fault(problem, is_passing, _wanted_s(headers), may_be_charged=status in _GIVEN_UP)


def unsayable(error: InvalidValue) -> Fault:
    """What the model's own protocol has no words for: it was not sent."""
    return Fault(f"cannot be asked this ({error.field})", is_passing=False)


def late(seconds: float) -> Fault:
    """Nothing came in time."""
    return Fault(f"did not answer within {seconds:g} s", is_passing=True, may_be_charged=True)


def unreachable(error: Exception) -> Fault:
    """No connection, or one that ended in the middle of an answer."""
    # a client's own error is caused by that of the connection
    was_sent = not any(isinstance(each, _NEVER_SENT) for each in (error, error.__cause__))
    problem = f"cannot be reached ({type(error).__name__})"
    return Fault(problem, is_passing=True, may_be_charged=was_sent)


def unreadable(error: Exception) -> Fault:
    """An answer that is not what the protocol says; its text is not repeated."""
    problem = f"answered with what cannot be read ({type(error).__name__})"
    return Fault(problem, is_passing=True, may_be_charged=True)


def _wanted_s(headers: Mapping[str, str]) -> float:
    milliseconds = retry_after_s(headers.get("retry-after-ms"), datetime.now(UTC)) / 1000.0
    return milliseconds or retry_after_s(headers.get("retry-after"), datetime.now(UTC))
