"""The house analyst: one play per regime, weighed with what was learned; no model, no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Timeframe
from hedgerow.domain.money import decimal_of
from hedgerow.domain.orders import OrderType
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import (
    Abstention,
    Decision,
    ExitProposal,
    IndicatorsAtEntry,
    Proposal,
)
from hedgerow.domain.regimes import Regime
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.experience import Kind, weigh
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk, Indicators
from hedgerow.infrastructure.agents.plays import PLAYS, Play
from hedgerow.infrastructure.agents.setups import (
    Belief,
    Setup,
    against_longer_trend,
    can_take,
    confidence_of,
    find_setup,
    lesson_query,
    levels_words,
    market_words,
    thesis_gone,
)
from hedgerow.infrastructure.agents.stakes import size_ratio, stake_percent
from hedgerow.usecases.ports.desk import Briefing, Recall

AGENT_ID: Final = "house_analyst"
# What a proposal must at least be worth, by how much risk the strategy bears.
CONFIDENCE_MIN: Final[Mapping[RiskTolerance, float]] = {
    RiskTolerance.CONSERVATIVE: 0.6,
    RiskTolerance.MODERATE: 0.55,
    RiskTolerance.AGGRESSIVE: 0.5,
}
_MULTIPLE_BOUND: Final = 1000.0


@dataclass(frozen=True, slots=True)
class HouseTerms:
    """What of the house's plays may be set; None leaves each play as it is.

    `confidence_min` is what a proposal must at least be worth (0 to 1); `stop_atrs` the stop's
    distance in ATR and `reward_to_risk` the target's in stops, of every play. `trend_timeframe` is
    a longer one, against whose trend no position is opened. `leverage` is that of futures: what a
    trade stakes stays the same, less of it is put in. Raises InvalidValue.
    """

    confidence_min: float | None = None
    stop_atrs: float | None = None
    reward_to_risk: float | None = None
    trend_timeframe: Timeframe | None = None
    leverage: int = 1

    def __post_init__(self) -> None:
        if self.confidence_min is not None and not 0.0 <= self.confidence_min <= 1.0:
            raise InvalidValue(field="confidence_min", value=self.confidence_min, allowed="0 to 1")
        for name in ("stop_atrs", "reward_to_risk"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < _MULTIPLE_BOUND:
                raise InvalidValue(
                    field=name, value=value, allowed=f"above 0 and below {_MULTIPLE_BOUND:g}"
                )

    def play(self, regime: Regime) -> Play | None:
        """The play of a regime on these terms."""
        play = PLAYS.get(regime)
        if play is None:
            return None
        if self.stop_atrs is not None:
            play = replace(play, stop_atrs=self.stop_atrs)
        if self.reward_to_risk is not None:
            play = replace(
                play, reward_to_risk=decimal_of("reward_to_risk", repr(self.reward_to_risk))
            )
        return play

    def least_confidence(self, tolerance: RiskTolerance) -> float:
        """What a proposal must at least be worth."""
        return CONFIDENCE_MIN[tolerance] if self.confidence_min is None else self.confidence_min


class HouseAnalyst:
    """Decides by the plays of the house (port Analyst); the same briefing, the same decision."""

    def __init__(self, desk: IndicatorDesk, terms: HouseTerms | None = None) -> None:
        self._desk = desk
        self._terms = terms or HouseTerms()

    @property
    def candles_needed(self) -> int:
        """How many closed candles a briefing should carry, at most."""
        return WINDOW

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        """A proposal, an exit or an abstention, with reasons in words."""
        if briefing.has_working_entry:
            return _abstain(briefing, "An entry order is still working; nothing to add to it.")
        if len(briefing.candles) < WINDOW:
            return _abstain(
                briefing, f"Only {len(briefing.candles)} of {WINDOW} closed candles are known."
            )
        seen = self._desk.read(briefing.candles)
        if briefing.position is not None:
            return _watch(briefing, briefing.position, seen)
        return await _seek(briefing, seen, recall, self._terms)


def _abstain(briefing: Briefing, reasoning: str) -> Abstention:
    return Abstention(briefing.symbol, reasoning, AGENT_ID)


def _watch(briefing: Briefing, position: Position, seen: Indicators) -> Decision:
    """Leave a position whose thesis is gone; its stop and target take care of the rest."""
    gone = thesis_gone(briefing.regime.regime, position.side, seen, briefing.price_tick)
    market = market_words(briefing.regime, seen, briefing.price_tick)
    if gone is None:
        return _abstain(
            briefing, f"Holding the {position.side}: nothing speaks against it. {market}"
        )
    return ExitProposal(
        symbol=briefing.symbol,
        position_id=position.id,
        reasoning=f"Leaving the {position.side}: {gone}. {market}",
        agent_id=AGENT_ID,
    )


async def _seek(
    briefing: Briefing, seen: Indicators, recall: Recall, terms: HouseTerms
) -> Decision:
    """Find a setup, ask the memory, then propose if enough confidence is left."""
    market = market_words(briefing.regime, seen, briefing.price_tick)
    play = terms.play(briefing.regime.regime)
    setup = find_setup(play, seen, briefing.candles[-1].close, briefing.price_tick)
    if isinstance(setup, str):
        return _abstain(briefing, f"{setup} {market}")
    side = setup.look.side
    if not can_take(briefing.market_type, side):
        words = f"A {setup.play.name} would be short, which spot cannot be: {setup.look.facts}."
        return _abstain(briefing, f"{words} {market}")
    against = against_longer_trend(
        briefing.longer, side, terms.trend_timeframe, briefing.price_tick
    )
    if against is not None:
        return _abstain(briefing, f"{setup.words} {against} {market}")
    kind = Kind(setup.play.setup_type, side, briefing.regime.regime)
    recalled = await recall(lesson_query(briefing, seen, kind))
    belief = Belief(
        confidence_of(setup.look.strength, briefing.regime.confidence), weigh(recalled, kind)
    )
    least = terms.least_confidence(briefing.risk_tolerance)
    if belief.confidence < least:
        return _abstain(
            briefing,
            f"{setup.words} {belief.words} A {briefing.risk_tolerance} strategy wants at least "
            f"{least:.2f}. {market}",
        )
    proposal = _propose(briefing, seen, setup, belief, terms.leverage)
    return replace(proposal, memories_recalled=tuple(each.memory.id for each in recalled))


def _propose(
    briefing: Briefing, seen: Indicators, setup: Setup, belief: Belief, leverage: int
) -> Proposal:
    play, look, at = setup.play, setup.look, setup.at
    size = size_ratio(briefing.risk_tolerance, play.stake_share, at.stop_ratio * leverage)
    return Proposal(
        symbol=briefing.symbol,
        timeframe=briefing.timeframe,
        side=look.side,
        entry_type=OrderType.MARKET,
        entry_price=at.entry,
        stop_loss_price=at.stop,
        take_profit_price=at.target,
        trailing_stop_pct=at.trailing_stop_pct,
        size_ratio=size,
        leverage=leverage,
        confidence=belief.confidence,
        setup_type=play.setup_type,
        strategy_used=play.name,
        regime=briefing.regime.regime,
        reasoning=(
            f"{setup.words} {market_words(briefing.regime, seen, briefing.price_tick)} "
            f"{levels_words(play, at, briefing.price_tick)} "
            f"Stakes {stake_percent(briefing.risk_tolerance, play.stake_share):f} % of equity, so "
            f"{size:.2%} of it goes in. {belief.words}"
        ),
        agent_id=AGENT_ID,
        memories_used=belief.experience.used,
        indicators=IndicatorsAtEntry(rsi=seen.rsi, atr=seen.regime.atr, volume=seen.volume),
    )
