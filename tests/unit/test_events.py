"""Events: sealed with their version, read in every version, written down in one page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest

from builders import BTC, ETH, NOON, SOL, STRATEGY, USER, Scene, exactly, proposal, stop_proposal
from hedgerow.domain.errors import UnknownEntity, UnknownEventVersion
from hedgerow.domain.events import GENESIS_HASH, Event, EventHead, append
from hedgerow.domain.messages import (
    Abstained,
    EquityMarked,
    ExitDecided,
    Fact,
    IntervalClosed,
    OrderCreated,
    ProposalAccepted,
    ProposalRefused,
    ProposalWithheld,
)
from hedgerow.domain.orders import OrderStatus
from hedgerow.domain.proposals import Abstention, ExitProposal
from hedgerow.entrypoints.events_page import events_page
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.event_schemas import SCHEMAS, EventFamily, EventSchema, EventSchemas
from hedgerow.usecases.facts import append_fact, fact_of

DOCS = Path(__file__).parents[2] / "docs"


def an_event(version: int = 1, body: Mapping[str, object] | None = None) -> Event:
    event, _ = append(EventHead(), USER, NOON, "EquityNoted", version, None, body or {"worth": "1"})
    return event


# --- the seal --------------------------------------------------------------------------------


def test_the_first_version_is_sealed_as_events_were_before_there_were_versions() -> None:
    document = [str(USER), 1, "2024-03-04T12:00:00.000000+00:00", "EquityNoted", None]
    text = json.dumps([*document, {"worth": "1"}], separators=(",", ":"))
    assert an_event().hash == sha256(GENESIS_HASH + text.encode()).digest()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_version_cannot_be_altered(version: int) -> None:
    event = an_event(version)
    assert event.is_intact
    for other in {1, 2, 3, 4} - {version}:
        assert not replace(event, schema_version=other).is_intact


def test_a_log_grows_without_gaps_and_each_event_seals_the_one_before() -> None:
    fact = EquityMarked(STRATEGY, *exactly(10, 10))
    first, head = append_fact(EventHead(), USER, NOON, fact)
    second, head = append_fact(head, USER, NOON, fact)
    assert (first.sequence, second.sequence) == (1, 2)
    assert second.previous_hash == first.hash
    assert head == EventHead(2, second.hash)


# --- versions --------------------------------------------------------------------------------


@dataclass(frozen=True)
class EquityNoted:
    """A kind that has changed twice: `worth` became `equity`, then its currency was added."""

    equity: int
    currency: str


def _rename(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"equity": body["worth"]}


def _in_usdt(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**body, "currency": "USDT"}


THIRD = EventSchema(EquityNoted, EventFamily.FUNDS, version=3)
UPCASTERS = {("EquityNoted", 1): _rename, ("EquityNoted", 2): _in_usdt}


@pytest.mark.parametrize(
    ("version", "body"),
    [
        (1, {"worth": 1}),
        (2, {"equity": 1}),
        (3, {"equity": 1, "currency": "USDT"}),
    ],
)
def test_an_event_of_any_version_is_read_as_the_present_one(
    version: int, body: Mapping[str, object]
) -> None:
    event = an_event(version, body)
    assert EventSchemas([THIRD], UPCASTERS).read(event) == EquityNoted(1, "USDT")
    assert event.is_intact, "reading leaves the stored body as it was sealed"


def test_a_version_of_the_future_is_refused() -> None:
    with pytest.raises(UnknownEventVersion) as refused:
        EventSchemas([THIRD], UPCASTERS).read(an_event(4))
    assert (refused.value.schema_version, refused.value.newest_known) == (4, 3)


def test_a_kind_of_the_future_is_refused() -> None:
    with pytest.raises(UnknownEntity):
        SCHEMAS.read(an_event())


def test_a_new_version_without_an_upcaster_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        EventSchemas([THIRD], {("EquityNoted", 1): _rename})


# Bodies as a paper run of before decisions knew their conversation left them in the log.
PROPOSED_1: Mapping[str, Any] = {
    "symbol": "BTC/USDT",
    "timeframe": "4h",
    "side": "long",
    "entry_type": "market",
    "entry_price": "63400.01",
    "stop_loss_price": "62159.99",
    "take_profit_price": "66500.06",
    "trailing_stop_pct": None,
    "size_ratio": "0.2556",
    "leverage": 1,
    "confidence": "0.6125",
    "setup_type": "trend_follow",
    "strategy_used": "pullback in a trend",
    "regime": "trend_up",
    "reasoning": "BTC/USDT trends up (ADX 31.2)",
    "agent_id": "house",
    "memories_used": ["018f0a3c-5c00-7a30-9c11-111111111111"],
    "indicators": {"rsi": "58.3", "atr": "620.5", "volume": "1834.25"},
    "memories_recalled": ["018f0a3c-5c00-7a30-9c11-111111111111"],
}
CHECKS_1 = [{"name": "leverage", "passed": True, "found": "1x", "allowed": "1x to 1x"}]
ORDER_1, PAIR_1 = "018f0a3c-5c00-7a30-9c11-222222222222", str(BTC)
FIRST_BODIES: Sequence[tuple[type[Any], Mapping[str, Any]]] = (
    (
        ProposalAccepted,
        {"order_id": ORDER_1, "proposal": PROPOSED_1, "amount": "0.04031", "checks": CHECKS_1},
    ),
    (
        ProposalRefused,
        {"trading_pair_id": PAIR_1, "proposal": PROPOSED_1, "checks": CHECKS_1},
    ),
    (
        ProposalWithheld,
        {"trading_pair_id": PAIR_1, "proposal": PROPOSED_1, "mode": "semi_auto"},
    ),
    (
        ExitDecided,
        {"position_id": ORDER_1, "reasoning": "the regime turned", "agent_id": "house"},
    ),
    (
        Abstained,
        {
            "trading_pair_id": PAIR_1,
            "symbol": "BTC/USDT",
            "reasoning": "no breakout",
            "agent_id": "house",
        },
    ),
)


@pytest.mark.parametrize(("kind", "body"), FIRST_BODIES, ids=lambda value: str(value)[:30])
def test_decisions_of_before_conversations_are_read_as_of_none(
    kind: type[Any], body: Mapping[str, Any]
) -> None:
    event, _ = append(EventHead(), USER, NOON, kind.__name__, 1, None, body)
    fact = fact_of(event, kind)
    assert (fact.proposal if "proposal" in body else fact).session_id is None
    written = encode(fact)
    said, before = (written["proposal"], PROPOSED_1) if "proposal" in body else (written, body)
    assert said == {**before, "session_id": None}
    again, _ = append_fact(EventHead(), USER, NOON, fact)
    assert (again.schema_version, fact_of(again, kind)) == (2, fact)
    assert event.is_intact


# --- every kind ------------------------------------------------------------------------------


def test_every_fact_has_a_schema() -> None:
    assert {schema.record for schema in SCHEMAS} == set(get_args(Fact))


def test_the_facts_of_a_life_come_back_as_they_were() -> None:
    facts = _a_life()
    assert len({type(fact) for fact in facts}) >= 12
    head = EventHead()
    for fact in facts:
        event, head = append_fact(head, USER, NOON, fact)
        stored = replace(event, body=json.loads(json.dumps(event.body)))
        assert fact_of(stored, type(fact)) == fact


def test_an_event_travels_as_json() -> None:
    for fact in _a_life():
        event, _ = append_fact(EventHead(), USER, NOON, fact)
        arrived = decode(Event, json.loads(json.dumps(encode(event))))
        assert arrived == event
        assert arrived.is_intact


def test_an_event_is_not_taken_for_another_kind() -> None:
    event, _ = append_fact(EventHead(), USER, NOON, EquityMarked(STRATEGY, *exactly(1, 1)))
    with pytest.raises(AssertionError):
        fact_of(event, OrderCreated)


def _a_life() -> list[Fact]:
    scene = Scene()
    scene.hold()
    scene.acknowledge(scene.stop)
    scene.acknowledge(scene.target)
    scene.amend(scene.stop, str(scene.position.size), "96")
    scene.execute(scene.target, "110", "1")
    scene.execute(scene.target, "110")
    scene.end(scene.stop, OrderStatus.CANCELED)
    scene.hold("100")
    scene.move("10")
    scene.decide(proposal("ETH/USDT"), ETH)
    scene.decide(Abstention("SOL/USDT", "no breakout", "house"), SOL)
    scene.decide(stop_proposal(scene.position, "9.50"))
    scene.decide(ExitProposal("BTC/USDT", scene.position.id, "momentum fades", "house"))
    scene.tell(IntervalClosed(), after=timedelta(days=1))
    return scene.facts


# --- the page --------------------------------------------------------------------------------


def test_the_page_is_fresh() -> None:
    page = (DOCS / "events.md").read_text(encoding="utf-8")
    assert page == events_page(), "run `hedgerow events schemas > docs/events.md`"


def test_no_shape_changes_without_a_new_version() -> None:
    shapes = json.loads((Path(__file__).parent / "event_shapes.json").read_text(encoding="utf-8"))
    found = {f"{schema.kind} {schema.version}": _shape(schema.record) for schema in SCHEMAS}
    assert found == {name: shapes[name] for name in found}, (
        "raise the version, add an upcaster, and add the new shape beside the old one"
    )


def _shape(record: Any) -> str:
    """All field names and types, down to the last nested record, in sixteen characters."""
    section = events_page().split("\n### ")
    texts: dict[str, str] = {part.split("\n")[0].split(",")[0]: part for part in section}
    waiting, met = [record.__name__], dict[str, str]()
    while waiting:
        name = waiting.pop()
        if name not in met:
            rows = [line for line in texts[name].splitlines() if line.startswith("| `")]
            met[name] = "\n".join(rows)
            waiting += [other for other in texts if f"[{other}](" in met[name]]
    return sha256(json.dumps(met, sort_keys=True).encode()).hexdigest()[:16]
