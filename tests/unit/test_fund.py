"""The fund by example: a trade from proposal to lesson, and each way it can go otherwise."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import pytest

from builders import (
    BTC,
    ETH,
    NOON,
    SOL,
    STRATEGY,
    Scene,
    account,
    exactly,
    fill,
    fund,
    instrument,
    limits,
    pair,
    proposal,
    settings,
    short_proposal,
    strategy,
)
from hedgerow.domain.errors import (
    FillRefused,
    HedgerowError,
    InvalidValue,
    NotExact,
    TransitionRefused,
    UnknownEntity,
)
from hedgerow.domain.ledger import Account, TransferReason
from hedgerow.domain.market import Instrument, MarketType
from hedgerow.domain.messages import (
    Abstained,
    AmendOrder,
    BreakerReset,
    CancelOrder,
    CashMoved,
    DecisionMade,
    EquityMarked,
    ExitDecided,
    FillBooked,
    FundingSettled,
    IntervalClosed,
    IntervalOpened,
    KillSwitchPulled,
    LearnFromTrade,
    Message,
    Notify,
    OrderAcknowledged,
    OrderAmended,
    OrderChanged,
    OrderCreated,
    OrderEnded,
    OrderFilled,
    OrderStatusChanged,
    PlaceOrder,
    PositionEnded,
    PositionLiquidated,
    PositionOpened,
    PositionResized,
    PriceMoved,
    ProposalAccepted,
    ProposalApproved,
    ProposalRefused,
    ProposalWithheld,
    RiskRaised,
    Step,
)
from hedgerow.domain.money import exact
from hedgerow.domain.orders import OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.domain.pairs import StrategyMode
from hedgerow.domain.performance import DailyReturns
from hedgerow.domain.positions import PositionSide, PositionStatus
from hedgerow.domain.pretrade import RESERVE_RATIO
from hedgerow.domain.proposals import Abstention, ExitProposal, Proposal
from hedgerow.domain.risk import Check, RiskEventType, Severity
from hedgerow.domain.strategies import StrategyStatus

CANCELED, REJECTED, EXPIRED = OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED
MIDNIGHT = datetime.combine(NOON.date() + timedelta(days=1), datetime.min.time(), NOON.tzinfo)

_Kind = TypeVar("_Kind")


def only(said: tuple[object, ...], kind: type[_Kind]) -> _Kind:
    """The one fact or wish of a kind among all that a step said."""
    (found,) = (item for item in said if isinstance(item, kind))
    return found


def kinds(said: tuple[object, ...]) -> list[type[object]]:
    return [type(item) for item in said]


def raised(step: Step) -> list[RiskEventType]:
    return [fact.event.event_type for fact in step.facts if isinstance(fact, RiskRaised)]


def futures(**changes: Any) -> Scene:
    return Scene(fund(MarketType.FUTURES, **changes))


def watching(mode: StrategyMode) -> Scene:
    return Scene(fund(traded=[(pair(strategy_mode=mode), instrument())]))


def on(rules: Instrument) -> Scene:
    """A scene in which only BTC is traded, by these rules."""
    return Scene(fund(rules.market_type, traded=[(pair(market_type=rules.market_type), rules)]))


def exit_proposal(scene: Scene) -> ExitProposal:
    return ExitProposal("BTC/USDT", scene.position.id, "momentum is gone", "risk_manager")


# --- the lifecycle --------------------------------------------------------------------------


def test_a_trade_from_proposal_to_lesson() -> None:
    scene = Scene()
    held = scene.strategy

    # 1, 2: the desk decides; the order exists, pending, and cash is put aside for it
    said = scene.decide(proposal(agent_id="portfolio_manager", reasoning="a breakout"))
    assert kinds(said.facts) == [ProposalAccepted, OrderCreated, CashMoved]
    entry = scene.entry
    assert said.wishes == (PlaceOrder(entry.id),)
    assert (entry.status, entry.amount, entry.side) == (
        OrderStatus.PENDING,
        Decimal(10),
        OrderSide.BUY,
    )
    assert (entry.agent_id, entry.reasoning) == ("portfolio_manager", "a breakout")
    assert (held.cash_reserve, held.reserved, held.current_equity) == exactly(8990, 1010, 10_000)
    assert all(check.passed for check in only(said.facts, ProposalAccepted).checks)

    # 3: the venue has it
    said = scene.tell(OrderAcknowledged(entry.id, "28457"))
    assert said.facts == (
        OrderStatusChanged(entry.id, OrderStatus.PENDING, OrderStatus.OPEN, None),
    )
    assert entry.exchange_order_id == "28457"

    # 4, 5, 6: part of it fills: a position, protected for what is really filled
    said = scene.execute(entry, "100", "4", fee="0.4")
    assert kinds(said.facts) == [
        OrderStatusChanged,
        FillBooked,
        PositionOpened,
        CashMoved,
        PositionResized,
        OrderCreated,
        OrderCreated,
    ]
    position, stop, target = scene.position, scene.stop, scene.target
    assert said.wishes == (PlaceOrder(stop.id), PlaceOrder(target.id))
    assert entry.position_id == position.id
    assert (position.size, position.entry_price, position.open_reasoning) == (
        Decimal(4),
        Decimal(100),
        "a breakout",
    )
    for child in (stop, target):
        assert (child.parent_order_id, child.position_id) == (entry.id, position.id)
        assert (child.side, child.amount, child.agent_id) == (
            OrderSide.SELL,
            Decimal(4),
            entry.agent_id,
        )
    assert (stop.type, stop.stop_price) == (OrderType.STOP_MARKET, Decimal(95))
    assert (target.type, target.price) == (OrderType.LIMIT, Decimal(110))
    assert (position.stop_loss_order_id, position.take_profit_order_id) == (stop.id, target.id)
    assert (position.stop_loss_price, position.take_profit_price) == exactly(95, 110)
    scene.acknowledge(stop)
    scene.acknowledge(target)

    # the rest fills: what was put aside and not needed comes back, protection grows
    said = scene.execute(entry, "101", "6", fee="0.606")
    assert said.wishes == (
        AmendOrder(stop.id, Decimal(10), Decimal(95)),
        AmendOrder(target.id, Decimal(10), None),
    )
    assert entry.status is OrderStatus.FILLED
    assert (position.size, position.entry_price) == exactly(10, "100.6")
    assert (held.cash_reserve, held.reserved) == exactly("8992.994", 0)
    said = scene.amend(stop, "10", "95")
    assert said.facts == (OrderChanged(stop.id, Decimal(10), Decimal(95)),)
    scene.amend(target, "10")

    # 7: the position is watched
    scene.move("108")
    assert (position.current_price, position.unrealized_pnl) == exactly(108, 74)
    assert held.current_equity == Decimal("8992.994") + 1080

    # 8, 9: the target closes it; its sibling is taken back, the lesson is asked for
    said = scene.execute(target, "110", fee="1.1")
    ended = only(said.facts, PositionEnded)
    assert (ended.status, ended.net_pnl) == (PositionStatus.CLOSED, Decimal("91.894"))
    assert ended.reasoning == "take-profit filled at 110"
    assert said.wishes == (CancelOrder(stop.id), LearnFromTrade(position.id))
    assert not scene.fund.positions
    assert held.cash_reserve == held.current_equity == Decimal("10091.894")
    assert (held.total_pnl, held.trades_won) == (Decimal("91.894"), 1)
    assert scene.fund.breaker.daily_trade_count == scene.fund.breaker.daily_wins == 1

    # 10: when the sibling has gone, nothing is left to hear of
    scene.end(stop, CANCELED)
    assert not scene.fund.orders
    assert (held.allocated_capital, held.balance(Account.REALIZED_PROFIT)) == exactly(10_000, -94)


def test_a_losing_short_closed_by_its_stop() -> None:
    scene = futures()
    scene.decide(short_proposal(leverage=5))
    # a tenth of the equity, five times over
    assert (scene.entry.amount, scene.entry.side) == (Decimal(50), OrderSide.SELL)
    # a fifth of the notional, and one per cent of it for fees and slippage
    assert scene.strategy.reserved == Decimal(1050)
    scene.execute(scene.entry, "100")
    assert (scene.position.margin, scene.strategy.cash_reserve) == exactly(1000, 9000)
    assert all(order.reduce_only for order in (scene.stop, scene.target))
    scene.move("104")
    assert scene.strategy.current_equity == Decimal(9800)
    said = scene.execute(scene.stop, "106")
    assert only(said.facts, PositionEnded).net_pnl == Decimal(-300)
    assert scene.strategy.cash_reserve == scene.strategy.current_equity == Decimal(9700)
    assert scene.fund.breaker.daily_losses == scene.strategy.trades_lost == 1


def test_a_trade_that_breaks_even_is_not_won() -> None:
    scene = Scene()
    scene.hold()
    scene.decide(exit_proposal(scene))
    scene.execute(scene.exit, "100")
    assert (scene.strategy.trades_won, scene.strategy.trades_lost) == (0, 1)
    assert scene.fund.breaker.daily_wins == scene.fund.breaker.daily_losses == 0


def test_the_lesson_is_asked_for_once_and_names_the_position() -> None:
    scene = Scene()
    position = scene.hold()
    scene.execute(scene.target, "110", "4")
    assert LearnFromTrade(position.id) not in scene.wishes
    scene.execute(scene.target, "110")
    assert scene.wishes.count(LearnFromTrade(position.id)) == 1


def test_all_rows_that_a_step_touched_are_handed_over_once() -> None:
    scene = Scene()
    position = scene.hold()
    changes = scene.fund.take_changes()
    assert changes.positions == {position.id: position}
    assert changes.orders.keys() == scene.fund.orders.keys()
    assert changes.strategies == {STRATEGY: scene.strategy}
    assert len(changes.fills) == 1
    assert changes.transfers == [fact.transfer for fact in scene.found(CashMoved)]
    assert scene.fund.take_changes() == type(changes)()


# --- before an order: every check, refused --------------------------------------------------


def refused(scene: Scene, wanted: Proposal | None = None, pair_id: UUID = BTC) -> Check:
    """Propose what must be refused without a trace; the check that failed."""
    cash, orders = scene.strategy.cash_reserve, dict(scene.fund.orders)
    said = scene.decide(wanted or proposal(scene.fund.pairs[pair_id].symbol), pair_id)
    checks = only(said.facts, ProposalRefused).checks
    assert [check.passed for check in checks] == [True] * (len(checks) - 1) + [False]
    assert not [wish for wish in said.wishes if not isinstance(wish, Notify)]
    assert (scene.strategy.cash_reserve, scene.fund.orders) == (cash, orders)
    return checks[-1]


def test_the_checks_are_run_in_this_order_and_written_down() -> None:
    scene = Scene()
    accepted = only(scene.decide(proposal()).facts, ProposalAccepted)
    assert [check.name for check in accepted.checks] == [
        "circuit_breaker",
        "user_active",
        "strategy_status",
        "pair_active",
        "strategy_mode",
        "symbol",
        "exchange",
        "trading_mode",
        "side",
        "stop_and_target",
        "trailing_stop",
        "nothing_open_on_pair",
        "open_positions",
        "daily_trades",
        "monthly_trades",
        "leverage",
        "position_size",
    ]


def test_refused_while_the_breaker_is_triggered() -> None:
    scene = Scene()
    scene.tell(KillSwitchPulled("enough"))
    assert refused(scene) == Check("circuit_breaker", False, "kill switch", "clear")


def test_refused_for_a_user_who_is_not_active() -> None:
    scene = Scene()
    scene.fund.user.is_active = False
    assert refused(scene) == Check("user_active", False, "inactive", "active")


@pytest.mark.parametrize("status", [StrategyStatus.PAUSED, StrategyStatus.CLOSED])
def test_refused_for_a_strategy_that_does_not_trade(status: StrategyStatus) -> None:
    scene = Scene()
    scene.strategy.status = status
    assert refused(scene) == Check("strategy_status", False, status, "active")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"is_active": False}, "inactive"),
        ({"is_paused": True}, "paused"),
        ({"is_paused": True, "paused_reason": "high volatility"}, "high volatility"),
    ],
)
def test_refused_on_a_pair_that_is_paused_or_off(changes: dict[str, Any], found: str) -> None:
    scene = Scene(fund(traded=[(pair(**changes), instrument())]))
    assert refused(scene) == Check("pair_active", False, found, "active")


def test_refused_on_a_pair_that_only_signals_even_when_the_user_approves() -> None:
    scene = watching(StrategyMode.SIGNALS)
    said = scene.tell(ProposalApproved(BTC, proposal()))
    last = only(said.facts, ProposalRefused).checks[-1]
    assert last == Check("strategy_mode", False, "signals", "auto or semi_auto")
    assert not scene.fund.orders


def test_refused_for_the_symbol_of_another_pair() -> None:
    assert refused(Scene(), proposal("ETH/USDT"), BTC) == Check(
        "symbol", False, "ETH/USDT", "BTC/USDT"
    )


def test_refused_on_an_exchange_that_the_user_has_not_allowed() -> None:
    scene = Scene(fund(own=settings(allowed_exchanges=("bybit", "okx"))))
    assert refused(scene) == Check("exchange", False, "binance", "bybit, okx")


def test_refused_through_an_account_whose_keys_failed() -> None:
    scene = Scene(fund(through=account(is_active=False)))
    assert refused(scene).found == "binance (inactive)"


def test_refused_live_where_the_tier_allows_paper_only() -> None:
    scene = Scene(fund(tier=limits(live_trading_allowed=False), through=account(is_testnet=False)))
    assert refused(scene) == Check("trading_mode", False, "live", "paper")


def test_paper_is_allowed_where_the_tier_allows_paper_only() -> None:
    scene = Scene(fund(tier=limits(live_trading_allowed=False)))
    assert only(scene.decide(proposal()).facts, ProposalAccepted)


def test_refused_short_on_spot() -> None:
    assert refused(Scene(), short_proposal()) == Check("side", False, "short", "long")


@pytest.mark.parametrize(
    ("side", "stop", "target"),
    [
        (PositionSide.LONG, "100", "110"),
        (PositionSide.LONG, "101", "110"),
        (PositionSide.LONG, "95", "100"),
        (PositionSide.LONG, "95", "99"),
        (PositionSide.SHORT, "99", "90"),
        (PositionSide.SHORT, "105", "101"),
        # on a grid of cents these stops fall on the entry, and these targets and stops on zero
        (PositionSide.LONG, "99.996", "110"),
        (PositionSide.SHORT, "105", "0.004"),
        (PositionSide.LONG, "0.004", "110"),
    ],
)
def test_refused_without_a_stop_and_a_target_on_their_sides_of_the_entry(
    side: PositionSide, stop: str, target: str
) -> None:
    make = proposal if side is PositionSide.LONG else short_proposal
    wanted = make(stop_loss_price=Decimal(stop), take_profit_price=Decimal(target))
    assert refused(futures(), wanted).name == "stop_and_target"


def test_refused_when_the_rounded_limit_meets_its_own_stop() -> None:
    wanted = proposal(
        entry_type=OrderType.LIMIT,
        entry_price=Decimal("100.009"),
        stop_loss_price=Decimal("99.998"),
    )
    assert refused(Scene(), wanted).found == "100.00 / 100.00 / 110"


@pytest.mark.parametrize("distance", ["0", "-5", "100"])
def test_refused_with_a_trailing_distance_that_is_none(distance: str) -> None:
    wanted = proposal(trailing_stop_pct=Decimal(distance))
    assert refused(Scene(), wanted).name == "trailing_stop"


def test_refused_on_a_pair_with_an_open_position() -> None:
    scene = Scene()
    scene.hold()
    assert refused(scene) == Check("nothing_open_on_pair", False, "long position", "none")


def test_refused_on_a_pair_with_an_entry_on_its_way() -> None:
    scene = Scene()
    scene.decide(proposal())
    assert refused(scene) == Check("nothing_open_on_pair", False, "entry order", "none")


def test_refused_when_positions_and_entries_on_their_way_have_reached_the_limit() -> None:
    scene = Scene(fund(own=settings(max_positions=2)))
    scene.hold()
    scene.decide(proposal("ETH/USDT"), ETH)
    assert refused(scene, pair_id=SOL) == Check("open_positions", False, "2", "below 2")


def test_a_position_whose_entry_still_fills_counts_once() -> None:
    scene = Scene(fund(own=settings(max_positions=2)))
    scene.decide(proposal())
    scene.execute(scene.entry, "100", "4")
    assert only(scene.decide(proposal("ETH/USDT"), ETH).facts, ProposalAccepted)


@pytest.mark.parametrize(
    ("key", "name"),
    [("daily_trades_count", "daily_trades"), ("monthly_trades_count", "monthly_trades")],
)
def test_refused_when_trades_opened_and_on_their_way_have_reached_the_tiers_count(
    key: str, name: str
) -> None:
    scene = Scene(fund(tier=limits(**{key: 2})))
    scene.hold()
    scene.decide(proposal("ETH/USDT"), ETH)
    assert refused(scene, pair_id=SOL) == Check(name, False, "2", "below 2")


def test_the_days_trades_are_counted_afresh_the_next_day_and_the_months_are_not() -> None:
    scene = Scene(fund(tier=limits(daily_trades_count=1, monthly_trades_count=2)))
    scene.hold()
    assert refused(scene, pair_id=ETH).name == "daily_trades"
    scene.tell(IntervalClosed(), after=timedelta(days=1))
    scene.hold(pair_id=ETH)
    scene.tell(IntervalClosed(), after=timedelta(days=1))
    assert refused(scene, pair_id=SOL).name == "monthly_trades"
    scene.tell(IntervalClosed(), after=timedelta(days=31))
    scene.hold(pair_id=SOL)


def test_a_fill_reported_after_the_months_end_counts_in_the_month_it_is_booked() -> None:
    april = datetime(2024, 4, 1, tzinfo=NOON.tzinfo)
    scene = Scene(fund(tier=limits(monthly_trades_count=2)))
    scene.decide(proposal())
    scene.tell(IntervalClosed(), after=april - scene.at)
    scene.hold(pair_id=ETH)
    # executed in March, heard of in April: April's first trade must not be forgotten
    scene.execute(scene.entry, "100", at=april - timedelta(seconds=1))
    assert refused(scene, pair_id=SOL).found == "2"


@pytest.mark.parametrize(
    ("scene", "leverage", "allowed"),
    [
        (Scene(), 2, "1x to 1x"),  # spot
        (futures(own=settings(max_leverage_multiple=Decimal(3))), 4, "1x to 3x"),
        (futures(tier=limits(max_leverage=Decimal("3.5"))), 4, "1x to 3.5x"),
        (on(instrument(market_type=MarketType.FUTURES, leverage_max=3)), 4, "1x to 3x"),
        (futures(), 0, "1x to 50x"),
    ],
    ids=["spot", "user", "tier", "instrument", "none"],
)
def test_refused_with_more_leverage_than_the_tightest_bound(
    scene: Scene, leverage: int, allowed: str
) -> None:
    assert refused(scene, proposal(leverage=leverage)) == Check(
        "leverage", False, f"{leverage}x", allowed
    )


def test_refused_with_more_leverage_than_the_pair_or_any_position_may_have() -> None:
    rules = instrument(market_type=MarketType.FUTURES, leverage_max=200)
    own = settings(max_leverage_multiple=Decimal(200))
    tier = limits(max_leverage=Decimal(200))
    for pair_max, allowed in ((3, "1x to 3x"), (200, "1x to 125x")):
        traded = [(pair(market_type=MarketType.FUTURES, max_leverage=pair_max), rules)]
        scene = Scene(fund(MarketType.FUTURES, own=own, tier=tier, traded=traded))
        assert refused(scene, proposal(leverage=150)).allowed == allowed


@pytest.mark.parametrize(
    ("own_minimum", "venue_minimum", "allowed"),
    [("51", "5", "at least 51"), ("10", "60", "at least 60")],
)
def test_refused_when_what_may_be_bought_is_too_little(
    own_minimum: str, venue_minimum: str, allowed: str
) -> None:
    scene = Scene(
        fund(
            own=settings(min_position_size_usd=Decimal(own_minimum)),
            traded=[(pair(), instrument(notional_quote_min=Decimal(venue_minimum)))],
        )
    )
    assert refused(scene, proposal(size_ratio=Decimal("0.005"))) == Check(
        "position_size", False, "50.00 (bound by proposal)", allowed
    )


def test_exactly_the_smallest_position_is_allowed() -> None:
    scene = Scene(fund(own=settings(min_position_size_usd=Decimal(50))))
    scene.decide(proposal(size_ratio=Decimal("0.005")))
    assert scene.entry.amount == Decimal("0.5")


def test_refused_when_no_cash_is_left() -> None:
    scene = Scene()
    scene.hold("101", size_ratio=Decimal(1))
    check = refused(scene, proposal("ETH/USDT", size_ratio=Decimal(1)), ETH)
    assert check.found.endswith("(bound by cash_reserve)")


def test_refused_when_the_exposure_limit_is_reached_and_the_user_is_warned() -> None:
    scene = Scene(fund(own=settings(max_total_exposure_usd=Decimal(1000))))
    scene.hold()
    said = scene.decide(proposal("ETH/USDT"), ETH)
    assert only(said.facts, ProposalRefused).checks[-1].name == "position_size"
    event = only(said.facts, RiskRaised).event
    assert (event.event_type, event.severity) == (
        RiskEventType.MAX_EXPOSURE_REACHED,
        Severity.WARNING,
    )
    message = "Exposure 1000.00 leaves no room below the limit 1000"
    assert event.message == message
    assert said.wishes == (Notify("warning", message),)


@pytest.mark.parametrize(
    ("scene", "proposed", "quantity"),
    [
        # 10,000 x 0.1 / 100
        (Scene(), {}, "10"),
        (futures(), {"leverage": 3}, "30"),
        (Scene(fund(own=settings(max_position_size_usd=Decimal(700)))), {}, "7"),
        (Scene(fund(tier=limits(max_position_size_usd=Decimal(600)))), {}, "6"),
        (Scene(fund(own=settings(max_total_exposure_usd=Decimal(500)))), {}, "5"),
        (Scene(fund(tier=limits(max_total_exposure_usd=Decimal(400)))), {}, "4"),
        # 1 % of 10,000 may be lost, and 5 % of the notional is
        (
            Scene(fund(own=settings(max_portfolio_risk=Decimal(1)))),
            {"size_ratio": Decimal("0.5")},
            "20",
        ),
        # 1 % is kept back for fees and slippage: 10,000 / 1.01 / 100, in thousandths
        (Scene(), {"size_ratio": Decimal(1)}, "99.009"),
        (
            Scene(fund(traded=[(pair(max_position_size=Decimal(300)), instrument())])),
            {},
            "3",
        ),
        (Scene(fund(traded=[(pair(budget=Decimal(200)), instrument())])), {}, "2"),
        (on(instrument(quantity_step=Decimal(4))), {}, "8"),
    ],
    ids=[
        "proposal",
        "proposal, levered",
        "user's position size",
        "tier's position size",
        "user's exposure",
        "tier's exposure",
        "portfolio risk",
        "cash",
        "pair's position size",
        "pair's budget",
        "venue's step",
    ],
)
def test_the_size_is_the_smallest_of_all_bounds(
    scene: Scene, proposed: dict[str, Any], quantity: str
) -> None:
    scene.decide(proposal(**proposed))
    assert scene.entry.amount == Decimal(quantity)


def test_entries_on_their_way_use_up_exposure_and_risk_too() -> None:
    exposed = Scene(fund(own=settings(max_total_exposure_usd=Decimal(1500))))
    exposed.decide(proposal())
    exposed.decide(proposal("ETH/USDT"), ETH)
    # 1,500 less the 1,010 put aside for the first
    assert [order.amount for order in exposed.fund.working_entries()] == list(exactly(10, "4.9"))

    risky = Scene(fund(own=settings(max_portfolio_risk=Decimal(1))))
    risky.decide(proposal())
    risky.decide(proposal("ETH/USDT", size_ratio=Decimal("0.5")), ETH)
    # 100 less the 50 that the first may lose, at 5 a piece
    assert [order.amount for order in risky.fund.working_entries()] == list(exactly(10, 10))


@pytest.mark.parametrize(
    ("wanted", "price"),
    [
        (proposal(entry_type=OrderType.LIMIT, entry_price=Decimal("100.009")), "100.00"),
        (short_proposal(entry_type=OrderType.LIMIT, entry_price=Decimal("99.991")), "100.00"),
    ],
)
def test_a_limit_is_rounded_to_the_traders_advantage(wanted: Proposal, price: str) -> None:
    scene = futures()
    scene.decide(wanted)
    assert (scene.entry.type, scene.entry.price) == (OrderType.LIMIT, Decimal(price))


# --- how far the desk may go ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "asks"),
    [(StrategyMode.SEMI_AUTO, "confirm to trade"), (StrategyMode.SIGNALS, "signal only")],
)
def test_without_full_autonomy_a_proposal_is_only_shown(mode: StrategyMode, asks: str) -> None:
    scene = watching(mode)
    wanted = proposal(reasoning="a breakout")
    said = scene.decide(wanted)
    assert said.facts == (ProposalWithheld(BTC, wanted, mode),)
    assert said.wishes == (Notify("info", f"BTC/USDT long ({asks}): a breakout"),)
    assert not scene.fund.orders


def test_a_proposal_that_the_user_approves_is_examined_like_any_other() -> None:
    scene = watching(StrategyMode.SEMI_AUTO)
    said = scene.tell(ProposalApproved(BTC, proposal()))
    assert only(said.facts, ProposalAccepted).order_id == scene.entry.id
    said = scene.tell(ProposalApproved(BTC, proposal()))
    assert only(said.facts, ProposalRefused).checks[-1].name == "nothing_open_on_pair"


def test_an_abstention_is_noted_with_its_reasons() -> None:
    said = Scene().decide(Abstention("BTC/USDT", "no edge", "market_analyst"))
    assert said == Step((Abstained(BTC, "BTC/USDT", "no edge", "market_analyst"),), ())


def test_the_analyst_may_close_what_is_open() -> None:
    scene = Scene()
    position = scene.hold()
    said = scene.decide(exit_proposal(scene))
    leaving = scene.exit
    assert only(said.facts, ExitDecided) == ExitDecided(
        position.id, "momentum is gone", "risk_manager"
    )
    assert said.wishes == (PlaceOrder(leaving.id),)
    assert (leaving.type, leaving.amount, leaving.side) == (
        OrderType.MARKET,
        Decimal(10),
        OrderSide.SELL,
    )
    assert (leaving.agent_id, leaving.reasoning) == ("risk_manager", "momentum is gone")

    stop, target = scene.stop, scene.target
    said = scene.execute(leaving, "103")
    assert only(said.facts, PositionEnded).reasoning == (
        "closed at market at 103: momentum is gone"
    )
    assert [wish.order_id for wish in said.wishes if isinstance(wish, CancelOrder)] == [
        stop.id,
        target.id,
    ]


def test_saying_it_twice_closes_once() -> None:
    scene = Scene()
    scene.hold()
    scene.decide(exit_proposal(scene))
    said = scene.decide(exit_proposal(scene))
    assert kinds(said.facts) == [ExitDecided]
    assert not said.wishes


def test_leaving_takes_back_an_entry_that_would_go_on_buying() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    said = scene.decide(exit_proposal(scene))
    assert said.wishes == (CancelOrder(entry.id), PlaceOrder(scene.exit.id))
    assert scene.exit.amount == Decimal(4)


# --- protection -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [CANCELED, REJECTED, EXPIRED])
def test_a_position_that_loses_its_stop_is_left_at_once(status: OrderStatus) -> None:
    scene = Scene()
    position, stop = scene.hold(), scene.stop
    said = scene.end(stop, status, "too many orders")
    event = only(said.facts, RiskRaised).event
    text = f"The stop of BTC/USDT was {status} (too many orders): leaving"
    assert (event.event_type, event.severity, event.message) == (
        RiskEventType.ANOMALY_DETECTED,
        Severity.CRITICAL,
        text,
    )
    assert event.data == {"order_id": str(stop.id), "position_id": str(position.id)}
    leaving = scene.exit
    assert (leaving.amount, leaving.reasoning) == (Decimal(10), text)
    assert said.wishes == (Notify("critical", text), PlaceOrder(leaving.id))


@pytest.mark.parametrize("purpose", [OrderPurpose.STOP_LOSS, OrderPurpose.EXIT])
def test_a_stop_or_exit_that_is_amended_away_is_a_lost_one(purpose: OrderPurpose) -> None:
    scene = Scene()
    scene.hold()
    if purpose is OrderPurpose.EXIT:
        scene.decide(exit_proposal(scene))
    lost = scene.working(purpose)
    scene.execute(lost, "95", "4")
    said = scene.amend(lost, "4", "95" if purpose is OrderPurpose.STOP_LOSS else None)
    assert raised(said) == [RiskEventType.ANOMALY_DETECTED]
    assert scene.exit.id != lost.id
    assert scene.exit.amount == Decimal(6)


def test_a_stop_that_fills_before_it_could_grow_leaves_with_the_rest_at_once() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    scene.execute(entry, "100", "5")
    stop, target = scene.stop, scene.target
    assert stop.amount == Decimal(4)
    said = scene.execute(stop, "95")
    leaving = scene.exit
    assert said.wishes == (
        AmendOrder(target.id, Decimal(5), None),
        CancelOrder(entry.id),
        PlaceOrder(leaving.id),
    )
    assert (leaving.amount, leaving.reasoning) == (
        Decimal(5),
        "stop-loss filled at 95: leaving with the rest",
    )


def test_an_exit_that_fills_before_it_could_grow_is_followed_by_another() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    scene.decide(exit_proposal(scene))
    leaving = scene.exit
    scene.execute(entry, "100", "6")
    scene.execute(leaving, "101")
    assert scene.exit.id != leaving.id
    assert (scene.exit.amount, scene.exit.reasoning) == (Decimal(6), "momentum is gone")


def test_a_target_that_fills_before_it_could_grow_leaves_the_rest_to_the_stop() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    scene.execute(entry, "100", "6")
    said = scene.execute(scene.target, "110")
    assert said.wishes == (AmendOrder(scene.stop.id, Decimal(6), Decimal(95)),)


def test_an_exit_that_fails_is_told_because_the_position_is_still_open() -> None:
    scene = Scene()
    scene.hold()
    scene.decide(exit_proposal(scene))
    said = scene.end(scene.exit, REJECTED, "market closed")
    event = only(said.facts, RiskRaised).event
    assert event.message == "The exit of BTC/USDT was rejected (market closed): still open"
    # and the analyst may try again
    scene.decide(exit_proposal(scene))
    assert scene.exit.status is OrderStatus.PENDING


def test_a_position_that_lost_its_stop_and_could_not_be_left_gets_a_stop_at_the_next_close() -> (
    None
):
    scene = Scene()
    position = scene.hold()
    scene.end(scene.stop, REJECTED)
    assert scene.tell(IntervalClosed()).wishes == ()  # it is being left
    scene.end(scene.exit, REJECTED, "market closed")
    said = scene.tell(IntervalClosed())
    assert said.wishes == (PlaceOrder(scene.stop.id),)
    assert (scene.stop.stop_price, scene.stop.amount) == (Decimal(95), position.size)
    assert position.stop_loss_order_id == scene.stop.id


def test_an_entry_that_waited_through_a_gap_is_taken_back_when_the_market_opens_again() -> None:
    scene = Scene()
    scene.decide(proposal())
    waiting = scene.entry
    scene.at = waiting.created_at
    assert scene.tell(IntervalOpened(), after=timedelta(0)).wishes == ()  # the very next span
    assert scene.tell(IntervalOpened(), after=timedelta(hours=4)).wishes == (
        CancelOrder(waiting.id),
    )


def test_an_entry_that_has_begun_to_fill_goes_on_after_a_gap() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", "4")
    assert scene.tell(IntervalOpened(), after=timedelta(hours=4)).wishes == ()


def test_an_entry_that_costs_more_than_there_is_cash_is_told() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "10000")
    assert scene.strategy.cash_reserve < 0
    assert any(
        "more than there was cash" in raised.event.message for raised in scene.found(RiskRaised)
    )


def test_a_lost_target_leaves_the_stop_in_charge() -> None:
    scene = Scene()
    scene.hold()
    said = scene.end(scene.target, CANCELED)
    assert kinds(said.facts) == [OrderStatusChanged]
    assert not said.wishes
    assert scene.stop.is_working


def test_what_one_protective_order_fills_the_other_gives_up() -> None:
    scene = Scene()
    position = scene.hold()
    said = scene.execute(scene.target, "110", "4")
    assert said.wishes == (AmendOrder(scene.stop.id, Decimal(6), Decimal(95)),)
    assert only(said.facts, PositionResized).size == Decimal(6)
    scene.amend(scene.stop, "6", "95")
    said = scene.execute(scene.stop, "95", "1")
    assert said.wishes == (AmendOrder(scene.target.id, Decimal(9), None),)
    assert position.realized_pnl == Decimal(40) - Decimal(5)


@pytest.mark.parametrize(
    ("wanted", "price", "stop"),
    [(proposal, "108.007", "102.60"), (short_proposal, "92.001", "96.61")],
)
def test_a_trailing_stop_is_asked_to_follow_rounded_away_from_the_price(
    wanted: Any, price: str, stop: str
) -> None:
    scene = futures()
    scene.decide(wanted(trailing_stop_pct=Decimal(5)))
    scene.execute(scene.entry, "100")
    said = scene.move(price)
    assert said.wishes == (AmendOrder(scene.stop.id, Decimal(10), Decimal(stop)),)
    scene.amend(scene.stop, "10", stop)
    assert scene.position.stop_loss_price == Decimal(stop)
    assert not scene.move("100").wishes


def test_a_trailing_stop_keeps_the_size_of_now_while_an_amendment_is_under_way() -> None:
    scene = Scene()
    scene.decide(proposal(trailing_stop_pct=Decimal(5)))
    scene.execute(scene.entry, "100", "4")
    scene.execute(scene.entry, "100", "6")
    # the stop is for 4 until the venue confirms the 10 it was asked for
    assert scene.stop.amount == Decimal(4)
    assert scene.move("110").wishes == (AmendOrder(scene.stop.id, Decimal(10), Decimal("104.5")),)


def test_prices_of_other_symbols_move_nothing() -> None:
    scene = Scene()
    position = scene.hold()
    assert scene.move("50", "ETH/USDT") == Step((), ())
    assert position.current_price == Decimal(100)


# --- ends without (further) fills -----------------------------------------------------------


@pytest.mark.parametrize("status", [CANCELED, REJECTED, EXPIRED])
def test_an_entry_that_ends_unfilled_gives_its_cash_back(status: OrderStatus) -> None:
    scene = Scene()
    scene.decide(proposal())
    said = scene.end(scene.entry, status, "post only")
    change = only(said.facts, OrderStatusChanged)
    assert (change.after, change.reason) == (status, "post only")
    assert (scene.strategy.cash_reserve, scene.strategy.reserved) == exactly(10_000, 0)
    assert not scene.fund.orders
    assert scene.fund.breaker.daily_trade_count == 0


def test_an_entry_that_ends_half_filled_leaves_a_position_of_that_half() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    scene.end(entry, CANCELED)
    assert scene.position.size == scene.stop.amount == scene.target.amount == Decimal(4)
    assert (scene.strategy.cash_reserve, scene.strategy.reserved) == exactly(9600, 0)


def test_an_entry_shrunk_to_what_is_filled_gives_the_rest_of_its_cash_back() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    said = scene.amend(entry, "4")
    change = only(said.facts, OrderStatusChanged)
    assert (change.after, change.reason) == (OrderStatus.FILLED, "amended to its fills")
    assert (scene.strategy.cash_reserve, scene.strategy.reserved) == exactly(9600, 0)


def test_an_entry_that_costs_more_than_was_put_aside_is_paid_out_of_cash() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "103", fee="1")
    assert (scene.strategy.cash_reserve, scene.strategy.reserved) == exactly(8969, 0)


def test_only_slippage_beyond_the_reserve_can_overdraw_a_spot_strategy() -> None:
    scene = Scene()
    scene.decide(proposal(size_ratio=Decimal(1)))
    assert scene.strategy.cash_reserve == Decimal("0.091")
    slipped = 100 * (1 + RESERVE_RATIO) + Decimal("0.01")
    scene.execute(scene.entry, str(slipped))
    assert scene.strategy.cash_reserve == Decimal("0.091") - Decimal("0.99009")


# --- executions -----------------------------------------------------------------------------


def test_a_fill_that_outruns_its_acknowledgement_opens_the_order_first() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    said = scene.execute(entry, "100")
    changes = [fact for fact in said.facts if isinstance(fact, OrderStatusChanged)]
    assert [(change.before, change.after) for change in changes] == [
        (OrderStatus.PENDING, OrderStatus.OPEN),
        (OrderStatus.OPEN, OrderStatus.FILLED),
    ]
    said = scene.acknowledge(entry)
    assert said == Step((), ())
    assert entry.exchange_order_id is not None


@pytest.mark.parametrize("purpose", [OrderPurpose.ENTRY, OrderPurpose.TAKE_PROFIT])
def test_a_fill_that_is_reported_again_counts_once(purpose: OrderPurpose) -> None:
    scene = Scene()
    scene.decide(proposal())
    if purpose is OrderPurpose.TAKE_PROFIT:
        scene.execute(scene.entry, "100")
    order = scene.working(purpose)
    # more than is left, were it counted again
    scene.execute(order, "105", "6", trade_id="77", fee="0.1")
    size, cash = scene.position.size, scene.strategy.cash_reserve
    said = scene.execute(order, "105", "6", trade_id="77", fee="0.1")
    assert said == Step((), ())
    assert (scene.position.size, scene.strategy.cash_reserve) == (size, cash)


def test_a_fee_in_base_currency_comes_out_of_what_was_bought() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", fee="0.01", fee_currency="BTC")
    position = scene.position
    assert (position.size, position.entry_cost, position.fees) == exactly("9.99", 999, 1)
    assert scene.strategy.balance(Account.FEES) == Decimal(1)
    assert scene.strategy.balance(Account.POSITIONS) == Decimal(999)
    assert scene.strategy.cash_reserve == Decimal(9000)
    assert scene.stop.amount == scene.target.amount == Decimal("9.99")


def test_what_a_fee_leaves_below_one_step_is_never_offered_and_is_written_off() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", fee="0.0104", fee_currency="BTC")
    position = scene.position
    assert position.size == Decimal("9.9896")
    assert scene.stop.amount == scene.target.amount == Decimal("9.989")
    said = scene.execute(scene.target, "110")
    ended = only(said.facts, PositionEnded)
    # 9.989 x 110 - 998.96 - 1.04
    assert ended.net_pnl == Decimal("98.79")
    assert scene.strategy.balance(Account.POSITIONS) == 0
    assert scene.strategy.total_pnl == ended.net_pnl


def test_a_first_fill_too_small_to_sell_is_protected_with_the_next() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    said = scene.execute(entry, "100", "0.001", fee="0.000001", fee_currency="BTC")
    assert not said.wishes
    assert scene.position.stop_loss_order_id is None
    # nothing can be sold yet, so leaving means no more buying
    assert scene.decide(exit_proposal(scene)).wishes == (CancelOrder(entry.id),)
    said = scene.execute(entry, "100", "4", fee="0.004", fee_currency="BTC")
    assert said.wishes == (PlaceOrder(scene.stop.id), PlaceOrder(scene.target.id))
    assert scene.stop.amount == scene.target.amount == Decimal("3.996")


@pytest.mark.parametrize("end", ["canceled", "filled"])
def test_an_entry_that_ends_with_less_than_can_be_sold_leaves_no_position(end: str) -> None:
    scene = on(instrument(notional_quote_min=Decimal("0.01")))
    scene.decide(proposal(size_ratio=Decimal("0.1")))
    entry = scene.entry
    said = scene.execute(entry, "100", "0.001", fee="0.000001", fee_currency="BTC")
    said = scene.end(entry, CANCELED) if end == "canceled" else scene.amend(entry, "0.001")
    ended = only(said.facts, PositionEnded)
    assert (ended.status, ended.net_pnl) == (PositionStatus.CLOSED, Decimal("-0.1"))
    assert ended.reasoning == "entered at 100 with less than can be sold"
    # nothing was ever sold: no exit to learn from
    assert not said.wishes
    assert not scene.fund.positions
    assert not scene.fund.orders
    assert scene.strategy.current_equity == scene.strategy.cash_reserve == Decimal("9999.9")


def test_a_fee_in_the_venues_own_token_is_booked_in_that_token() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", fee="0.002", fee_currency="BNB")
    scene.execute(scene.target, "110", fee="0.003", fee_currency="BNB")
    held = scene.strategy
    assert held.balance(Account.FEES, "BNB") == Decimal("0.005")
    assert held.balance(Account.CAPITAL, "BNB") == Decimal("-0.005")
    assert held.balance(Account.FEES) == 0
    assert held.cash_reserve == Decimal(10_100)
    assert scene.found(PositionEnded)[0].net_pnl == Decimal(100)


def test_a_fee_in_more_decimals_than_the_books_have_is_never_understated() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", fee="0.11")
    assert scene.strategy.balance(Account.FEES) == scene.position.fees == Decimal("0.11")


def test_a_rebate_is_a_fee_below_zero() -> None:
    scene = Scene()
    scene.decide(proposal())
    scene.execute(scene.entry, "100", fee="-0.5")
    assert scene.strategy.cash_reserve == Decimal("9000.5")
    assert scene.position.net_pnl == Decimal("0.5")


# --- futures --------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "cash"), [("1.25", "8998.75"), ("-1.25", "9001.25")])
def test_funding_is_paid_from_cash_or_received_into_it(amount: str, cash: str) -> None:
    scene = futures()
    position = scene.hold()
    scene.tell(FundingSettled(position.id, scene.at, Decimal(amount)))
    assert scene.strategy.cash_reserve == Decimal(cash)
    assert scene.strategy.balance(Account.FUNDING) == position.funding == Decimal(amount)
    assert position.net_pnl == -Decimal(amount)
    assert scene.strategy.current_equity == 10_000 - Decimal(amount)


def test_a_settlement_is_charged_once_however_often_and_late_it_is_reported() -> None:
    scene = futures()
    position = scene.hold()
    first, second = (
        FundingSettled(position.id, position.opened_at + hours * timedelta(hours=8), Decimal(1))
        for hours in (1, 2)
    )
    # the second is heard of before the first
    for message in (second, first, second, first, first):
        scene.tell(message, after=timedelta(days=1))
    assert position.funding == scene.strategy.balance(Account.FUNDING) == Decimal(2)
    moved = [fact.transfer for fact in scene.found(CashMoved)]
    funded = [transfer for transfer in moved if transfer.reason is TransferReason.FUNDING]
    assert [transfer.at for transfer in funded] == [second.settled_at, first.settled_at]


def test_funding_of_a_time_before_the_position_is_refused() -> None:
    scene = futures()
    position = scene.hold()
    before = repr(scene.fund)
    early = position.opened_at - timedelta(seconds=1)
    with pytest.raises(InvalidValue) as cannot_be:
        scene.tell(FundingSettled(position.id, early, Decimal(1)))
    assert cannot_be.value.field == "settled_at"
    assert repr(scene.fund) == before


def test_a_liquidation_is_an_order_and_a_fill_of_its_own_and_ends_the_position() -> None:
    scene = futures()
    position = scene.hold(leverage=10)
    stop, target = scene.stop, scene.target
    assert position.margin == Decimal(1000)
    said = scene.tell(PositionLiquidated(position.id, Decimal("90.45"), Decimal(9), "liq-1"))

    created = only(said.facts, OrderCreated)
    assert (created.purpose, created.side, created.amount, created.agent_id) == (
        OrderPurpose.EXIT,
        OrderSide.SELL,
        Decimal(100),
        "venue",
    )
    assert created.parent_order_id == position.entry_order_id
    booked = only(said.facts, FillBooked).fill
    assert (booked.order_id, booked.venue_trade_id, booked.price) == (
        created.order_id,
        "liq-1",
        Decimal("90.45"),
    )
    ended = only(said.facts, PositionEnded)
    assert (ended.status, ended.net_pnl) == (PositionStatus.LIQUIDATED, Decimal(-964))
    assert ended.reasoning == "liquidated by the venue at 90.45"
    assert raised(said)[0] is RiskEventType.ANOMALY_DETECTED
    # the venue has done it: there is nothing to send, only orders to take back
    told = [wish for wish in said.wishes if not isinstance(wish, Notify)]
    assert told == [CancelOrder(stop.id), CancelOrder(target.id), LearnFromTrade(position.id)]
    assert scene.strategy.current_equity == scene.strategy.cash_reserve == Decimal(9036)


def test_spot_knows_neither_funding_nor_liquidation() -> None:
    scene = Scene()
    position = scene.hold()
    for message in (
        FundingSettled(position.id, scene.at, Decimal(1)),
        PositionLiquidated(position.id, Decimal(1), Decimal(0), "liq-1"),
    ):
        with pytest.raises(InvalidValue) as cannot_be:
            scene.tell(message)
        assert cannot_be.value.field == "market_type"


# --- the breaker ----------------------------------------------------------------------------


def test_a_drawdown_halts_entries_even_those_on_their_way_but_lets_positions_close() -> None:
    scene = Scene()
    scene.hold(size_ratio=Decimal("0.5"))
    scene.decide(proposal("ETH/USDT"), ETH)
    entry = scene.entry
    assert raised(scene.move("92")) == [RiskEventType.DRAWDOWN_WARNING]
    said = scene.move("90")
    assert raised(said) == [RiskEventType.CIRCUIT_BREAKER_TRIGGERED]
    assert CancelOrder(entry.id) in said.wishes
    assert only(said.wishes, Notify).severity == "critical"

    assert refused(scene, pair_id=SOL).found == "daily drawdown exceeded"
    scene.decide(exit_proposal(scene))
    scene.execute(scene.exit, "90")
    assert not scene.fund.positions


def test_three_losses_in_a_row_halt_trading() -> None:
    scene = Scene(fund(own=settings(max_daily_drawdown=Decimal(100))))
    for loss in range(3):
        assert not scene.fund.breaker.is_triggered
        scene.hold()
        said = scene.execute(scene.stop, "95")
        scene.end(scene.target, CANCELED)
        assert scene.fund.breaker.consecutive_losses == loss + 1
    assert raised(said) == [
        RiskEventType.CONSECUTIVE_LOSS,
        RiskEventType.CIRCUIT_BREAKER_TRIGGERED,
    ]
    assert refused(scene).found == "consecutive losses"


def test_a_fill_on_an_entry_that_the_breaker_came_too_late_for_is_a_position_all_the_same() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    said = scene.tell(KillSwitchPulled("enough"))
    assert CancelOrder(entry.id) in said.wishes
    scene.execute(entry, "100")
    assert scene.stop.amount == scene.position.size == Decimal(10)


def test_the_kill_switch_is_written_down_twice_as_pulled_and_as_tripped() -> None:
    said = Scene().tell(KillSwitchPulled("enough"))
    assert raised(said) == [
        RiskEventType.KILL_SWITCH_ACTIVATED,
        RiskEventType.CIRCUIT_BREAKER_TRIGGERED,
    ]


def test_a_user_who_wants_no_notifications_is_not_told_but_the_events_are_kept() -> None:
    scene = Scene(fund(own=settings(notifications_on=False)))
    said = scene.tell(KillSwitchPulled("enough"))
    assert len(raised(said)) == 2
    assert not said.wishes
    assert [event.event_type for event in scene.fund.take_changes().risk_events] == raised(said)


def test_switched_off_the_breaker_halts_nothing() -> None:
    scene = Scene(fund(own=settings(circuit_breaker_on=False)))
    scene.hold(size_ratio=Decimal("0.5"))
    assert scene.move("50") == Step((), ())
    assert only(scene.decide(proposal("ETH/USDT"), ETH).facts, ProposalAccepted)


def test_at_midnight_utc_trading_is_allowed_again_and_the_day_is_measured_from_then() -> None:
    scene = Scene()
    scene.hold(size_ratio=Decimal("0.5"))
    scene.move("90")
    last_moment = MIDNIGHT - timedelta(microseconds=1)
    assert not scene.tell(IntervalClosed(), after=last_moment - scene.at).wishes
    assert scene.fund.breaker.is_triggered

    said = scene.tell(IntervalClosed(), after=MIDNIGHT - scene.at)
    assert said.facts[0] == BreakerReset(MIDNIGHT + timedelta(days=1))
    breaker = scene.fund.breaker
    assert (breaker.is_triggered, breaker.daily_trade_count) == (False, 0)
    assert breaker.day_start_equity == scene.fund.equity == Decimal(9500)
    assert scene.strategy.daily_returns.count == 1
    assert scene.strategy.daily_returns.mean == Decimal("-0.05")
    assert only(scene.decide(proposal("ETH/USDT"), ETH).facts, ProposalAccepted)


def test_the_day_turns_once_whatever_comes_first() -> None:
    scene = Scene()
    scene.tell(PriceMoved("BTC/USDT", Decimal(100)), after=timedelta(days=1))
    scene.tell(IntervalClosed())
    assert len(scene.found(BreakerReset)) == 1


def test_days_in_which_nothing_was_heard_have_earned_nothing() -> None:
    scene = Scene()
    scene.hold(size_ratio=Decimal("0.5"))
    scene.move("98")
    scene.tell(IntervalClosed(), after=MIDNIGHT + timedelta(days=3, hours=5) - scene.at)
    assert scene.found(BreakerReset) == [BreakerReset(MIDNIGHT + timedelta(days=4))]
    returns = DailyReturns()
    with exact():
        for earned in ("-0.01", "0", "0", "0"):
            returns.add(Decimal(earned))
    assert scene.strategy.daily_returns == returns


def test_at_the_close_of_an_interval_every_strategy_is_marked() -> None:
    scene = Scene()
    scene.hold()
    scene.move("104")
    said = scene.tell(IntervalClosed())
    assert said.facts == (EquityMarked(STRATEGY, Decimal(10_040), Decimal(9000)),)


def test_two_strategies_have_cash_of_their_own_and_one_breaker() -> None:
    scene = Scene()
    second = strategy(id=UUID(int=0x32), name="Conservative Growth")
    watched = pair(UUID(int=0x44), "ETH/USDT", strategy_id=second.id)
    scene.fund.instruments = {**scene.fund.instruments, watched.id: instrument("ETH/USDT")}
    scene.fund.open_strategy(second, [watched], scene.at)
    scene.hold(pair_id=watched.id, size_ratio=Decimal("0.5"))
    assert (scene.strategy.cash_reserve, second.cash_reserve) == exactly(10_000, 5000)
    # -9 % of half of one strategy is -4.5 % of it and -2.25 % of the fund
    scene.move("91", "ETH/USDT")
    assert scene.fund.breaker.daily_pnl_percent == Decimal("-2.25")
    assert (scene.strategy.total_pnl, second.total_pnl) == exactly(0, -450)


# --- what cannot be -------------------------------------------------------------------------

NOWHERE = UUID(int=0xDEAD)


def unknown(scene: Scene) -> list[Message]:
    gone = ExitProposal("BTC/USDT", NOWHERE, "", "risk_manager")
    return [
        OrderAcknowledged(NOWHERE, "1"),
        OrderFilled(fill("100", "1", of=NOWHERE)),
        OrderEnded(NOWHERE, CANCELED, ""),
        OrderAmended(NOWHERE, Decimal(1), None),
        FundingSettled(NOWHERE, scene.at, Decimal(1)),
        PositionLiquidated(NOWHERE, Decimal(1), Decimal(0), "liq-1"),
        DecisionMade(NOWHERE, proposal()),
        DecisionMade(BTC, gone),
        ProposalApproved(NOWHERE, proposal()),
    ]


def impossible(scene: Scene) -> list[tuple[Message, type[HedgerowError]]]:
    entry, stop, position = scene.entry, scene.stop, scene.position
    filled = scene.fund.orders[position.entry_order_id]
    assert position.take_profit_order_id is not None
    canceled = scene.fund.orders[position.take_profit_order_id]
    return [
        (OrderFilled(fill("100", "10.101", of=entry.id, trade_id="x")), FillRefused),
        (OrderFilled(fill("95", "4.001", of=stop.id, trade_id="x")), FillRefused),
        (OrderFilled(fill("110", "1", of=canceled.id, trade_id="x")), TransitionRefused),
        (
            OrderFilled(fill("1", "1", of=entry.id, trade_id="x", fee="1", fee_currency="ETH")),
            FillRefused,
        ),
        (OrderEnded(entry.id, OrderStatus.FILLED, ""), InvalidValue),
        (OrderEnded(entry.id, OrderStatus.OPEN, ""), InvalidValue),
        (OrderEnded(filled.id, CANCELED, ""), TransitionRefused),
        (OrderAmended(filled.id, Decimal(20), None), TransitionRefused),
        (OrderAmended(stop.id, Decimal(0), Decimal(95)), InvalidValue),
        (OrderAmended(stop.id, Decimal(4), None), InvalidValue),
        (PriceMoved("BTC/USDT", Decimal(0)), InvalidValue),
        (PriceMoved("BTC/USDT", Decimal("NaN")), NotExact),
        (PriceMoved("BTC/USDT", 100.0), NotExact),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("number", range(9))
def test_what_this_fund_does_not_hold_is_refused_and_leaves_no_trace(number: int) -> None:
    scene = Scene()
    before = repr(scene.fund)
    with pytest.raises(UnknownEntity):
        scene.tell(unknown(scene)[number], after=timedelta(days=1))
    assert repr(scene.fund) == before


@pytest.mark.parametrize("number", range(13))
def test_what_cannot_be_is_refused_and_leaves_no_trace_not_even_of_the_new_day(
    number: int,
) -> None:
    scene = Scene()
    scene.hold()
    scene.execute(scene.target, "110", "6")
    scene.end(scene.target, CANCELED)
    scene.decide(proposal("ETH/USDT"), ETH)
    assert (scene.position.size, scene.entry.amount) == exactly(4, "10.1")
    before = repr(scene.fund)
    message, error = impossible(scene)[number]
    with pytest.raises(error):
        scene.tell(message, after=timedelta(days=1))
    assert repr(scene.fund) == before


@pytest.mark.parametrize(
    ("price", "fee", "error"),
    [
        (Decimal(0), Decimal(0), InvalidValue),
        (Decimal("NaN"), Decimal(0), NotExact),
        (Decimal(90), Decimal("NaN"), NotExact),
    ],
)
def test_a_liquidation_that_cannot_be_leaves_no_order_behind(
    price: Decimal, fee: Decimal, error: type[HedgerowError]
) -> None:
    scene = futures()
    position = scene.hold()
    before = repr(scene.fund)
    with pytest.raises(error):
        scene.tell(PositionLiquidated(position.id, price, fee, "liq-1"))
    assert repr(scene.fund) == before


def test_funding_is_exact() -> None:
    scene = futures()
    position = scene.hold()
    with pytest.raises(NotExact):
        scene.tell(FundingSettled(position.id, scene.at, 1.5))  # type: ignore[arg-type]


def test_a_late_fill_of_a_protective_order_whose_position_has_ended_is_refused() -> None:
    scene = Scene()
    scene.hold()
    stop = scene.stop
    scene.execute(scene.target, "110")
    with pytest.raises(FillRefused) as cannot_be:
        scene.execute(stop, "95")
    assert cannot_be.value.problem == "10.0 is more than the 0 open"


def test_an_amendment_confirmed_after_its_position_has_ended_changes_only_the_order() -> None:
    scene = Scene()
    scene.hold()
    stop = scene.stop
    scene.execute(scene.target, "110")
    said = scene.amend(stop, "4", "95")
    assert said == Step((OrderChanged(stop.id, Decimal(4), Decimal(95)),), ())


def test_an_entry_filled_after_its_position_has_ended_opens_another() -> None:
    scene = Scene()
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    first, stop = scene.position, scene.stop
    said = scene.execute(stop, "95")
    assert CancelOrder(entry.id) in said.wishes
    scene.execute(entry, "94", "6")
    second = scene.position
    assert second.id != first.id
    assert entry.position_id == second.id
    assert (second.size, second.entry_price, scene.stop.amount) == exactly(6, 94, 6)
    assert scene.fund.breaker.daily_trade_count == 2


def test_time_does_not_run_backwards() -> None:
    scene = Scene()
    with pytest.raises(AssertionError):
        scene.tell(IntervalClosed(), after=timedelta(seconds=-1))


def test_the_same_messages_make_the_same_facts_and_ids() -> None:
    def run() -> Scene:
        scene = Scene()
        scene.hold()
        scene.execute(scene.stop, "95", "4")
        scene.tell(KillSwitchPulled("enough"))
        scene.execute(scene.stop, "94")
        return scene

    one, other = run(), run()
    assert (one.facts, one.wishes) == (other.facts, other.wishes)
    assert Counter(type(fact) for fact in one.facts)[FillBooked] == 3
