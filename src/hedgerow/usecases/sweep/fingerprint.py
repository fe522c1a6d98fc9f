"""What makes two sweeps the same: candles, space, strategy and costs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256

from hedgerow.usecases.sweep.spaces import Space


@dataclass(frozen=True, slots=True)
class SweepIdentity:
    """What a result of a backtest depends on, besides its parameters and its days.

    `strategy` names it and holds the digest of its code, `costs` tells capital, fees, slippage and
    latency, `hedgerow` the digest of its own code. The search is no part of it, so a longer one
    goes on with what is known.
    """

    candles: str
    space: Space
    strategy: str
    costs: str
    hedgerow: str

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()[:32]
