"""Funds that trade as fast as they are asked to: what the event benchmarks write and relay.

Every fund is driven by the product's own FundDriver through the product's own unit of work; only
the venue is quicker than any real one. It executes at once what is to be executed at the market.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import Exchange, Instrument, MarketType, Timeframe
from hedgerow.domain.messages import (
    CashMoved,
    DecisionMade,
    IntervalClosed,
    LearnFromTrade,
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PriceMoved,
    VenueMessage,
)
from hedgerow.domain.money import exact
from hedgerow.domain.orders import Fill, Order, OrderStatus, OrderType
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import (
    Abstention,
    Decision,
    ExitProposal,
    IndicatorsAtEntry,
    Proposal,
    SetupType,
)
from hedgerow.domain.regimes import Regime
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.drive_fund import FundDriver
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.funds import PendingWish, TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork

STARTS_AT: Final = datetime(2024, 3, 4, tzinfo=UTC)
PAIRS: Final = 10
_PRICE: Final = Decimal(100)


class InstantVenue:
    """Implements the Venue port: market orders are filled at once at 100, others wait."""

    async def submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Acknowledge; fill what is to be filled at the market."""
        messages: list[VenueMessage] = [OrderAcknowledged(order.id, f"venue-{order.id}")]
        if order.type is OrderType.MARKET:
            fee = order.amount * _PRICE / 1000
            messages.append(
                OrderFilled(
                    Fill(order.id, f"t-{order.id}", _PRICE, order.amount, fee, "USDT", False, at)
                )
            )
        return messages

    async def cancel(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Take it back."""
        return [OrderEnded(order.id, OrderStatus.CANCELED, "as asked")]

    async def amend(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """Change it."""
        return [OrderAmended(order.id, amount, stop_price)]


@dataclass(slots=True)
class Tally:
    """What was written: units of work, events, and how many of those are ledger transfers."""

    saves: int = 0
    events: int = 0
    transfers: int = 0

    def add(self, steps: Sequence[TimedStep]) -> None:
        """Count one unit of work."""
        facts = [fact for timed in steps for fact in timed.step.facts]
        self.saves += 1
        self.events += len(facts)
        self.transfers += sum(isinstance(fact, CashMoved) for fact in facts)


@dataclass(slots=True)
class LoadedFund:
    """A fund with its driver; `at` is the close of its last interval."""

    fund: Fund
    driver: FundDriver
    tally: Tally
    at: datetime = field(default=STARTS_AT)

    async def stay_out(self) -> None:
        """One interval in which nothing is worth doing, for every pair with a reason."""
        await self._interval(
            {
                pair_id: Abstention(pair.symbol, "no breakout, volume below its average", "house")
                for pair_id, pair in self.fund.pairs.items()
            }
        )

    async def trade(self) -> None:
        """Two intervals: buy everything on the watchlist, and sell it again."""
        await self._interval(
            {pair_id: _proposal(pair.symbol) for pair_id, pair in self.fund.pairs.items()}
        )
        await self._interval(
            {
                held.trading_pair_id: ExitProposal(held.symbol, held.id, "momentum fades", "house")
                for held in self.fund.positions.values()
            }
        )

    async def move_cash(self) -> None:
        """Set cash aside for each pair and give it back: two ledger transfers a pair, one save."""
        self.at += timedelta(days=1)
        (strategy,) = self.fund.strategies.values()
        with exact():
            for _ in self.fund.pairs:
                self.fund.moved(strategy.allocate_cash(Decimal(10), self.fund.reference(self.at)))
                self.fund.moved(strategy.release_cash(Decimal(10), self.fund.reference(self.at)))
        self.driver.deliver(IntervalClosed(), self.at)
        await self.driver.settle()

    async def _interval(self, decisions: dict[UUID, Decision]) -> None:
        # a day apart, so that no daily limit is met
        self.at += timedelta(days=1)
        for pair in self.fund.pairs.values():
            self.driver.deliver(PriceMoved(pair.symbol, _PRICE), self.at)
        self.driver.deliver(IntervalClosed(), self.at)
        for pair_id, decision in decisions.items():
            self.driver.deliver(DecisionMade(pair_id, decision), self.at)
        await self.driver.settle()


async def open_funds(open_unit_of_work: OpenUnitOfWork, count: int, first: int) -> list[LoadedFund]:
    """New funds of 100,000 USDT with ten pairs each; their users are numbered from `first`."""
    return [await _open_fund(open_unit_of_work, first + number) for number in range(count)]


async def all_at_once(funds: Sequence[LoadedFund], verb: str, times: int, tasks: int) -> None:
    """Let every fund do something `times` times, `tasks` funds at any moment."""
    waiting = [fund for _ in range(times) for fund in funds]
    waiting.reverse()

    async def work() -> None:
        while waiting:
            fund = waiting.pop()
            await getattr(fund, verb)()

    # never more tasks than funds: a fund has one writer at a time
    assert tasks * 2 <= len(funds)
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(work())


async def _open_fund(open_unit_of_work: OpenUnitOfWork, number: int) -> LoadedFund:
    plan = PaperFundPlan(
        owner=UUID(int=(0x0199 << 112) | (0x7 << 76) | (0b10 << 62) | number),
        exchange=Exchange.BINANCE,
        instruments=[_instrument(f"C{symbol}/USDT") for symbol in range(PAIRS)],
        timeframe=Timeframe.H4,
        capital=Decimal(100_000),
        risk_tolerance=RiskTolerance.MODERATE,
    )
    fund, step = open_paper_fund(plan, STARTS_AT)
    async with open_unit_of_work(SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(STARTS_AT, step)])
        await unit.commit()
    tally = Tally()
    driver = _CountingDriver(
        fund, InstantVenue(), open_unit_of_work, _save_nothing, partial(_learn, open_unit_of_work)
    )
    driver.tally = tally
    return LoadedFund(fund, driver, tally)


class _CountingDriver(FundDriver):
    tally: Tally

    async def save(self) -> None:
        """One transaction, counted."""
        self.tally.add(self._steps)
        await super().save()


async def _save_nothing(unit: UnitOfWork) -> None:
    """Nothing is saved along with these funds."""


async def _learn(
    open_unit_of_work: OpenUnitOfWork, user_id: UUID, pending: PendingWish, wish: LearnFromTrade
) -> None:
    async with open_unit_of_work(user_id) as unit:
        await unit.funds.wishes_done([pending.id], pending.at)
        await unit.commit()


def _instrument(symbol: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        market_type=MarketType.SPOT,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
        notional_quote_min=Decimal(5),
    )


def _proposal(symbol: str) -> Proposal:
    return Proposal(
        symbol=symbol,
        timeframe=Timeframe.H4,
        side=PositionSide.LONG,
        entry_type=OrderType.MARKET,
        entry_price=_PRICE,
        stop_loss_price=Decimal(95),
        take_profit_price=Decimal(110),
        trailing_stop_pct=None,
        size_ratio=Decimal("0.05"),
        leverage=1,
        confidence=0.7,
        setup_type=SetupType.BREAKOUT,
        strategy_used="momentum breakout",
        regime=Regime.TREND_UP,
        reasoning="volume confirms the breakout",
        agent_id="house",
        memories_used=(),
        indicators=IndicatorsAtEntry(rsi=61.0, atr=2.5, volume=1200.0),
    )
