"""What agents may read of one fund: its holdings, limits, memory and the levels of a trade."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from hedgerow.domain.journal import JOURNAL_REGIMES, MarketRegime, SetupRecord
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.money import HUNDRED, ZERO, floor_to_step, percent
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.infrastructure.agents.desk.answers import Conclusion, Direction, Stake
from hedgerow.infrastructure.agents.desk.market_tools import UNKNOWN, MarketTools, Told
from hedgerow.infrastructure.agents.desk.menu import Menu, stops_for
from hedgerow.infrastructure.agents.desk.quoting import quoted, read
from hedgerow.infrastructure.agents.experience import Experience, Kind, moves, weigh
from hedgerow.infrastructure.agents.house_analyst import CONFIDENCE_MIN
from hedgerow.infrastructure.agents.setups import (
    Belief,
    Setup,
    confidence_of,
    lesson_query,
    thesis_gone,
)
from hedgerow.infrastructure.agents.stakes import Levels, size_ratio
from hedgerow.usecases.ports.desk import Briefing, FundView, Recall
from hedgerow.usecases.record_tapes import TICK

ReadRecord = Callable[[UUID, SetupType, MarketRegime, datetime], Awaitable[SetupRecord]]
"""What a user's closed trades of a setup in a regime have come to, as known at a moment."""

_SIDES: Final = {Direction.LONG: PositionSide.LONG, Direction.SHORT: PositionSide.SHORT}
STAKE_SHARES: Final[Mapping[Stake, Decimal]] = {
    Stake.NONE: ZERO,
    Stake.QUARTER: Decimal("0.25"),
    Stake.HALF: Decimal("0.5"),
    Stake.FULL: Decimal(1),
}
_SIZE_STEP: Final = Decimal("0.0001")


@dataclass(slots=True)
class Draft:
    """A ticket that was made, in numbers: what the risk manager looks at."""

    levels: Levels
    stake: Stake
    size_ratio: Decimal


