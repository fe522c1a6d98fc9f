"""An analyst may move a stop: closer to the market, never away from it, whatever else goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    BTC,
    ETH,
    Scene,
    exactly,
    fund,
    proposal,
    reproducible,
    short_proposal,
    stop_proposal,
)
from hedgerow.domain.errors import InvalidValue, NotExact, UnknownEntity
from hedgerow.domain.market import MarketType
from hedgerow.domain.messages import (
    AmendOrder,
    CancelOrder,
    DecisionMade,
    PlaceOrder,
    StopDecided,
    StopRefused,
    Wish,
)
from hedgerow.domain.orders import OrderPurpose, OrderStatus
from hedgerow.domain.proposals import ExitProposal, StopProposal
from hedgerow.domain.protecting import trigger_to_ask
from hedgerow.domain.risk import Check


def futures() -> Scene:
    return Scene(fund(MarketType.FUTURES))


def held(wanted: Any = proposal, price: str = "100") -> Scene:
    scene = futures()
    scene.decide(wanted())
    scene.execute(scene.entry, "100")
    scene.move(price)
    return scene


def failed(scene: Scene, wanted: StopProposal) -> Check:
    """The check that a stop fails, which changes nothing but the log."""
    before = repr((scene.fund.orders, scene.fund.positions, scene.fund.strategies))
    said = scene.decide(wanted)
    (refused,) = said.facts
    assert isinstance(refused, StopRefused)
    assert (refused.position_id, refused.proposal) == (wanted.position_id, wanted)
    assert [check.passed for check in refused.checks] == [True] * (len(refused.checks) - 1) + [
        False
    ]
    assert not said.wishes
    assert repr((scene.fund.orders, scene.fund.positions, scene.fund.strategies)) == before
    return refused.checks[-1]


@pytest.mark.parametrize(
    ("wanted", "now", "asked", "stop"),
    [
        (proposal, "104", "101.999", "101.99"),
        (short_proposal, "96", "98.001", "98.01"),
        # at the entry, and by a single tick
        (proposal, "104", "100", "100.00"),
        (proposal, "100", "95.01", "95.01"),
        (short_proposal, "100", "104.99", "104.99"),
    ],
)
def test_a_stop_is_asked_to_move_closer_rounded_away_from_the_price(
    wanted: Any, now: str, asked: str, stop: str
) -> None:
    scene = held(wanted, now)
    risk = scene.position.risk_quote
    before = scene.position.stop_loss_price
    wish = stop_proposal(scene.position, asked, session_id="meeting 7")
    said = scene.decide(wish)
    (decided,) = said.facts
    assert isinstance(decided, StopDecided)
    assert (decided.position_id, decided.proposal) == (scene.position.id, wish)
    assert decided.stop_loss_price == Decimal(stop)
    assert all(check.passed for check in decided.checks)
    assert said.wishes == (AmendOrder(scene.stop.id, Decimal(10), Decimal(stop)),)
    assert (scene.position.stop_loss_price, scene.position.risk_quote) == (before, risk)
    scene.amend(scene.stop, "10", stop)
    assert scene.position.stop_loss_price == scene.stop.stop_price == Decimal(stop)
    assert scene.position.risk_quote < risk


@pytest.mark.parametrize(
    ("wanted", "now", "asked", "check"),
    [
        (proposal, "104", "94.99", "stop_closer"),
        (proposal, "104", "95", "stop_closer"),
        # rounded to the grid it is where it was
        (proposal, "104", "95.009", "stop_closer"),
        (proposal, "104", "104", "stop_behind_price"),
        (proposal, "104", "104.01", "stop_behind_price"),
        (proposal, "104", "1e15", "stop_behind_price"),
        (proposal, "104", "1e-90", "stop_closer"),
        (short_proposal, "96", "105.01", "stop_closer"),
        (short_proposal, "96", "105", "stop_closer"),
        (short_proposal, "96", "1e15", "stop_closer"),
        (short_proposal, "96", "96", "stop_behind_price"),
        (short_proposal, "96", "95", "stop_behind_price"),
        (short_proposal, "96", "1e-90", "stop_behind_price"),
    ],
)
def test_a_stop_that_is_no_safer_is_refused(wanted: Any, now: str, asked: str, check: str) -> None:
    scene = held(wanted, now)
    assert failed(scene, stop_proposal(scene.position, asked)).name == check


def test_a_stop_for_another_symbol_is_refused() -> None:
    scene = held(price="104")
    wanted = stop_proposal(scene.position, "101", symbol="ETH/USDT")
    assert failed(scene, wanted) == Check("symbol", False, "ETH/USDT", "BTC/USDT")


def test_the_stop_of_a_position_that_is_leaving_is_refused() -> None:
    scene = held(price="104")
    scene.decide(ExitProposal("BTC/USDT", scene.position.id, "enough", "risk_manager"))
    wanted = stop_proposal(scene.position, "101")
    assert failed(scene, wanted) == Check("not_leaving", False, "exit order", "none")


def test_a_stop_that_has_begun_to_fill_is_left_alone() -> None:
    scene = held(price="104")
    scene.execute(scene.stop, "95", "4")
    wanted = stop_proposal(scene.position, "101")
    check = failed(scene, wanted)
    assert (check.name, check.found) == ("stop_at_work", "4 filled of 10.0")


def test_a_position_without_a_stop_has_none_to_move() -> None:
    scene = held(price="104")
    scene.end(scene.stop, OrderStatus.CANCELED)
    scene.end(scene.exit, OrderStatus.REJECTED)
    check = failed(scene, stop_proposal(scene.position, "101"))
    assert (check.name, check.found) == ("stop_at_work", "none")


def test_it_keeps_the_size_of_now_while_an_amendment_is_under_way() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", "4")
    scene.execute(scene.entry, "100", "6")
    assert scene.stop.amount == Decimal(4)
    said = scene.decide(stop_proposal(scene.position, "97"))
    assert said.wishes == (AmendOrder(scene.stop.id, Decimal(10), Decimal(97)),)


def test_a_trailing_stop_goes_on_from_where_it_was_moved_to() -> None:
    scene = futures()
    scene.decide(proposal(trailing_stop_pct=Decimal(5)))
    scene.execute(scene.entry, "100")
    scene.decide(stop_proposal(scene.position, "98"))
    scene.amend(scene.stop, "10", "98")
    assert not scene.move("103").wishes
    (wish,) = scene.move("104").wishes
    assert wish == AmendOrder(scene.stop.id, Decimal(10), Decimal("98.80"))


@pytest.mark.parametrize("wanted", [proposal, short_proposal])
def test_an_older_wish_does_not_take_the_stop_back(wanted: Any) -> None:
    scene = held(wanted)
    sign = scene.position.side.sign
    older, newer = (AmendOrder(scene.stop.id, Decimal(10), Decimal(100 - sign * n)) for n in (3, 2))
    assert trigger_to_ask(scene.stop, newer) == newer.stop_price
    scene.amend(scene.stop, "10", str(newer.stop_price))
    assert trigger_to_ask(scene.stop, older) == newer.stop_price
    resize = AmendOrder(scene.target.id, Decimal(4), None)
    assert trigger_to_ask(scene.target, resize) is None


def test_a_position_of_another_pair_is_refused_and_leaves_no_trace() -> None:
    scene = held(price="104")
    before = repr(scene.fund)
    for decision in (
        stop_proposal(scene.position, "101"),
        ExitProposal("BTC/USDT", scene.position.id, "enough", "risk_manager"),
    ):
        with pytest.raises(InvalidValue) as refused:
            scene.tell(DecisionMade(ETH, decision))
        assert refused.value.field == "position_id"
    gone = stop_proposal(scene.position, "101", position_id=UUID(int=0xDEAD))
    with pytest.raises(UnknownEntity):
        scene.tell(DecisionMade(BTC, gone))
    assert repr(scene.fund) == before


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "1e16", "1e-101"])
def test_what_is_no_price_is_no_stop(price: str) -> None:
    scene = held()
    with pytest.raises((InvalidValue, NotExact)):
        stop_proposal(scene.position, price)


# --- whatever else goes on -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens, and a number to make it particular."""

    what: str
    much: int


