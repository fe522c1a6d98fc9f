"""What the tests of the domain are made of: sound entities, and a fund to be told things.

Each builder gives something every check accepts; a test names only what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID

import hypothesis

from hedgerow.domain.accounts import ExchangeAccount, Permission
from hedgerow.domain.ai_usage import AIProvider, AIUsageLog
from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import IdSequence
from hedgerow.domain.ledger import Reference
from hedgerow.domain.limits import LimitProfile, Limits, TierName
from hedgerow.domain.market import Exchange, Instrument, MarketType, Timeframe
from hedgerow.domain.messages import (
    DecisionMade,
    Fact,
    FundingSettled,
    IntervalClosed,
    KillSwitchPulled,
    Message,
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PositionLiquidated,
    PriceMoved,
    Step,
    Wish,
)
from hedgerow.domain.money import floor_to_step
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.domain.pairs import StrategyMode, TradingPair
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import (
    Abstention,
    Decision,
    ExitProposal,
    IndicatorsAtEntry,
    Proposal,
    SetupType,
    StopProposal,
)
from hedgerow.domain.regimes import Regime
from hedgerow.domain.risk import CircuitBreakerState, next_midnight
from hedgerow.domain.strategies import RiskTolerance, Strategy
from hedgerow.domain.users import User, UserSettings
from hedgerow.usecases.ports.funds import PendingWish, TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)
"""A Monday; the breaker's next reset is twelve hours away."""

USER, TIER = UUID(int=0x11), UUID(int=0x12)
ACCOUNT, STRATEGY = UUID(int=0x21), UUID(int=0x31)
BTC, ETH, SOL = UUID(int=0x41), UUID(int=0x42), UUID(int=0x43)
ORDER, POSITION = UUID(int=0x51), UUID(int=0x61)

_Fact = TypeVar("_Fact")

reproducible = hypothesis.settings(derandomize=True, deadline=None)
"""The same examples every time: a test that fails once fails again."""


def exactly(*numbers: int | str) -> tuple[Decimal, ...]:
    """Several decimals, to compare with several at once."""
    return tuple(Decimal(number) for number in numbers)


def settings(**changes: Any) -> UserSettings:
    """Settings so wide that only the bound a test narrows can bind."""
    wide = UserSettings(
        max_positions=10,
        max_portfolio_risk=Decimal(100),
        max_daily_drawdown=Decimal(5),
        max_consecutive_loss=3,
        max_position_size_usd=Decimal(100_000),
        max_total_exposure_usd=Decimal(1_000_000),
        min_position_size_usd=Decimal(10),
        max_leverage_multiple=Decimal(50),
    )
    return replace(wide, **changes)


def limits(**changes: Any) -> Limits:
    """A tier as wide as the settings."""
    wide = Limits(
        exchanges_count=5,
        active_positions=10,
        daily_trades_count=100,
        monthly_trades_count=1000,
        trading_pairs_count=20,
        monthly_ai_requests=1000,
        max_agents_count=20,
        advanced_agents_access=True,
        max_leverage=Decimal(50),
        max_position_size_usd=Decimal(100_000),
        max_total_exposure_usd=Decimal(1_000_000),
        backtesting_allowed=True,
        live_trading_allowed=True,
        realtime_data_access=True,
        priority_support=True,
    )
    return replace(wide, **changes)


def instrument(
    symbol: str = "BTC/USDT", market_type: MarketType = MarketType.SPOT, **changes: Any
) -> Instrument:
    """Prices in cents, quantities in thousandths, at least 5 quote an order."""
    usual = Instrument(
        symbol=symbol,
        market_type=market_type,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
        notional_quote_min=Decimal(5),
    )
    return replace(usual, **changes)


def pair(
    pair_id: UUID = BTC,
    symbol: str = "BTC/USDT",
    market_type: MarketType = MarketType.SPOT,
    **changes: Any,
) -> TradingPair:
    """A pair that trades by itself."""
    usual = TradingPair(
        id=pair_id,
        user_id=USER,
        strategy_id=STRATEGY,
        exchange_account_id=ACCOUNT,
        symbol=symbol,
        market_type=market_type,
        budget=Decimal(100_000),
        max_position_size=Decimal(100_000),
        max_leverage=50,
        stop_loss_percent=Decimal(5),
        take_profit_percent=Decimal(10),
        ai_provider="house",
        strategy_mode=StrategyMode.AUTO,
        timeframes=(Timeframe.H1,),
    )
    return replace(usual, **changes)


