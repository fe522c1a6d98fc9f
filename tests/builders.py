"""What the tests of the domain are made of: sound entities, and a fund to be told things.

Each builder gives something every check accepts; a test names only what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import hypothesis

from hedgerow.domain.accounts import ExchangeAccount, Permission
from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import IdSequence
from hedgerow.domain.ledger import Reference
from hedgerow.domain.limits import LimitProfile, Limits, TierName
from hedgerow.domain.market import Exchange, Instrument, MarketType, Timeframe
from hedgerow.domain.messages import (
    DecisionMade,
    Fact,
    Message,
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PriceMoved,
    Step,
    Wish,
)
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.domain.pairs import StrategyMode, TradingPair
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import (
    Abstention,
    ExitProposal,
    IndicatorsAtEntry,
    Proposal,
    SetupType,
)
from hedgerow.domain.regimes import Regime
from hedgerow.domain.risk import CircuitBreakerState, next_midnight
from hedgerow.domain.strategies import RiskTolerance, Strategy
from hedgerow.domain.users import User, UserSettings

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


def fund(
    market_type: MarketType = MarketType.SPOT,
    *,
    own: UserSettings | None = None,
    tier: Limits | None = None,
    traded: Iterable[tuple[TradingPair, Instrument]] | None = None,
    through: ExchangeAccount | None = None,
    paid_in: Strategy | None = None,
    at: datetime = NOON,
) -> Fund:
    """A fund of 10,000 USDT that has begun to trade BTC, ETH and SOL and has just been saved."""
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
        user=User(USER, "Ada", "Byron", TIER, own, created_at=at, updated_at=at),
        limit_profile=LimitProfile(TIER, TierName.PREMIUM, "", tier or limits()),
        breaker=CircuitBreakerState(
            user_id=USER,
            max_daily_drawdown=own.max_daily_drawdown,
            max_consecutive_loss=own.max_consecutive_loss,
            reset_at=next_midnight(at),
            day_start_equity=Decimal(0),
            is_enabled=own.circuit_breaker_on,
        ),
        ids=IdSequence(USER.bytes),
        as_of=at,
        accounts={through.id: through},
        instruments={watched.id: rules for watched, rules in traded},
    )
    made.open_strategy(paid_in or strategy(market_type), [watched for watched, _ in traded], at)
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

    def decide(self, decision: Proposal | ExitProposal | Abstention, pair_id: UUID = BTC) -> Step:
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
