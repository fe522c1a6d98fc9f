"""The house analyst: one play per regime, weighed with what was learned; no model, no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.market import MarketType
from hedgerow.domain.memory import MemoryType
from hedgerow.domain.money import decimal_of, price_from_float
from hedgerow.domain.orders import OrderType
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import (
    Abstention,
    Decision,
    ExitProposal,
    IndicatorsAtEntry,
    Proposal,
)
from hedgerow.domain.regimes import Regime
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.experience import Experience, Kind, weigh
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk, Indicators
from hedgerow.infrastructure.agents.plays import AGAINST, PLAYS, Look, Play
from hedgerow.infrastructure.agents.stakes import (
    STOP_RATIO_MAX,
    Levels,
    NoLevels,
    levels,
    size_ratio,
    stake_percent,
)
from hedgerow.infrastructure.agents.words import setup_words
from hedgerow.usecases.ports.desk import Briefing, Recall, RecallQuery

AGENT_ID: Final = "house_analyst"
# What a proposal must at least be worth, by how much risk the strategy bears.
CONFIDENCE_MIN: Final[Mapping[RiskTolerance, float]] = {
    RiskTolerance.CONSERVATIVE: 0.6,
    RiskTolerance.MODERATE: 0.55,
    RiskTolerance.AGGRESSIVE: 0.5,
}

_LESSONS_RECALLED: Final = 8
_MULTIPLE_BOUND: Final = 1000.0


@dataclass(frozen=True, slots=True)
class HouseTerms:
    """What of the house's plays may be set; None leaves each play as it is.

    `confidence_min` is what a proposal must at least be worth (0 to 1); `stop_atrs` the stop's
    distance in ATR and `reward_to_risk` the target's in stops, of every play. `leverage` is that
    of futures: what a trade stakes stays the same, less of it is put in. Raises InvalidValue.
    """

    confidence_min: float | None = None
    stop_atrs: float | None = None
    reward_to_risk: float | None = None
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


def confidence_in(look: Look, regime_confidence: float) -> float:
    """Before any memory: (regime confidence + (1 + strength) / 2) / 2, from 0 to 1.

    A setup that barely meets its conditions counts a half, as a regime on its threshold does.
    """
    return (regime_confidence + (1.0 + look.strength) / 2.0) / 2.0


def _abstain(briefing: Briefing, reasoning: str) -> Abstention:
    return Abstention(briefing.symbol, reasoning, AGENT_ID)


def _watch(briefing: Briefing, position: Position, seen: Indicators) -> Decision:
    """Leave a position whose thesis is gone; its stop and target take care of the rest."""
    gone = _thesis_gone(briefing, position.side, seen)
    market = _market_words(briefing, seen)
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


def _thesis_gone(briefing: Briefing, side: PositionSide, seen: Indicators) -> str | None:
    """Why a position of `side` has lost its reason, or None while it has not."""
    edge = seen.channel_low if side is PositionSide.LONG else seen.channel_high
    broken = (edge - seen.close) * side.sign > 0.0
    reasons = (
        (
            briefing.regime.regime is AGAINST[side],
            f"the regime has turned to {briefing.regime.regime}",
        ),
        (
            briefing.regime.regime is Regime.VOLATILE and broken,
            f"a volatile market has broken out against it, beyond {_price(briefing, edge)}",
        ),
    )
    return next((words for holds, words in reasons if holds), None)


@dataclass(frozen=True, slots=True)
class _Setup:
    """A play that found what it looks for, and where it would start and end."""

    play: Play
    look: Look
    at: Levels

    @property
    def words(self) -> str:
        return f"{self.play.name.capitalize()} ({self.look.side}): {self.look.facts}."


def _find(briefing: Briefing, seen: Indicators, terms: HouseTerms) -> _Setup | str:
    """The setup of the regime's play, or in words why there is none."""
    play = terms.play(briefing.regime.regime)
    if play is None:
        return "No play while the regime is changing."
    look = play.look(seen)
    if not look.is_setup:
        return f"No {play.name} ({look.side}): {look.missing}."
    if look.side is PositionSide.SHORT and briefing.market_type is MarketType.SPOT:
        return f"A {play.name} would be short, which spot cannot be: {look.facts}."
    close = briefing.candles[-1].close
    at = levels(play, look.side, close, seen.regime.atr, briefing.price_tick)
    if isinstance(at, NoLevels):
        return (
            f"No place for a stop: {play.stop_atrs:g} ATR are {_on_tick(briefing, at.distance)} at "
            f"a price of {_on_tick(briefing, at.entry)}, and must be from one tick of "
            f"{briefing.price_tick:f} to {STOP_RATIO_MAX:.0%} of the price."
        )
    return _Setup(play, look, at)


