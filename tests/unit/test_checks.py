"""Checks that look at the same time, each for as long as it may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from builders import NOON
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.postgres.checks import compare_clocks
from hedgerow.usecases.checks import Check, Finding, Standing, examine, failed, ok

SECOND = timedelta(seconds=1)


def check(subject: str, seconds: float = 0.0, seconds_max: float = 5.0) -> Check:
    async def look() -> Sequence[Finding]:
        await asyncio.sleep(seconds)
        return [ok(subject, "well")]

    return Check(subject, look, seconds_max, "start it")


async def test_what_does_not_end_is_told_and_holds_up_nobody() -> None:
    checks = [check("slow", seconds=30, seconds_max=0.1), check("quick")]
    async with asyncio.timeout(5):
        found = await examine(checks)
    assert found == [failed("slow", "did not answer within 0.1 s", "start it"), ok("quick", "well")]


async def test_a_refusal_is_a_finding() -> None:
    async def look() -> Sequence[Finding]:
        raise InputRefused("is too old", "HEDGEROW_REDIS_URL", "use another")

    found = await examine([Check("redis", look, 5, "")])
    assert found == [failed("redis", "HEDGEROW_REDIS_URL: is too old", "use another")]


async def test_a_bug_is_no_finding() -> None:
    async def look() -> Sequence[Finding]:
        raise AssertionError("never")

    with pytest.raises(AssertionError):
        await examine([Check("redis", look, 5, "")])


@pytest.mark.parametrize(
    ("drift", "standing"),
    [
        (timedelta(0), Standing.OK),
        (-3 * SECOND, Standing.WARNING),
        (4 * SECOND, Standing.WARNING),
        (-90 * SECOND, Standing.FAILED),
        (91 * SECOND, Standing.FAILED),
    ],
)
def test_clocks_are_compared(drift: timedelta, standing: Standing) -> None:
    assert compare_clocks(NOON, NOON + drift, NOON + SECOND).standing is standing


def test_the_time_that_the_answer_took_is_no_drift() -> None:
    assert compare_clocks(NOON, NOON + 5 * SECOND, NOON + 9 * SECOND).standing is Standing.OK