def account(**changes: Any) -> ExchangeAccount:
    """Paper trading on Binance."""
    usual = ExchangeAccount(
        id=ACCOUNT,
        user_id=USER,
        exchange=Exchange.BINANCE,
        label="Main Binance",
        is_testnet=True,
        permissions=(Permission.SPOT, Permission.FUTURES, Permission.READ, Permission.TRADE),
    )
    return replace(usual, **changes)


def strategy(market_type: MarketType = MarketType.SPOT, **changes: Any) -> Strategy:
    """10,000 USDT, not yet paid in."""
    usual: dict[str, Any] = {
        "id": STRATEGY,
        "user_id": USER,
        "name": "Momentum Trading",
        "quote_currency": "USDT",
        "allocated_capital": Decimal(10_000),
        "market_type": market_type,
        "risk_tolerance": RiskTolerance.MODERATE,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Strategy(**(usual | changes))


def breaker(**changes: Any) -> CircuitBreakerState:
    """Trips at -5 % of 10,000 or at three losses in a row."""
    usual = CircuitBreakerState(
        user_id=USER,
        max_daily_drawdown=Decimal(5),
        max_consecutive_loss=3,
        reset_at=next_midnight(NOON),
        day_start_equity=Decimal(10_000),
    )
    return replace(usual, **changes)


def proposal(symbol: str = "BTC/USDT", **changes: Any) -> Proposal:
    """Buy at the market at 100, out at 95 or 110, with a tenth of the equity."""
    usual = Proposal(
        symbol=symbol,
        timeframe=Timeframe.H1,
        side=PositionSide.LONG,
        entry_type=OrderType.MARKET,
        entry_price=Decimal(100),
        stop_loss_price=Decimal(95),
        take_profit_price=Decimal(110),
        trailing_stop_pct=None,
        size_ratio=Decimal("0.1"),
        leverage=1,
        confidence=0.7,
        setup_type=SetupType.BREAKOUT,
        strategy_used="momentum breakout",
        regime=Regime.TREND_UP,
        reasoning="volume confirms the breakout",
        agent_id="portfolio_manager",
        memories_used=(),
        indicators=IndicatorsAtEntry(rsi=61.0, atr=2.5, volume=1200.0),
    )
    return replace(usual, **changes)


def stop_proposal(position: Position, price: str, **changes: Any) -> StopProposal:
    """Move the stop of a position to `price`."""
    usual = StopProposal(
        symbol=position.symbol,
        position_id=position.id,
        stop_loss_price=Decimal(price),
        reasoning="the move has paid for itself",
        agent_id="risk_manager",
    )
    return replace(usual, **changes)


def short_proposal(symbol: str = "BTC/USDT", **changes: Any) -> Proposal:
    """Sell at the market at 100, out at 105 or 90."""
    usual = proposal(
        symbol,
        side=PositionSide.SHORT,
        stop_loss_price=Decimal(105),
        take_profit_price=Decimal(90),
        regime=Regime.TREND_DOWN,
    )
    return replace(usual, **changes)


def order(**changes: Any) -> Order:
    """A pending market order to buy 10."""
    usual: dict[str, Any] = {
        "id": ORDER,
        "user_id": USER,
        "strategy_id": STRATEGY,
        "trading_pair_id": BTC,
        "exchange_account_id": ACCOUNT,
        "symbol": "BTC/USDT",
        "market_type": MarketType.SPOT,
        "side": OrderSide.BUY,
        "type": OrderType.MARKET,
        "purpose": OrderPurpose.ENTRY,
        "amount": Decimal(10),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Order(**(usual | changes))


def fill(
    price: str,
    quantity: str,
    *,
    of: UUID = ORDER,
    trade_id: str = "t-1",
    fee: str = "0",
    fee_currency: str = "USDT",
    at: datetime = NOON,
) -> Fill:
    """An execution; by default of the order and with the trade id that `order` knows."""
    return Fill(
        order_id=of,
        venue_trade_id=trade_id,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        fee_currency=fee_currency,
        is_maker=False,
        filled_at=at,
    )


def position(side: PositionSide = PositionSide.LONG, **changes: Any) -> Position:
    """A position that nothing has been added to; futures, so that it may be long or short."""
    usual: dict[str, Any] = {
        "id": POSITION,
        "user_id": USER,
        "strategy_id": STRATEGY,
        "trading_pair_id": BTC,
        "exchange_account_id": ACCOUNT,
        "entry_order_id": ORDER,
        "symbol": "BTC/USDT",
        "market_type": MarketType.FUTURES,
        "side": side,
        "opened_at": NOON,
        "updated_at": NOON,
        "current_price": Decimal(100),
        "maintenance_margin_ratio": Decimal("0.005"),
    }
    return Position(**(usual | changes))


def reference(transfer: int = 1, at: datetime = NOON) -> Reference:
    """What a transfer is filed under."""
    return Reference(UUID(int=transfer), at)


def opened_fund(
    market_type: MarketType = MarketType.SPOT,
    *,
    user_id: UUID = USER,
    own: UserSettings | None = None,
    tier: Limits | None = None,
    traded: Iterable[tuple[TradingPair, Instrument]] | None = None,
    through: ExchangeAccount | None = None,
    paid_in: Strategy | None = None,
    at: datetime = NOON,
) -> tuple[Fund, Step]:
    """A fund of 10,000 USDT that begins to trade BTC, ETH and SOL, and its first step, unsaved."""
    own = own or settings()
    if traded is None:
        symbols = {BTC: "BTC/USDT", ETH: "ETH/USDT", SOL: "SOL/USDT"}
        traded = [
            (pair(pair_id, symbol, market_type), instrument(symbol, market_type))
            for pair_id, symbol in symbols.items()
        ]
    traded = list(traded)
    through = through or account()
    made = Fund(
        user=User(user_id, "Ada", "Byron", TIER, own, created_at=at, updated_at=at),
        limit_profile=LimitProfile(TIER, TierName.PREMIUM, "", tier or limits()),
        breaker=CircuitBreakerState(
            user_id=user_id,
            max_daily_drawdown=own.max_daily_drawdown,
            max_consecutive_loss=own.max_consecutive_loss,
            reset_at=next_midnight(at),
            day_start_equity=Decimal(0),
            is_enabled=own.circuit_breaker_on,
        ),
        ids=IdSequence(user_id.bytes),
        as_of=at,
        accounts={through.id: through},
        instruments={watched.id: rules for watched, rules in traded},
    )
    paid_in = paid_in or strategy(market_type)
    return made, made.open_strategy(paid_in, [watched for watched, _ in traded], at)


def fund(market_type: MarketType = MarketType.SPOT, **details: Any) -> Fund:
    """A fund of 10,000 USDT that has begun to trade BTC, ETH and SOL and has just been saved."""
    made, _ = opened_fund(market_type, **details)
    made.take_changes()
    return made


@dataclass(slots=True)
class Scene:
    """A fund, its clock, and what it has found and wished so far."""

    fund: Fund = field(default_factory=fund)
    at: datetime = NOON
    facts: list[Fact] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    _trades: int = 0

    @property
    def strategy(self) -> Strategy:
        """The only strategy."""
        return self.fund.strategies[STRATEGY]

    @property
    def position(self) -> Position:
        """The only open position."""
        (held,) = self.fund.positions.values()
        return held

    def working(self, purpose: OrderPurpose) -> Order:
        """The only working order of that purpose."""
        (found,) = (o for o in self.fund.orders.values() if o.is_working and o.purpose is purpose)
        return found

    @property
    def entry(self) -> Order:
        """The only working entry."""
        return self.working(OrderPurpose.ENTRY)

    @property
    def stop(self) -> Order:
        """The only working stop-loss."""
        return self.working(OrderPurpose.STOP_LOSS)

    @property
    def target(self) -> Order:
        """The only working take-profit."""
        return self.working(OrderPurpose.TAKE_PROFIT)

    @property
    def exit(self) -> Order:
        """The only working exit."""
        return self.working(OrderPurpose.EXIT)

    def found(self, kind: type[_Fact]) -> list[_Fact]:
        """All facts of one kind so far, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def tell(self, message: Message, after: timedelta = timedelta(seconds=1)) -> Step:
        """Give the fund a message a little later."""
        self.at += after
        step = self.fund.step(message, self.at)
        self.facts += step.facts
        self.wishes += step.wishes
        return step

    def decide(self, decision: Decision, pair_id: UUID = BTC) -> Step:
        """Let the analyst speak."""
        return self.tell(DecisionMade(pair_id, decision))

    def acknowledge(self, of: Order) -> Step:
        """Let the venue take an order."""
        return self.tell(OrderAcknowledged(of.id, f"venue-{of.id.int % 1000}"))

    def execute(self, of: Order, price: str, quantity: str | None = None, **details: Any) -> Step:
        """Let the venue execute an order, or `quantity` of it, as a trade of its own."""
        self._trades += 1
        details.setdefault("trade_id", f"trade-{self._trades}")
        details.setdefault("at", self.at + timedelta(milliseconds=500))
        return self.tell(
            OrderFilled(fill(price, quantity or str(of.remaining), of=of.id, **details))
        )

    def end(self, of: Order, status: OrderStatus, reason: str = "the venue says so") -> Step:
        """Let the venue end an order."""
        return self.tell(OrderEnded(of.id, status, reason))

    def amend(self, of: Order, amount: str, stop_price: str | None = None) -> Step:
        """Let the venue confirm an amendment."""
        stop = None if stop_price is None else Decimal(stop_price)
        return self.tell(OrderAmended(of.id, Decimal(amount), stop))

    def move(self, price: str, symbol: str = "BTC/USDT") -> Step:
        """Let the market move."""
        return self.tell(PriceMoved(symbol, Decimal(price)))

    def hold(self, price: str = "100", pair_id: UUID = BTC, **proposed: Any) -> Position:
        """Propose, and have it filled at once: the position that comes of it."""
        watched = self.fund.pairs[pair_id]
        self.decide(proposal(watched.symbol, **proposed), pair_id)
        (waiting,) = (o for o in self.fund.working_entries() if o.trading_pair_id == pair_id)
        self.execute(waiting, price)
        (held,) = (p for p in self.fund.positions.values() if p.trading_pair_id == pair_id)
        return held


async def begin(open_unit: OpenUnitOfWork, fund: Fund, step: Step) -> Fund:
    """Store a new fund with its first step."""
    async with open_unit(SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(fund.as_of, step)])
        await unit.commit()
    return fund


async def keep(open_unit: OpenUnitOfWork, fund: Fund, *steps: Step) -> list[PendingWish]:
    """Save what steps led to."""
    async with open_unit(SYSTEM) as unit:
        wishes = await unit.funds.save(fund, [TimedStep(fund.as_of, step) for step in steps])
        await unit.commit()
    return wishes


def usage_log(event_id: str, **changes: Any) -> AIUsageLog:
    """A call of a model, as it is logged."""
    usual = AIUsageLog(
        timestamp=NOON,
        event_id=event_id,
        user_id="ann",
        session_id="s'1",
        agent_name="market_analyst",
        provider=AIProvider.ANTHROPIC,
        model_id="claude-sonnet-4",
        prompt_tokens=1500,
        completion_tokens=300,
        total_tokens=1800,
        input_cost_usd=Decimal("0.25"),
        output_cost_usd=Decimal("0.5"),
        total_cost_usd=Decimal("0.75"),
        tool_calls_count=2,
        is_cached=True,
        cache_hit=False,
        latency_ms=1234,
        reasoning_step=1,
        workflow_name="MarketResearchWorkflow",
        cached_tokens=700,
        cache_write_tokens=50,
        thinking_tokens=120,
    )
    return replace(usual, **changes)


def digits(value: object) -> Any:
    """A value as text and containers, so that two are equal only digit by digit.

    Enums and the texts they stand for are the same, so are tuples and lists.
    """
    match value:
        case StrEnum():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return [digits(item) for item in value]
        case dict():
            return {digits_of_key(key): digits(item) for key, item in value.items()}
        case _ if is_dataclass(value):
            return {each.name: digits(getattr(value, each.name)) for each in fields(value)}
        case _:
            return value


def digits_of_key(key: object) -> object:
    """A key of a dictionary, as `digits` would have it."""
    return tuple(str(part) for part in key) if isinstance(key, tuple) else key


@dataclass(frozen=True, slots=True)
class Nudge:
    """What a walk does next: which `kind` of thing, to which candidate, how much, how late.

    After it, the walk may rest: that is when a fund is saved.
    """

    kind: int
    which: int
    much: int
    minutes: int
    rests: bool

    def one_of(self, candidates: Sequence[_Fact]) -> _Fact | None:
        """The candidate that is meant, where there is any."""
        return candidates[self.which % len(candidates)] if candidates else None


def _propose(fund: Fund, nudge: Nudge, _: str) -> Message | None:
    watched = nudge.one_of(list(fund.pairs.values()))
    assert watched is not None
    shape: dict[str, Any] = {
        "size_ratio": Decimal(1 + nudge.much % 3) / 10,
        "entry_type": OrderType.LIMIT if nudge.much % 2 else OrderType.MARKET,
        "trailing_stop_pct": Decimal(3) if nudge.much % 4 == 0 else None,
    }
    if watched.market_type is MarketType.SPOT:
        return DecisionMade(watched.id, proposal(watched.symbol, **shape))
    made = short_proposal if nudge.much % 5 < 3 else proposal
    return DecisionMade(watched.id, made(watched.symbol, leverage=1 + nudge.much % 7, **shape))


def _working(fund: Fund) -> list[Order]:
    return [one for one in fund.orders.values() if one.is_working]


def _acknowledge(fund: Fund, nudge: Nudge, name: str) -> Message | None:
    chosen = nudge.one_of(_working(fund))
    return None if chosen is None else OrderAcknowledged(chosen.id, name)


def _execute(fund: Fund, nudge: Nudge, name: str) -> Message | None:
    chosen = nudge.one_of(_working(fund))
    if chosen is None:
        return None
    rules = fund.instruments[chosen.trading_pair_id]
    held = fund.positions.get(chosen.position_id) if chosen.position_id else None
    most = chosen.remaining
    if chosen.purpose is not OrderPurpose.ENTRY:
        most = min(most, held.size) if held else Decimal(0)
    part = floor_to_step(most * (1 + nudge.much % 3) / 3, rules.quantity_step)
    quantity = part if part and nudge.much % 2 else most
    if not quantity:
        return None
    buys_spot = chosen.market_type is MarketType.SPOT and chosen.side is OrderSide.BUY
    currency = ("USDT", "BNB", rules.base if buys_spot else "USDT")[nudge.much % 7 % 3]
    fee = {"USDT": "0.0123456789", "BNB": "0.0000005"}.get(currency, "0.0004")
    price = str(Decimal(90) + Decimal(nudge.much * 37 % 2500) / 100)
    made = fill(
        price,
        str(quantity),
        of=chosen.id,
        trade_id=name,
        fee=fee,
        fee_currency=currency,
        at=fund.as_of,
    )
    return None if currency == rules.base and made.fee >= quantity else OrderFilled(made)


def _end(fund: Fund, nudge: Nudge, _: str) -> Message | None:
    chosen = nudge.one_of(_working(fund))
    statuses = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
    if chosen is None:
        return None
    return OrderEnded(chosen.id, statuses[nudge.much % 3], "the venue says so")


def _amend(fund: Fund, nudge: Nudge, _: str) -> Message | None:
    chosen = nudge.one_of(_working(fund))
    if chosen is None:
        return None
    amount = chosen.filled_amount + chosen.remaining * (nudge.much % 4) / 2
    stop = None if chosen.stop_price is None else chosen.stop_price + Decimal("0.01")
    return OrderAmended(chosen.id, amount, stop) if amount else None


def _move(fund: Fund, nudge: Nudge, _: str) -> Message | None:
    watched = nudge.one_of(list(fund.pairs.values()))
    assert watched is not None
    return PriceMoved(watched.symbol, Decimal(9000 + nudge.much * 53 % 2500) / 100)


def _leave(fund: Fund, nudge: Nudge, _: str) -> Message | None:
    held = nudge.one_of(list(fund.positions.values()))
    if held is None:
        return None
    left = ExitProposal(held.symbol, held.id, "the idea is spent", "portfolio_manager")
    return DecisionMade(held.trading_pair_id, left)


def _happen_elsewhere(fund: Fund, nudge: Nudge, name: str) -> Message | None:
    held = nudge.one_of(list(fund.positions.values()))
    if nudge.much % 40 == 0:
        return KillSwitchPulled("enough for today")
    if held is None or held.market_type is MarketType.SPOT:
        chosen = nudge.one_of(list(fund.pairs.values()))
        assert chosen is not None
        return DecisionMade(chosen.id, Abstention(chosen.symbol, "nothing to do", "analyst"))
    if nudge.much % 4 == 0:
        return PositionLiquidated(held.id, Decimal(120), Decimal("0.5"), name)
    return FundingSettled(held.id, fund.as_of, Decimal(nudge.much - 50) / 100_000_000_0)


def _close_interval(_: Fund, __: Nudge, ___: str) -> Message:
    return IntervalClosed()


_WALKS: Final[Sequence[Callable[[Fund, Nudge, str], Message | None]]] = (
    *(_propose,) * 3,
    *(_execute,) * 5,
    _acknowledge,
    _end,
    _amend,
    _move,
    _move,
    _leave,
    _happen_elsewhere,
    _close_interval,
)


def walk(seed: int, length: int = 45) -> list[Nudge]:
    """What happens to a fund, one thing after the other, each fit for how it then stands."""
    draw = Random(seed)
    return [
        Nudge(
            kind=draw.randrange(len(_WALKS)),
            which=draw.randrange(20),
            much=draw.randrange(100),
            minutes=draw.choice((0, 0, 1, 30, 600)),
            rests=draw.random() < 0.4,
        )
        for _ in range(length)
    ]


def happening(fund: Fund, nudge: Nudge, number: int) -> Message | None:
    """The message that a nudge is for a fund as it stands; `number` tells two nudges apart."""
    return _WALKS[nudge.kind](fund, nudge, f"venue-{number}")
