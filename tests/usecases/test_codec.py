"""What is written to JSON comes back as it was, and its seal holds in the database's own form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import hypothesis
import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, cast, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import digits, proposal, reproducible
from hedgerow.domain.events import EventHead, append
from hedgerow.domain.ledger import Account, LedgerEntry, Transfer, TransferReason
from hedgerow.domain.messages import (
    BudgetUsed,
    DecisionMade,
    Fact,
    IntervalClosed,
    KillSwitchPulled,
    PriceMoved,
    ProposalApproved,
    VenueMessage,
    Wish,
)
from hedgerow.domain.orders import Fill, OrderType
from hedgerow.domain.proposals import Abstention, Decision, Proposal, StopProposal
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.facts import append_fact

FACTS: tuple[type[Any], ...] = get_args(Fact)
DECISIONS: tuple[type[Any], ...] = get_args(Decision)
MESSAGES: tuple[type[Any], ...] = (
    PriceMoved,
    IntervalClosed,
    ProposalApproved,
    KillSwitchPulled,
    BudgetUsed,
    *get_args(VenueMessage),
)
RECORDS = (*FACTS, *get_args(Wish), *MESSAGES, *DECISIONS)

# PostgreSQL keeps every text but the one character that ends its own.
texts = st.text(max_size=20).map(lambda text: text.replace("\x00", ""))
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
positive = st.decimals(min_value=Decimal("0.00000001"), max_value=10**9)
reasons = texts.map(lambda text: f"because {text}")
times = st.integers(0, 2_000_000_000_000_000).map(
    lambda micros: datetime(2017, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)

PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(-(2**40), 2**40),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    Decimal: numbers,
    UUID: st.uuids(),
    datetime: times,
    date: st.dates(),
}


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """A transfer whose lines sum to zero, as they must."""
    amount = draw(numbers)
    lines = (LedgerEntry(Account.CASH, "USDT", amount), LedgerEntry(Account.FEES, "USDT", -amount))
    made = {name: draw(values(kind)) for name, kind in get_type_hints(Transfer).items()}
    return Transfer(**(made | {"entries": lines, "reason": draw(values(TransferReason))}))


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Anything of a type."""
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is Transfer:
        return transfers()
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType or type(None) in arguments:
        return st.one_of(*(st.none() if a is type(None) else values(a) for a in arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is not None:
        return st.dictionaries(texts, texts, max_size=3)
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    assert is_dataclass(kind), kind
    bounds: dict[str, st.SearchStrategy[Any]] = {}
    if kind is Fill:
        bounds = {"price": positive, "quantity": positive}
    if kind is StopProposal:
        bounds = {"stop_loss_price": positive}
    if kind is Proposal:
        bounds = dict.fromkeys(("entry_price", "stop_loss_price", "take_profit_price"), positive)
        bounds["reasoning"] = reasons
        bounds["size_ratio"] = st.decimals(Decimal("0.0001"), 1)
        bounds["confidence"] = st.floats(0, 1)
        bounds["entry_type"] = st.sampled_from((OrderType.MARKET, OrderType.LIMIT))
    hints = get_type_hints(kind)
    given_values = {
        each.name: bounds.get(each.name, values(hints[each.name])) for each in fields(kind)
    }
    return st.builds(kind, **given_values)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_as_it_was_to_the_last_digit(kind: type[Any]) -> None:
    @hypothesis.settings(reproducible, max_examples=30)
    @given(values(kind))
    def check(record: Any) -> None:
        document = simplejson.loads(simplejson.dumps(encode(record)), use_decimal=True)
        again = decode(kind, document)
        assert again == record
        assert type(again) is kind
        assert digits(again) == digits(record)
        assert encode(again) == encode(record)

    check()


@pytest.mark.parametrize("decision", [proposal(), Abstention("BTC/USDT", "no", "me")])
def test_a_decision_is_written_as_what_it_is(decision: Proposal | Abstention) -> None:
    written = encode(DecisionMade(UUID(int=1), decision))
    assert written["trading_pair_id"] == str(UUID(int=1))
    assert decode(type(decision), written["decision"]) == decision


async def test_the_seal_of_every_fact_holds_in_the_database(database: AsyncEngine) -> None:
    found: list[Any] = []

    @hypothesis.settings(reproducible, max_examples=8)
    @given(st.tuples(*(values(kind) for kind in FACTS)))
    def collect(facts: tuple[Any, ...]) -> None:
        found.extend(facts)

    collect()
    assert {type(fact) for fact in found} == set(FACTS)
    head, user_id, at = EventHead(), UUID(int=7), datetime(2024, 3, 4, tzinfo=UTC)
    async with database.connect() as connection:
        for fact in found:
            event, head = append_fact(head, user_id, at, fact)
            stored = await connection.scalar(select(cast(literal(event.body, JSON), JSONB)))
            assert stored == event.body
            again, _ = append(
                EventHead(event.sequence - 1, event.previous_hash),
                user_id,
                at,
                event.kind,
                event.schema_version,
                event.subject_id,
                stored,
            )
            assert again.hash == event.hash


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-9"), "0.000000001"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (True, True),
        (3, 3),
        (None, None),
        (OrderType.STOP_MARKET, "stop_market"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (
            datetime(2024, 3, 4, 14, tzinfo=timezone(timedelta(hours=2))),
            "2024-03-04T12:00:00+00:00",
        ),
        (date(2024, 3, 1), "2024-03-01"),
        ((Decimal(1), [2, "3"]), ["1", [2, "3"]]),
        ({OrderType.LIMIT: Decimal("2.0")}, {"limit": "2.0"}),
        ({"b", "a"}, ["a", "b"]),
    ],
)
def test_numbers_travel_as_text(value: object, written: object) -> None:
    assert encode(value) == written
    assert type(encode(value)) is type(written)


def test_floats_keep_every_bit() -> None:
    @dataclass(frozen=True)
    class Measured:
        value: float

    for value in (0.1 + 0.2, math.pi, 5e-324, -0.0):
        again = decode(Measured, {"value": encode(value)})
        assert again.value.hex() == value.hex()


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        encode({"a": [1j]})
