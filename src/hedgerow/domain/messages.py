"""What a fund is told (messages), what it finds (facts) and what it wants done (wishes).

Facts are saved for ever and chained; their names and fields are a public record. Wishes are saved
with the facts they follow from and carried out after the commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from hedgerow.domain.ai_budget import BudgetPressure
from hedgerow.domain.ledger import Transfer
from hedgerow.domain.orders import Fill, OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.domain.positions import PositionSide, PositionStatus
from hedgerow.domain.proposals import Decision, Proposal, StopProposal
from hedgerow.domain.risk import Check, RiskEvent

# --- messages: from the market and the desk -------------------------------------------------


@dataclass(frozen=True, slots=True)
class PriceMoved:
    """The last price of a symbol, in quote currency."""

    symbol: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class IntervalOpened:
    """A span of candles begins. What was decided before the last one closed has lost its reason."""


@dataclass(frozen=True, slots=True)
class IntervalClosed:
    """All candles of one span have closed: a moment to note equity and roll the day."""


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """An analyst has spoken about a trading pair."""

    trading_pair_id: UUID
    decision: Decision


@dataclass(frozen=True, slots=True)
class ProposalApproved:
    """The user confirms a proposal of a pair in `semi_auto` mode."""

    trading_pair_id: UUID
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class KillSwitchPulled:
    """The user stops trading."""

    reason: str


@dataclass(frozen=True, slots=True)
class BudgetUsed:
    """A model call has taken the user's month over a threshold of what it may hold.

    `used_pct` is the greater of the shares used of both limits, in per cent; `usd_max` is None
    where the user has set no limit. The fund keeps no count: tell it once for each threshold.
    """

    month: date
    used_pct: Decimal
    requests: int
    requests_max: int
    usd: Decimal
    usd_max: Decimal | None


# --- messages: from the venue ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderAcknowledged:
    """The venue has the order."""

    order_id: UUID
    exchange_order_id: str


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """The venue executed part or all of an order."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class OrderEnded:
    """The venue ended an order without (further) fills: canceled, rejected or expired."""

    order_id: UUID
    status: OrderStatus
    reason: str


@dataclass(frozen=True, slots=True)
class OrderAmended:
    """The venue took over a new amount (base) and trigger price for an order."""

    order_id: UUID
    amount: Decimal
    stop_price: Decimal | None


@dataclass(frozen=True, slots=True)
class FundingSettled:
    """The venue settled funding on a futures position: `amount` in quote, paid above zero.

    A position has one settlement at a time: `settled_at`, the venue's own time of it, tells a
    repeated report, or one that comes late, from a new settlement.
    """

    position_id: UUID
    settled_at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PositionLiquidated:
    """The venue closed a position by force, at `price`, for a `fee` in quote currency."""

    position_id: UUID
    price: Decimal
    fee: Decimal
    venue_trade_id: str


VenueMessage = (
    OrderAcknowledged
    | OrderFilled
    | OrderEnded
    | OrderAmended
    | FundingSettled
    | PositionLiquidated
)
Message = (
    PriceMoved
    | IntervalOpened
    | IntervalClosed
    | DecisionMade
    | ProposalApproved
    | KillSwitchPulled
    | BudgetUsed
    | VenueMessage
)

# --- facts ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FundOpened:
    """A strategy began with its allocated capital."""

    strategy_id: UUID
    name: str
    allocated_capital: Decimal


@dataclass(frozen=True, slots=True)
class ProposalAccepted:
    """A proposal passed every check and became an order of `amount` base currency."""

    order_id: UUID
    proposal: Proposal
    amount: Decimal
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class ProposalRefused:
    """A proposal failed the last of `checks`; nothing was done."""

    trading_pair_id: UUID
    proposal: Proposal
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class ProposalWithheld:
    """A proposal was shown to the user instead of executed, as the pair's mode asks."""

    trading_pair_id: UUID
    proposal: Proposal
    mode: str


