"""Each event seals the one before it: nothing in the log can be changed unnoticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from hedgerow.domain.events import GENESIS_HASH, Event, EventHead, append

AT = datetime(2024, 3, 4, 12, 30, 0, 5, tzinfo=UTC)
USER, SUBJECT = UUID(int=0x11), UUID(int=0x51)


def first(**changes: Any) -> Event:
    usual: dict[str, Any] = {
        "head": EventHead(),
        "user_id": USER,
        "at": AT,
        "kind": "Abstained",
        "subject_id": SUBJECT,
        "body": {"b": "2.50", "a": {"é": [1, None, True]}},
    }
    return append(**(usual | changes))[0]


def test_a_log_begins_with_nothing_before_it() -> None:
    assert EventHead() == EventHead(0, bytes(32))
    event, head = append(EventHead(), USER, AT, "Abstained", None, {})
    assert (event.sequence, event.previous_hash) == (1, GENESIS_HASH)
    assert head == EventHead(1, event.hash)
    assert len(event.hash) == 32


def test_the_seal_is_sha256_over_the_last_seal_and_the_event_in_plain_json() -> None:
    text = (
        '["00000000-0000-0000-0000-000000000011",1,"2024-03-04T12:30:00.000005+00:00",'
        '"Abstained","00000000-0000-0000-0000-000000000051",'
        '{"a":{"\\u00e9":[1,null,true]},"b":"2.50"}]'
    )
    assert first().hash == sha256(bytes(32) + text.encode()).digest()


def test_events_follow_each_other_without_a_gap() -> None:
    head, log = EventHead(), []
    for minute in range(5):
        event, head = append(head, USER, AT + timedelta(minutes=minute), "Tick", None, {})
        log.append(event)
    assert [event.sequence for event in log] == [1, 2, 3, 4, 5]
    assert [event.previous_hash for event in log[1:]] == [event.hash for event in log[:-1]]
    assert head == EventHead(5, log[-1].hash)
    assert all(event.is_intact for event in log)


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": UUID(int=0x12)},
        {"sequence": 2},
        {"at": AT + timedelta(microseconds=1)},
        {"kind": "abstained"},
        {"subject_id": None},
        {"body": {"b": "2.5", "a": {"é": [1, None, True]}}},
        {"body": {"b": "2.50", "a": {"é": [1, None]}}},
        {"body": {}},
        {"previous_hash": bytes(31) + b"\x01"},
        {"hash": bytes(32)},
    ],
)
def test_whatever_is_changed_breaks_the_seal(change: dict[str, Any]) -> None:
    assert first().is_intact
    assert not replace(first(), **change).is_intact


def test_the_order_of_keys_and_the_clock_of_the_reader_do_not_matter() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    reordered = {"a": {"é": [1, None, True]}, "b": "2.50"}
    assert first(at=elsewhere, body=reordered).hash == first().hash


def test_two_logs_with_one_past_have_one_future() -> None:
    _, head = append(EventHead(), USER, AT, "Tick", None, {"n": 1})
    _, other = append(EventHead(), USER, AT, "Tick", None, {"n": 2})
    next_one, _ = append(head, USER, AT, "Tick", None, {})
    next_other, _ = append(other, USER, AT, "Tick", None, {})
    assert next_one.hash != next_other.hash
    assert append(head, USER, AT, "Tick", None, {})[0] == next_one
