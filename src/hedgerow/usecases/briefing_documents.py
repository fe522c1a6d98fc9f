"""A briefing as it is kept with its meeting, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from hedgerow.domain.market import Candle
from hedgerow.usecases.codec import decode_fields, encode
from hedgerow.usecases.longer_candles import Longer
from hedgerow.usecases.ports.desk import Briefing

_STORED_ELSEWHERE: Final = ("candles", "longer")


def briefing_document(briefing: Briefing) -> Mapping[str, object]:
    """All of a briefing but its candles, which are stored as of its time already."""
    document = {
        entry.name: encode(getattr(briefing, entry.name))
        for entry in fields(briefing)
        if entry.name not in _STORED_ELSEWHERE
    }
    return {**document, "candles": len(briefing.candles)}


def candles_told(document: Mapping[str, Any]) -> int:
    """How many candles the briefing carried."""
    return int(document["candles"])


def briefing_of(document: Mapping[str, Any], candles: Sequence[Candle], longer: Longer) -> Briefing:
    """The briefing that `briefing_document` made `document` of, with its candles."""
    told = {name: value for name, value in document.items() if name not in _STORED_ELSEWHERE}
    return Briefing(candles=candles, longer=longer, **decode_fields(Briefing, told))
