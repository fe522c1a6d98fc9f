"""The regimes of a symbol are read from the candles of one exchange."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange
from hedgerow.usecases.ports.unit_of_work import UnitOfWork


async def claim_regimes(unit: UnitOfWork, exchange: Exchange, symbols: Sequence[str]) -> None:
    """Make sure that the regimes of these symbols are of `exchange`.

    Rows do not tell their exchange, so those of two would lie between each other. Raises
    InputRefused where they are of another. Without a commit it only asks.
    """
    for symbol in symbols:
        known = await unit.regimes.claim(symbol, exchange)
        if known is not exchange:
            raise InputRefused(
                what=f"the regimes of {symbol} are read from candles of {known}",
                where=f"{exchange} {symbol}",
                fix=f"go on with {known}, or set HEDGEROW_DATA_DIR elsewhere for {exchange}",
            )
