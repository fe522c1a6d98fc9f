"""Exact numbers: the one context, the one place that rounds, the one gate from float64.

Amounts of quote currency are kept to 1e-8, as exchanges settle them; average prices to 1e-12.
Quantities are rounded down to an instrument's step, prices to its tick.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    InvalidOperation,
    Overflow,
    localcontext,
)

from hedgerow.domain.errors import NotExact

CONTEXT = Context(
    prec=50,
    rounding=ROUND_HALF_EVEN,
    traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
QUOTE_QUANTUM = Decimal("0.00000001")
AVERAGE_QUANTUM = Decimal("0.000000000001")


def exact() -> AbstractContextManager[Context]:
    """The arithmetic in force inside the block: 50 digits, floats and NaN trapped."""
    return localcontext(CONTEXT)


def decimal_of(name: str, value: object) -> Decimal:
    """`value` as a finite Decimal; raises NotExact for floats, booleans, NaN and infinities."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise NotExact(name=name, value=value)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise NotExact(name=name, value=value) from error
    if not number.is_finite():
        raise NotExact(name=name, value=value)
    return number


def require_exact(**numbers: Decimal | None) -> None:
    """Raise NotExact for the first of `numbers` that is neither None nor a finite Decimal."""
    for name, value in numbers.items():
        if value is not None and not (isinstance(value, Decimal) and value.is_finite()):
            raise NotExact(name=name, value=value)


def to_quote(amount: Decimal) -> Decimal:
    """An amount of quote currency, to 1e-8, half to even."""
    return amount.quantize(QUOTE_QUANTUM, rounding=ROUND_HALF_EVEN, context=CONTEXT)


def to_fee(amount: Decimal) -> Decimal:
    """A fee to 1e-8, rounded away from zero for the payer: a fee is never understated."""
    return amount.quantize(QUOTE_QUANTUM, rounding=ROUND_CEILING, context=CONTEXT)


def average_price(cost_quote: Decimal, quantity: Decimal) -> Decimal:
    """Cost over quantity, to 1e-12. Profit is computed from costs, never from this average."""
    return CONTEXT.divide(cost_quote, quantity).quantize(AVERAGE_QUANTUM, context=CONTEXT)


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """Part over whole, to 1e-12; zero where the whole is zero."""
    return average_price(part, whole) if whole else ZERO


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """Part over whole in per cent, to 1e-10."""
    return ratio(part, whole) * HUNDRED


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """The greatest multiple of `step` that is not above `quantity` (both at least zero)."""
    steps = CONTEXT.divide(quantity, step).to_integral_value(rounding=ROUND_DOWN)
    return CONTEXT.multiply(steps, step)


def floor_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The greatest multiple of `tick` that is not above `price`."""
    ticks = CONTEXT.divide(price, tick).to_integral_value(rounding=ROUND_FLOOR)
    return CONTEXT.multiply(ticks, tick)


def ceil_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The least multiple of `tick` that is not below `price`."""
    ticks = CONTEXT.divide(price, tick).to_integral_value(rounding=ROUND_CEILING)
    return CONTEXT.multiply(ticks, tick)


def round_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The multiple of `tick` nearest to `price`, half to even."""
    ticks = CONTEXT.divide(price, tick).to_integral_value(rounding=ROUND_HALF_EVEN)
    return CONTEXT.multiply(ticks, tick)


def price_from_float(value: float, tick: Decimal) -> Decimal:
    """The gate from indicators (float64) to prices: the nearest tick; raises NotExact on NaN."""
    return round_to_tick(decimal_of("price", repr(float(value))), tick)


def digits(number: Decimal) -> str:
    """The number as people write it: no exponent, no trailing zeros."""
    return format(CONTEXT.normalize(number), "f")
