"""When advice was right: the one place where that is defined, role by role.

Every piece of advice is read as a yes or a no to a question that the market has answered since, a
`Matter`. A view that takes no side is no answer: it is counted apart, and so is advice that too few
candles have followed. N is the number of candles by which the journal judges exits.

| who | the question | yes is |
|---|---|---|
| analysts | does the close N candles later lie above the present one? | bullish; no is bearish |
| bull and bear | does their side (up, down) come true, as above? | to be the stronger one |
| research manager | as analysts | long; no is short |
| portfolio manager | does the conclusion's direction come true? | to stake; no is not to |
| risk manager | is the ticket's target met before its stop? | to approve; no: to shrink or veto |
| position manager | does leaving now beat staying, as the journal judges exits? | to leave |

A close that does not move answers nothing. Where stop and target lie within one candle the stop was
met first. The weaker argument, and an argument as strong as the other, take no side; to hold or to
tighten is no answer to whether to leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hedgerow.domain.calibration import (
    Calibration,
    Forecast,
    Interval,
    calibration,
    wilson_interval,
)
from hedgerow.domain.market import Candle
from hedgerow.domain.positions import PositionSide


class Matter(StrEnum):
    """What advice is about."""

    DIRECTION = "direction"
    SIDE = "side"
    TAKING_PART = "taking part"
    TICKET = "ticket"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Advice:
    """What an agent said about a matter at a moment.

    `says` is its yes or no, None for neither; `came_true` is whether yes was right, None where
    nothing has answered that. `confidence` (0 to 1) is that of being right, where it was stated.
    """

    agent: str
    matter: Matter
    symbol: str
    at: datetime
    says: bool | None
    came_true: bool | None
    confidence: float | None = None

    @property
    def is_right(self) -> bool:
        """Whether the market answered as it did."""
        return self.says is self.came_true


@dataclass(frozen=True, slots=True)
class AgentScore:
    """How often an agent was right on a matter: of `given` pieces of advice, `right` of `judged`.

    `no_side` took none and `unanswered` were followed by too little. `constant_share` is the share
    that the better of always yes and always no would have had right, of the same questions and
    knowing which of them to choose. Intervals take pieces of advice for independent, which those
    that overlap in time are not: they are too narrow rather than too wide.
    """

    agent: str
    matter: Matter
    given: int
    no_side: int
    unanswered: int
    judged: int
    right: int
    interval: Interval
    constant_share: float | None
    calibration: Calibration | None

    @property
    def share(self) -> float | None:
        """The share that was right; None where nothing was judged."""
        return self.right / self.judged if self.judged else None


def moved(side: PositionSide, close: Decimal, later: Decimal) -> bool | None:
    """Whether the price went the way of `side` (quote currency): sign(later - close) = sign(side).

    None where it stayed where it was.
    """
    return None if later == close else (later > close) is (side is PositionSide.LONG)


def target_met(
    side: PositionSide, stop: Decimal, target: Decimal, after: Sequence[Candle]
) -> bool | None:
    """Whether a trade entered before the candles `after` meets its target before its stop.

    Prices in quote currency; a stop in the same candle counts as met first. None where neither is.
    """
    for candle in after:
        worst, best = (
            (candle.low, candle.high) if side is PositionSide.LONG else (candle.high, candle.low)
        )
        if (worst - stop) * side.sign <= 0:
            return False
        if (best - target) * side.sign >= 0:
            return True
    return None


def agent_scores(advice: Sequence[Advice]) -> tuple[AgentScore, ...]:
    """One score for each agent and matter, by name."""
    groups: dict[tuple[str, Matter], list[Advice]] = {}
    for each in advice:
        groups.setdefault((each.agent, each.matter), []).append(each)
    return tuple(_score(agent, matter, groups[agent, matter]) for agent, matter in sorted(groups))


def _score(agent: str, matter: Matter, advice: Sequence[Advice]) -> AgentScore:
    sided = [each for each in advice if each.says is not None]
    judged = [each for each in sided if each.came_true is not None]
    right = sum(each.is_right for each in judged)
    return AgentScore(
        agent=agent,
        matter=matter,
        given=len(advice),
        no_side=len(advice) - len(sided),
        unanswered=len(sided) - len(judged),
        judged=len(judged),
        right=right,
        interval=wilson_interval(right, len(judged)),
        constant_share=_constant_share(judged),
        calibration=calibration(
            [
                Forecast(each.confidence, each.is_right)
                for each in judged
                if each.confidence is not None
            ]
        ),
    )


def _constant_share(judged: Sequence[Advice]) -> float | None:
    if not judged:
        return None
    yes = sum(bool(each.came_true) for each in judged)
    return max(yes, len(judged) - yes) / len(judged)