async def _seek(
    briefing: Briefing, seen: Indicators, recall: Recall, terms: HouseTerms
) -> Decision:
    """Find a setup, ask the memory, then propose if enough confidence is left."""
    setup = _find(briefing, seen, terms)
    if isinstance(setup, str):
        return _abstain(briefing, f"{setup} {_market_words(briefing, seen)}")
    kind = Kind(setup.play.setup_type, setup.look.side, briefing.regime.regime)
    recalled = await recall(_query(briefing, seen, kind))
    experience = weigh(recalled, kind)
    before = confidence_in(setup.look, briefing.regime.confidence)
    belief = _Belief(before, max(0.0, min(1.0, before + experience.shift)), experience)
    least = terms.least_confidence(briefing.risk_tolerance)
    if belief.confidence < least:
        return _abstain(
            briefing,
            f"{setup.words} {belief.words} A {briefing.risk_tolerance} strategy wants at least "
            f"{least:.2f}. {_market_words(briefing, seen)}",
        )
    proposal = _propose(briefing, seen, setup, belief, terms.leverage)
    return replace(proposal, memories_recalled=tuple(each.memory.id for each in recalled))


@dataclass(frozen=True, slots=True)
class _Belief:
    """The confidence in a setup (0 to 1) before and after experience was asked."""

    before: float
    confidence: float
    experience: Experience

    @property
    def words(self) -> str:
        return (
            f"Confidence {self.before:.2f} {self.experience.shift:+.3f} by memory = "
            f"{self.confidence:.2f}: {self.experience.reasoning}."
        )


def _propose(
    briefing: Briefing, seen: Indicators, setup: _Setup, belief: _Belief, leverage: int
) -> Proposal:
    play, look, at = setup.play, setup.look, setup.at
    size = size_ratio(briefing.risk_tolerance, play, at.stop_ratio * leverage)
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
            f"{setup.words} {_market_words(briefing, seen)} {_levels_words(briefing, play, at)} "
            f"Stakes {stake_percent(briefing.risk_tolerance, play):f} % of equity, so "
            f"{size:.2%} of it goes in. {belief.words}"
        ),
        agent_id=AGENT_ID,
        memories_used=belief.experience.used,
        indicators=IndicatorsAtEntry(rsi=seen.rsi, atr=seen.regime.atr, volume=seen.volume),
    )


def _query(briefing: Briefing, seen: Indicators, kind: Kind) -> RecallQuery:
    return RecallQuery(
        text=setup_words(
            f"{briefing.symbol} {briefing.timeframe}",
            kind.side,
            kind.setup_type,
            JOURNAL_REGIMES[kind.regime],
            seen.rsi,
        ),
        as_of=briefing.at,
        types=(MemoryType.LESSON,),
        symbol=briefing.symbol,
        regime=kind.regime,
        tags=(kind.setup_type, kind.side),
        personality=briefing.risk_tolerance,
        limit=_LESSONS_RECALLED,
    )


def _price(briefing: Briefing, value: float) -> str:
    return _on_tick(briefing, price_from_float(value, briefing.price_tick))


def _on_tick(briefing: Briefing, price: Decimal) -> str:
    """A price on the grid, with as many decimals as the tick has."""
    return f"{price.quantize(briefing.price_tick):f}"


def _market_words(briefing: Briefing, seen: Indicators) -> str:
    read = seen.regime
    return (
        f"Regime {briefing.regime.regime} (confidence {briefing.regime.confidence:.2f}): "
        f"ADX {read.adx:.1f}, close {_price(briefing, read.price)} against MA50 "
        f"{_price(briefing, read.ma50)}, ATR {_price(briefing, read.atr)} "
        f"({read.atr_ratio:.2f} of its usual), bands {_price(briefing, seen.band_lower)} to "
        f"{_price(briefing, seen.band_upper)} ({read.bands_ratio:.2f} of their usual width), "
        f"RSI {seen.rsi:.1f}."
    )


def _levels_words(briefing: Briefing, play: Play, at: Levels) -> str:
    trailing = (
        "no trailing stop"
        if at.trailing_stop_pct is None
        else f"trailing stop {at.trailing_stop_pct:f} %"
    )
    return (
        f"Entry at the market near {_on_tick(briefing, at.entry)}, stop "
        f"{_on_tick(briefing, at.stop)} ({play.stop_atrs:g} ATR, {at.stop_ratio:.2%} away), target "
        f"{_on_tick(briefing, at.target)}, reward to risk {at.reward_to_risk:.2f}, {trailing}."
    )