@dataclass(frozen=True, slots=True)
class ExitDecided:
    """An analyst's exit was taken over."""

    position_id: UUID
    reasoning: str
    agent_id: str
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class StopDecided:
    """An analyst's stop was taken over: the venue is asked to move it to `stop_loss_price` (quote).

    OrderChanged tells when it has.
    """

    position_id: UUID
    proposal: StopProposal
    stop_loss_price: Decimal
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class StopRefused:
    """An analyst's stop failed the last of `checks`; the stop stays where it is."""

    position_id: UUID
    proposal: StopProposal
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Abstained:
    """An analyst did nothing, and why."""

    trading_pair_id: UUID
    symbol: str
    reasoning: str
    agent_id: str
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderCreated:
    """An order exists, pending; nothing has been sent."""

    order_id: UUID
    client_order_id: str
    symbol: str
    side: OrderSide
    type: OrderType
    purpose: OrderPurpose
    amount: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    parent_order_id: UUID | None
    position_id: UUID | None
    agent_id: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class OrderStatusChanged:
    """An order followed one row of the transition table."""

    order_id: UUID
    before: OrderStatus
    after: OrderStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An amendment that the venue confirmed."""

    order_id: UUID
    amount: Decimal
    stop_price: Decimal | None


@dataclass(frozen=True, slots=True)
class FillBooked:
    """An execution was counted, once."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class CashMoved:
    """A balanced transfer was posted to the ledger."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class PositionOpened:
    """The first execution of an entry made a position."""

    position_id: UUID
    entry_order_id: UUID
    symbol: str
    side: PositionSide
    leverage: int


@dataclass(frozen=True, slots=True)
class PositionResized:
    """A position grew or shrank; `size` is what is open now, in base currency."""

    position_id: UUID
    size: Decimal
    entry_price: Decimal
    realized_pnl: Decimal


@dataclass(frozen=True, slots=True)
class PositionEnded:
    """Nothing of the position is left; `net_pnl` is in quote, after fees and funding."""

    position_id: UUID
    status: PositionStatus
    net_pnl: Decimal
    reasoning: str


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """What a strategy is worth at the close of an interval, in quote currency."""

    strategy_id: UUID
    equity: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True)
class BreakerReset:
    """A new trading day: counters at zero, trading allowed."""

    reset_at: datetime


@dataclass(frozen=True, slots=True)
class RiskRaised:
    """A risk event was raised."""

    event: RiskEvent


@dataclass(frozen=True, slots=True)
class BillingAlert:
    """What models may cost in a month is nearly, or wholly, used; fields as in BudgetUsed."""

    level: BudgetPressure
    month: date
    used_pct: Decimal
    requests: int
    requests_max: int
    usd: Decimal
    usd_max: Decimal | None


Fact = (
    FundOpened
    | ProposalAccepted
    | ProposalRefused
    | ProposalWithheld
    | ExitDecided
    | StopDecided
    | StopRefused
    | Abstained
    | OrderCreated
    | OrderStatusChanged
    | OrderChanged
    | FillBooked
    | CashMoved
    | PositionOpened
    | PositionResized
    | PositionEnded
    | EquityMarked
    | BreakerReset
    | RiskRaised
    | BillingAlert
)

# --- wishes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Send a pending order to its venue."""

    order_id: UUID


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take a working order back."""

    order_id: UUID


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Change a working order's amount (base) and, for stops, its trigger price."""

    order_id: UUID
    amount: Decimal
    stop_price: Decimal | None


@dataclass(frozen=True, slots=True)
class LearnFromTrade:
    """Write the journal and the lesson of a position that has ended."""

    position_id: UUID


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the user."""

    severity: str
    text: str


Wish = PlaceOrder | CancelOrder | AmendOrder | LearnFromTrade | Notify


@dataclass(frozen=True, slots=True)
class Step:
    """What one message led to."""

    facts: tuple[Fact, ...]
    wishes: tuple[Wish, ...]