@dataclass(slots=True)
class FundTools:
    """The tools of one fund's meeting about a new position.

    `belief` and `recalled` are there once the memory has been asked, `draft` once a ticket is made.
    """

    briefing: Briefing
    market: MarketTools
    conclusion: Conclusion
    recall: Recall
    read_record: ReadRecord
    belief: Belief | None = None
    recalled: Sequence[RecalledMemory] = ()
    draft: Draft | None = None

    @property
    def fund(self) -> FundView:
        """The fund that the meeting is about."""
        assert self.briefing.fund is not None, "a desk is told whose it is"
        return self.briefing.fund

    @property
    def side(self) -> PositionSide:
        """The side of the trade that is talked about."""
        return _SIDES[self.conclusion.direction]

    @property
    def setup(self) -> Setup | None:
        """The house's setup, where the conclusion is the same trade."""
        setup = self.market.setup
        return setup if isinstance(setup, Setup) and setup.look.side is self.side else None

    @property
    def setup_type(self) -> SetupType:
        """The kind of trade."""
        return self.setup.play.setup_type if self.setup else self.conclusion.setup_type

    @property
    def menu(self) -> Menu:
        """The levels that can be chosen."""
        return Menu(self.briefing, self.market.seen, self.side, self.setup)

    @property
    def conviction_max(self) -> float:
        """How sure research may be of it: as the setup is, or where there is none, as one would be
        that barely meets its conditions.
        """
        regime_confidence = self.briefing.regime.confidence
        if self.setup is None:
            return confidence_of(0.0, regime_confidence)
        return confidence_of(self.setup.look.strength, regime_confidence)

    @property
    def confidence_min(self) -> float:
        """What a trade must at least be worth to the strategy."""
        return CONFIDENCE_MIN[self.briefing.risk_tolerance]

    def draft_of(self, levels: Levels, stake: Stake) -> Draft:
        """A ticket in numbers: what the strategy stakes, over the distance of the stop."""
        share = self.setup.play.stake_share if self.setup else Decimal(1)
        full = size_ratio(self.briefing.risk_tolerance, share, levels.stop_ratio)
        return Draft(levels, stake, floor_to_step(full * STAKE_SHARES[stake], _SIZE_STEP))

    async def ask_memory(self) -> Belief:
        """The confidence in the trade before and after what is remembered of its kind; once."""
        if self.belief is None:
            kind = Kind(self.setup_type, self.side, self.briefing.regime.regime)
            query = lesson_query(self.briefing, self.market.seen, kind)
            self.recalled = await self.recall(query)
            experience: Experience = weigh(self.recalled, kind)
            before = min(self.conclusion.conviction, self.conviction_max)
            self.belief = Belief(before, experience)
        return self.belief

    async def read_portfolio(self) -> Told:
        """Equity, cash and each holding beside its target share of equity."""
        fund = self.fund
        held = {position.symbol: position for position in fund.positions}
        symbols = sorted({*fund.target_allocations, *held})
        return {
            "currency": fund.quote_currency,
            "equity": read(fund.equity),
            "cash": read(fund.cash),
            "holdings": {
                symbol: {
                    "share_pct": read(_share_pct(held.get(symbol), fund)),
                    "target_pct": read(fund.target_allocations.get(symbol, ZERO) * HUNDRED),
                }
                for symbol in symbols
            },
        }

    async def read_limits(self) -> Told:
        """What the user and the tier allow, and how much of it is left."""
        fund, bounds = self.fund, self.fund.bounds
        risk_max = fund.equity * bounds.portfolio_risk_pct_max / HUNDRED
        return {
            "trading_halted": fund.is_halted,
            "positions": {"open": len(fund.positions), "max": bounds.positions_max},
            "exposure": {"now": read(fund.exposure), "max": read(bounds.total_exposure_usd_max)},
            "risk": {"now": read(fund.risk), "max": read(risk_max)},
            "position_size": {
                "min": read(bounds.position_size_usd_min),
                "max": read(bounds.position_size_usd_max),
            },
            "leverage_max": read(bounds.leverage_max),
            "confidence_min": self.confidence_min,
        }

    async def search_memory(self) -> Told:
        """Lessons on this kind of trade, as known now, and what they make of the confidence."""
        belief = await self.ask_memory()
        return {
            "confidence_before": belief.before,
            "moved_by_memory": belief.experience.shift,
            "confidence": belief.confidence,
            "confidence_min": self.confidence_min,
            "memories": [
                {
                    "lesson": quoted(each.memory.content, 240),
                    "stance": str(each.memory.stance or "none"),
                    "moves": read(moves(each)),
                    "tested_by_trades": each.memory.validation_trades,
                }
                for each in self.recalled
            ],
        }

    async def read_journal_statistics(self) -> Told:
        """What this fund's closed trades of this setup in this regime have come to."""
        regime = JOURNAL_REGIMES[self.briefing.regime.regime]
        # a trade that ends at the close itself may be left by a decision of this very moment
        before = self.briefing.at - TICK
        record = await self.read_record(self.fund.user_id, self.setup_type, regime, before)
        if not record.trades:
            return UNKNOWN
        return {
            "known": True,
            "setup_type": str(self.setup_type),
            "market_regime": str(regime),
            "trades": record.trades,
            "won_pct": read(percent(Decimal(record.wins), Decimal(record.trades))),
            "mean_pnl_pct": read(record.mean_pnl_percent),
        }

    async def trade_levels(self) -> Told:
        """Levels by name: choose one entry, one stop and one target; r_2 is twice the stop away."""
        return self.menu.told()

    async def check_ticket(self) -> Told:
        """The ticket in numbers, beside the limits that it would use."""
        if self.draft is None:
            return UNKNOWN
        levels, fund = self.draft.levels, self.fund
        size_quote = fund.equity * self.draft.size_ratio
        risk = size_quote * levels.stop_ratio
        return {
            "known": True,
            "stake_asked_for": str(self.draft.stake),
            "reward_to_risk": read(levels.reward_to_risk),
            "stop_away_pct": read(levels.stop_ratio * HUNDRED),
            "share_of_equity_pct": read(self.draft.size_ratio * HUNDRED),
            "loss_at_stop_pct_of_equity": read(percent(risk, fund.equity)),
            "limits": await self.read_limits(),
        }

    async def read_positions(self) -> Told:
        """All open positions of the fund."""
        return {"positions": [_position(position) for position in self.fund.positions]}


@dataclass(slots=True)
class PositionTools:
    """The tools of a meeting about an open position."""

    briefing: Briefing
    market: MarketTools
    position: Position

    @property
    def gone(self) -> str | None:
        """Why the position has lost its reason, by the house's rules; None while it has not."""
        regime = self.briefing.regime.regime
        tick = self.briefing.price_tick
        return thesis_gone(regime, self.position.side, self.market.seen, tick)

    @property
    def stops(self) -> Mapping[str, Decimal]:
        """Stop prices by name, each closer to the market than the present one."""
        return stops_for(self.position, self.briefing, self.market.seen)

    async def read_position(self) -> Told:
        """The position, the reasons it was opened for, and what the house's rules say of them."""
        return {
            **_position(self.position),
            "regime_now": str(self.briefing.regime.regime),
            "opened_because": quoted(self.position.open_reasoning, 600),
            "reasons_gone": self.gone or "no",
            "happened": list(self.briefing.happened),
        }

    async def read_indicators(self) -> Told:
        """Indicators after the last closed candle."""
        return await self.market.read_indicators()

    async def stop_levels(self) -> Told:
        """Stops by name that are closer to the market than the present one; there may be none."""
        return {name: read(price) for name, price in self.stops.items()}


def _share_pct(position: Position | None, fund: FundView) -> Decimal:
    if position is None or fund.equity <= ZERO:
        return ZERO
    return percent(position.notional, fund.equity)


def _position(position: Position) -> Told:
    return {
        "symbol": position.symbol,
        "side": str(position.side),
        "entry_price": read(position.entry_price),
        "current_price": read(position.current_price),
        "unrealized_pnl_pct": read(position.unrealized_pnl_pct),
        "stop_loss_price": read(position.stop_loss_price or ZERO),
        "take_profit_price": read(position.take_profit_price or ZERO),
        "opened_at": f"{position.opened_at:%Y-%m-%d %H:%M}",
    }
