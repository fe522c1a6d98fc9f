"""When lessons of several users become one lesson for all, and what it may say.

What is shared is written here, from members of enums, a symbol and counts. No text that anybody
wrote, no amount and no time of a trade passes through this module.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.ids import derived_id
from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.market import Timeframe, split_symbol
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, Stance
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import Regime
from hedgerow.domain.strategies import RiskTolerance

AGENT_ID: Final = "promotion"
# Longer than any listed coin's name, too short for a sentence.
_SYMBOL_CHARS_MAX: Final = 24
_CAUTIOUS_FIRST: Final = tuple(RiskTolerance)


@dataclass(frozen=True, slots=True)
class PromotionRule:
    """A lesson is shared once at least `trades_min` trades of at least `users_min` users bear it
    out, and they are at least `share_min` (0 to 1) of all trades of its kind.
    """

    trades_min: int
    users_min: int
    share_min: float


# Five trades that agree by chance are one case in sixteen; with fewer than three users a shared
# lesson would tell each what the other one did.
PROMOTION: Final = PromotionRule(trades_min=5, users_min=3, share_min=0.6)


@dataclass(frozen=True, slots=True)
class LessonKind:
    """What a lesson is about, without what it says of it."""

    symbol: str
    timeframe: Timeframe
    setup_type: SetupType
    side: PositionSide
    regime: Regime

    @property
    def words(self) -> str:
        """The kind in the words in which setups are asked for."""
        return (
            f"{self.side} {self.setup_type} setup in a {JOURNAL_REGIMES[self.regime]} market on "
            f"{self.symbol} {self.timeframe}, regime {self.regime}"
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """One trade of one user that left a lesson: all that is taken from it."""

    kind: LessonKind
    stance: Stance
    trade_id: UUID
    user_id: UUID
    risk_tolerance: RiskTolerance
    at: datetime


@dataclass(frozen=True, slots=True)
class Promotion:
    """A lesson for all, and the collective memories of its kind that it takes the place of."""

    memory: Memory
    replaces: tuple[UUID, ...]


def kind_of(memory: Memory) -> LessonKind | None:
    """What a lesson is about; None where it is no lesson or is not in the common vocabulary."""
    if memory.type is not MemoryType.LESSON or memory.timeframe is None or memory.symbol is None:
        return None
    about = memory.metadata
    try:
        split_symbol(memory.symbol)
        kind = LessonKind(
            memory.symbol,
            memory.timeframe,
            SetupType(str(about.get("setup_type"))),
            PositionSide(str(about.get("side"))),
            Regime(str(about.get("regime"))),
        )
    except (ValueError, InvalidValue):
        # A word that is no member of its enum: whatever it says, it is not for everybody.
        return None
    is_plain = memory.symbol.isascii() and len(memory.symbol) <= _SYMBOL_CHARS_MAX
    return kind if is_plain else None


def evidence_of(memory: Memory, risk_tolerance: RiskTolerance) -> Evidence | None:
    """What a user's lesson testifies; None where it testifies nothing that can be shared."""
    kind, stance = kind_of(memory), memory.metadata.get("stance")
    if kind is None or stance not in tuple(Stance):
        return None
    if memory.user_id is None or memory.source_trade_id is None:
        return None
    return Evidence(
        kind=kind,
        stance=Stance(str(stance)),
        trade_id=memory.source_trade_id,
        user_id=memory.user_id,
        risk_tolerance=risk_tolerance,
        at=memory.created_at,
    )


def promotions(
    evidence: Iterable[Evidence],
    collective: Sequence[Memory],
    at: datetime,
    rule: PromotionRule = PROMOTION,
) -> list[Promotion]:
    """The lessons to share at `at`, given all `collective` ones so far, expired ones too.

    A kind whose lesson is shared and still says the same is left alone. One that was forgotten, or
    that is to say the contrary, needs trades enough from after it was last shared: the same trades
    never testify twice.
    """
    shared: defaultdict[LessonKind, list[Memory]] = defaultdict(list)
    for memory in collective:
        kind = kind_of(memory)
        if kind is not None and memory.agent_id == AGENT_ID:
            shared[kind].append(memory)
    by_kind: defaultdict[LessonKind, dict[UUID, Evidence]] = defaultdict(dict)
    for each in evidence:
        if all(each.at > memory.created_at for memory in shared[each.kind]):
            by_kind[each.kind][each.trade_id] = each
    ordered = sorted(by_kind.items(), key=lambda item: item[0].words)
    made = [
        _promotion(kind, list(trades.values()), shared[kind], at, rule) for kind, trades in ordered
    ]
    return [each for each in made if each is not None]


def _promotion(
    kind: LessonKind,
    trades: Sequence[Evidence],
    shared: Sequence[Memory],
    at: datetime,
    rule: PromotionRule,
) -> Promotion | None:
    stance = _verdict(trades, rule)
    live = [memory for memory in shared if not memory.is_expired(at)]
    if stance is None or any(memory.stance is stance for memory in live):
        return None
    bearing = sorted(
        (each for each in trades if each.stance is stance), key=lambda e: (e.at, e.trade_id)
    )
    memory = _shared_lesson(kind, bearing, len(trades), at)
    return Promotion(memory, tuple(each.id for each in live))


def _verdict(trades: Sequence[Evidence], rule: PromotionRule) -> Stance | None:
    """The stance that enough trades of enough users bear out, or None."""
    for stance in Stance:
        bearing = [each for each in trades if each.stance is stance]
        if (
            len(bearing) >= rule.trades_min
            and len({each.user_id for each in bearing}) >= rule.users_min
            and len(bearing) >= rule.share_min * len(trades)
        ):
            return stance
    return None


def _shared_lesson(
    kind: LessonKind, bearing: Sequence[Evidence], trades: int, at: datetime
) -> Memory:
    first, stance = bearing[0], bearing[0].stance
    share = len(bearing) / trades
    users = len({each.user_id for each in bearing})
    ended = "gained" if stance is Stance.SUPPORTS else "lost"
    return Memory(
        id=derived_id(at, "collective", kind.words, first.trade_id),
        scope=MemoryScope.COLLECTIVE,
        type=MemoryType.LESSON,
        content=f"{kind.words}: {len(bearing)} of {trades} trades {ended} ({share:.0%}), "
        f"those of {users} users.",
        agent_id=AGENT_ID,
        created_at=at,
        symbol=kind.symbol,
        timeframe=kind.timeframe,
        importance=share,
        tags=(kind.setup_type.value, kind.side.value, kind.regime.value, stance.value),
        metadata={
            "stance": stance,
            "setup_type": kind.setup_type,
            "side": kind.side,
            "regime": kind.regime,
            "trades": trades,
            "trades_bearing": len(bearing),
            "users_bearing": users,
        },
        personality=_majority(bearing),
        source_user_id=first.user_id,
        source_trade_id=first.trade_id,
    )


def _majority(bearing: Sequence[Evidence]) -> RiskTolerance:
    """The risk tolerance of most trades; of equally many, the more cautious one."""
    counts = Counter(each.risk_tolerance for each in bearing)
    return max(_CAUTIOUS_FIRST, key=lambda tolerance: counts[tolerance])