@dataclass(slots=True)
class Story:
    """A position, and a venue that does what is asked, one thing after another, some time later."""

    scene: Scene
    asked: list[Wish] = field(default_factory=list)

    def say(self, wishes: Sequence[Wish]) -> None:
        self.asked += [w for w in wishes if isinstance(w, PlaceOrder | CancelOrder | AmendOrder)]

    def carry_out(self, much: int) -> None:
        for wish in self.asked[: 1 + much % 4]:
            assert isinstance(wish, PlaceOrder | CancelOrder | AmendOrder)
            order = self.scene.fund.orders.get(wish.order_id)
            if order is None or not order.is_working:
                continue
            match wish:
                case PlaceOrder():
                    said = self.scene.acknowledge(order)
                case CancelOrder():
                    said = self.scene.end(order, OrderStatus.CANCELED)
                case AmendOrder():
                    trigger = trigger_to_ask(order, wish)
                    price = None if trigger is None else str(trigger)
                    said = self.scene.amend(order, str(wish.amount), price)
            self.say(said.wishes)
        del self.asked[: 1 + much % 4]

    def move(self, much: int) -> None:
        self.say(self.scene.move(str(Decimal(960 + much) / 10)).wishes)

    def tighten(self, much: int) -> None:
        position = self.scene.position
        risk = self.scene.fund.risk_quote
        wanted = stop_proposal(position, str(Decimal(9300 + 17 * much) / 100))
        said = self.scene.decide(wanted)
        assert self.scene.fund.risk_quote == risk
        self.say(said.wishes)

    def add(self, much: int) -> None:
        self._execute(OrderPurpose.ENTRY, much)

    def be_stopped(self, much: int) -> None:
        self._execute(OrderPurpose.STOP_LOSS, much)

    def take_profit(self, much: int) -> None:
        self._execute(OrderPurpose.TAKE_PROFIT, much)

    def leave(self, much: int) -> None:
        if much % 10 == 0:
            held = self.scene.position
            said = self.scene.decide(ExitProposal(held.symbol, held.id, "enough", "risk_manager"))
            self.say(said.wishes)

    def _execute(self, purpose: OrderPurpose, much: int) -> None:
        order = next((o for o in self.scene.fund.orders.values() if o.purpose is purpose), None)
        if order is None or not order.is_working:
            return
        most = order.remaining
        if purpose is not OrderPurpose.ENTRY:
            most = min(most, self.scene.position.size)
        quantity = min(most, Decimal(1 + much % 3))
        self.say(self.scene.execute(order, str(order.stop_price or 100), str(quantity)).wishes)


