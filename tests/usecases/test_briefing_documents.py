"""A briefing that is kept with its meeting comes back as it was, to the last digit."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import simplejson
from sqlalchemy import JSON, cast, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from desk_scenes import LONG, briefing_at, open_position
from desk_world import fund_view
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.regimes import Regime
from hedgerow.usecases.briefing_documents import briefing_document, briefing_of, candles_told
from hedgerow.usecases.ports.desk import Briefing


def full() -> Briefing:
    position = open_position(LONG[0], PositionSide.LONG)
    position.funded_at.add(position.opened_at)
    fund = fund_view(positions=(position,), equity=Decimal("10000.0100"), risk=Decimal("1E+3"))
    briefing = briefing_at(*LONG, position=position, fund=fund)
    indicators = {**briefing.regime.indicators, "tiny": 5e-324, "third": 1 / 3}
    return replace(
        briefing,
        regime=replace(briefing.regime, indicators=indicators),
        regime_before=Regime.RANGE,
        happened=("the long has ended: stopped",),
    )


async def test_it_comes_back_from_the_database(database: AsyncEngine) -> None:
    for briefing in (full(), briefing_at(*LONG)):
        text = simplejson.dumps(briefing_document(briefing))
        async with database.connect() as connection:
            stored: Any = await connection.scalar(select(cast(cast(literal(text), JSON), JSONB)))
        assert candles_told(stored) == len(briefing.candles)
        back = briefing_of(stored, briefing.candles, briefing.longer)
        assert back == briefing
        kinds = [type(getattr(back, each.name)) for each in fields(briefing)]
        assert kinds == [type(getattr(briefing, each.name)) for each in fields(briefing)]
        assert briefing_document(back) == briefing_document(briefing)
