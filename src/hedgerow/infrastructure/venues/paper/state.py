"""All that the paper venue remembers, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, ClassVar, Final
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, ValidationError

from hedgerow.domain.errors import DocumentRefused
from hedgerow.domain.market import MarketType
from hedgerow.domain.money import ZERO
from hedgerow.domain.orders import Order, OrderSide, OrderType

# A repeated order follows its original closely; older ones would only weigh on every snapshot.
_ENDED_REMEMBERED: Final = 64


def exchange_order_id(number: int) -> str:
    """The venue's own name for the order it accepted as its `number`-th."""
    return f"paper-{number}"


@dataclass(slots=True)
class WorkingOrder:
    """What the venue keeps of an order; it shares no object with the fund.

    Prices in quote, `amount` and `filled_amount` in base currency. `number` is its place in the
    queue. `is_reducing` orders execute only against what is held. A stop is triggered once its
    stop price was met, other orders from the beginning. `has_rested` tells an order that has
    waited in the book from one that has just arrived. Until `arrives_at` it is on its way, and
    from then on the time is None.
    """

    id: UUID
    number: int
    symbol: str
    side: OrderSide
    type: OrderType
    amount: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    is_reducing: bool
    parent_order_id: UUID | None
    is_triggered: bool
    has_rested: bool = False
    filled_amount: Decimal = ZERO
    arrives_at: datetime | None = None

    @property
    def remaining(self) -> Decimal:
        """What is left to fill, in base currency."""
        return self.amount - self.filled_amount

    @property
    def wake_price(self) -> Decimal | None:
        """The price it waits for: its stop price, then its limit; None when any price will do."""
        return self.price if self.is_triggered else self.stop_price

    def is_awake(self, price: Decimal) -> bool:
        """Whether it acts at `price`: a stop triggers, a limit can execute."""
        wake_price = self.wake_price
        if wake_price is None:
            return True
        return price <= wake_price if self.waits_below else price >= wake_price

    @property
    def waits_below(self) -> bool:
        """Whether it waits for a lower price: a buying limit and a selling stop do."""
        return (self.side is OrderSide.BUY) == self.is_triggered


@dataclass(slots=True)
class Market:
    """A symbol in the span under way: its price (quote) and the base volume left to fill.

    Orders execute only while it is open. Between spans, and in one without a candle of the
    symbol, it is closed and `price` is the last close.
    """

    price: Decimal
    volume_left: Decimal
    is_open: bool


@dataclass(slots=True)
class Cover:
    """What stands behind a futures position: the venue closes it by force where that is used up.

    At `liquidation_price` (quote) what is left is the maintenance margin, at `bankruptcy_price`
    nothing; both are None where the price cannot get so far.
    """

    position_id: UUID
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal | None


@dataclass(slots=True)
class Cursor:
    """How far a span has been lived through: the next point of its path, and the time.

    Funding that falls due from `funding_since` on is settled in this span: from its opening, or
    from the end of the span before where there is a gap between. `fundings` counts the funding
    times that are over; `funded` names the symbols that have settled the one under way.
    """

    open_time: datetime
    now: datetime
    next_point: int = 0
    fundings: int = 0
    funded: list[str] = field(default_factory=list)
    funding_since: datetime | None = None


@dataclass(slots=True)
class VenueState:
    """Working orders, net holdings in base currency (below zero when short), markets, counters.

    `ended` holds the numbers of the last orders that ended, so that repeating one is harmless.
    `covers` holds what stands behind futures positions, by symbol, and `funding_from` the time
    from which funding is still to be settled; documents of spot accounts may lack both. No other
    field has a default: a document that lacks one is refused, not filled up.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    orders: dict[UUID, WorkingOrder]
    ended: dict[UUID, int]
    holdings: dict[str, Decimal]
    markets: dict[str, Market]
    orders_accepted: int
    trades: int
    cursor: Cursor | None
    covers: dict[str, Cover] = field(default_factory=dict)
    funding_from: datetime | None = None

    @classmethod
    def empty(cls) -> VenueState:
        """The state of an account that has never traded."""
        return cls(
            orders={}, ended={}, holdings={}, markets={}, orders_accepted=0, trades=0, cursor=None
        )

    def number_of(self, order_id: UUID) -> int | None:
        """The number under which an order was accepted; None for one never seen or forgotten."""
        working = self.orders.get(order_id)
        return working.number if working else self.ended.get(order_id)

    def accept(self, order: Order, arrives_at: datetime | None = None) -> WorkingOrder:
        """Put an order at the end of the queue."""
        self.orders_accepted += 1
        working = WorkingOrder(
            id=order.id,
            number=self.orders_accepted,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            amount=order.amount,
            price=order.price,
            stop_price=order.stop_price,
            is_reducing=is_reducing(order),
            parent_order_id=order.parent_order_id,
            is_triggered=order.stop_price is None,
            arrives_at=arrives_at,
        )
        self.orders[order.id] = working
        return working

    def end(self, order: WorkingOrder) -> None:
        """Take an order out of the book, and remember for a while that it was there."""
        del self.orders[order.id]
        self.ended[order.id] = order.number
        if len(self.ended) > _ENDED_REMEMBERED:
            # by number: a document that was stored and read again may have lost its order
            oldest, _ = min(self.ended.items(), key=itemgetter(1))
            del self.ended[oldest]

    def reducible(self, symbol: str, side: OrderSide) -> Decimal:
        """How much of a symbol an order of this side can reduce, in base currency."""
        held = self.holdings.get(symbol, ZERO)
        return max(held if side is OrderSide.SELL else -held, ZERO)

    def book(self, order: WorkingOrder, quantity: Decimal) -> None:
        """Count an execution of `quantity` base currency."""
        signed = quantity if order.side is OrderSide.BUY else -quantity
        self.trades += 1
        self.holdings[order.symbol] = self.holdings.get(order.symbol, ZERO) + signed
        self.markets[order.symbol].volume_left -= quantity
        order.filled_amount += quantity
        if not order.remaining:
            self.end(order)

    def liquidate(self, symbol: str) -> str:
        """Count the execution that closes all that is held; returns its trade id."""
        self.trades += 1
        self.holdings[symbol] = ZERO
        del self.covers[symbol]
        return f"paper-{self.trades}"

    def begin(self, open_time: datetime, close_time: datetime) -> None:
        """Start a span: every market is closed until its own candle opens it."""
        self.close_markets()
        since = self.funding_from if self.covers else None
        self.cursor = Cursor(open_time=open_time, now=open_time, funding_since=since or open_time)
        self.funding_from = close_time

    def close_markets(self) -> None:
        """Let nothing execute before the next span: the last prices are history."""
        for market in self.markets.values():
            market.is_open = False

    def to_document(self) -> dict[str, object]:
        """All of it as JSON, decimals as text."""
        document: dict[str, object] = _DOCUMENTS.dump_python(self, mode="json")
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> VenueState:
        """The state that `to_document` wrote; raises DocumentRefused for anything else."""
        try:
            return _DOCUMENTS.validate_python(dict(document))
        except ValidationError as error:
            first: Any = error.errors()[0]
            path = ".".join(str(key) for key in first["loc"])
            raise DocumentRefused("paper venue", path, first["msg"]) from error


def is_reducing(order: Order) -> bool:
    """Whether an order may only execute against what is held: nobody sells short on spot."""
    is_spot_sale = order.market_type is MarketType.SPOT and order.side is OrderSide.SELL
    return order.reduce_only or is_spot_sale


_DOCUMENTS: Final = TypeAdapter(VenueState)