ACTS: dict[str, Callable[[Story, int], None]] = {
    "tighten": Story.tighten,
    "move": Story.move,
    "carry_out": Story.carry_out,
    "add": Story.add,
    "be_stopped": Story.be_stopped,
    "take_profit": Story.take_profit,
    "leave": Story.leave,
}
OFTEN = ("tighten",) * 6 + ("move",) * 4 + ("carry_out",) * 4 + ("add",) * 2
HAPPENINGS = st.lists(
    st.builds(Act, st.sampled_from((*OFTEN, *ACTS)), st.integers(0, 80)), min_size=10, max_size=40
)


@pytest.mark.parametrize(
    ("market_type", "wanted"),
    [
        (MarketType.SPOT, proposal),
        (MarketType.FUTURES, proposal),
        (MarketType.FUTURES, short_proposal),
    ],
)
@pytest.mark.parametrize("trailing_pct", [None, 2])
def test_no_stop_ever_moves_away_from_the_market(
    market_type: MarketType, wanted: Any, trailing_pct: int | None
) -> None:
    moved: set[Decimal | None] = set()
    refused: set[str] = set()

    @hypothesis.settings(reproducible, max_examples=100)
    @given(HAPPENINGS)
    def live_through(happenings: list[Act]) -> None:
        scene = Scene(fund(market_type))
        trailing = None if trailing_pct is None else Decimal(trailing_pct)
        scene.decide(wanted(trailing_stop_pct=trailing))
        scene.execute(scene.entry, "100", "2")
        story, held = Story(scene, list(scene.wishes)), scene.position
        sign, stops = held.side.sign, [held.stop_loss_price]
        for act in happenings:
            ACTS[act.what](story, act.much)
            if held.id not in scene.fund.positions:
                break
            assert held.stop_loss_price is not None
            assert stops[-1] is not None
            assert (held.stop_loss_price - stops[-1]) * sign >= 0
            stops.append(held.stop_loss_price)
        moved.update(stops)
        refused.update(each.checks[-1].name for each in scene.found(StopRefused))

    live_through()
    assert len(moved) > 8, "the examples must move stops"
    assert refused == {"not_leaving", "stop_at_work", "stop_behind_price", "stop_closer"}


def test_the_story_can_fail() -> None:
    # the wishes as they were made, without a look at the stop that is at work by now
    scene = held(lambda: proposal(trailing_stop_pct=Decimal(2)))
    trailed = scene.move("104").wishes
    tightened = scene.decide(stop_proposal(scene.position, "100")).wishes
    stops = [wish.stop_price for wish in (*trailed, *tightened) if isinstance(wish, AmendOrder)]
    assert stops == list(exactly("101.92", 100)), "the second would take the first back"
