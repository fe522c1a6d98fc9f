"""Looking whether everything that Hedgerow would use is there and sound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hedgerow.domain.errors import InputRefused


class Standing(StrEnum):
    """How something stands: `warning` works, but not as it should; `failed` does not work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a `subject`, and what to do about it; no fix where all is well.

    Both are sentences for a person, and hold no secret.
    """

    subject: str
    standing: Standing
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a part of the installation.

    `look` changes nothing, and raises InputRefused where the part cannot be used. `fix` is what
    to do where it has not come to an end after `seconds_max`.
    """

    subject: str
    look: Callable[[], Awaitable[Sequence[Finding]]]
    seconds_max: float
    fix: str


def ok(subject: str, found: str) -> Finding:
    """All is well."""
    return Finding(subject, Standing.OK, found)


def warning(subject: str, found: str, fix: str) -> Finding:
    """It works, but not as it should."""
    return Finding(subject, Standing.WARNING, found, fix)


def failed(subject: str, found: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(subject, Standing.FAILED, found, fix)


async def examine(checks: Sequence[Check]) -> Sequence[Finding]:
    """What all checks find, in their order; they look at the same time."""
    found = await asyncio.gather(*(_carry_out(check) for check in checks))
    return [finding for findings in found for finding in findings]


async def _carry_out(check: Check) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.seconds_max):
            return await check.look()
    except InputRefused as refusal:
        return [failed(check.subject, f"{refusal.where}: {refusal.what}", refusal.fix)]
    except TimeoutError:
        late = f"did not answer within {check.seconds_max:g} s"
        return [failed(check.subject, late, check.fix)]
