"""How the house's analysts, researchers and research manager judge: rules of thumb, spelled out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.infrastructure.agents.desk.answers import (
    Argument,
    Conclusion,
    Direction,
    Finding,
    View,
)
from hedgerow.infrastructure.agents.desk.house.heard import Heard, Json
from hedgerow.infrastructure.agents.desk.quoting import plain

# A view needs a lean of this much, on a scale from -1 (bearish) to 1 (bullish).
_LEAN_MIN: Final = 0.1
# A change of this many per cent over 20 candles is as clear as one gets.
_CHANGE_FULL_PCT: Final = 10.0
# Funding of a settlement, in per cent, from which the paying side counts as crowded; the usual
# rate of perpetual futures is 0.01.
_CROWDED_PCT: Final = 0.03
_POINTS_MAX: Final = 4
_GOOD: Final = frozenset(
    (
        *("approve", "approval", "approved", "adopt", "adoption", "gain", "gains", "rally"),
        *("record", "surge", "inflow", "inflows", "upgrade", "partnership", "bullish", "wins"),
    )
)
_BAD: Final = frozenset(
    (
        *("hack", "hacked", "exploit", "ban", "bans", "lawsuit", "sues", "fraud", "outage"),
        *("outflow", "outflows", "crash", "plunge", "liquidation", "liquidations", "bearish"),
        *("delist", "delists", "bankruptcy", "halt"),
    )
)

_SIDES: Final = {View.BULLISH: 1.0, View.BEARISH: -1.0, View.NEUTRAL: 0.0}


def leaning(lean: float, summary: str, evidence: Sequence[str]) -> Finding:
    """A finding by its lean (-1 to 1): confidence is (1 + |lean|) / 2, a half for none at all."""
    lean = max(-1.0, min(1.0, lean))
    view = View.NEUTRAL
    if abs(lean) >= _LEAN_MIN:
        view = View.BULLISH if lean > 0.0 else View.BEARISH
    return Finding(
        view=view,
        confidence=(1.0 + abs(lean)) / 2.0,
        summary=summary,
        evidence=list(evidence[:_POINTS_MAX]),
    )


def market(heard: Heard) -> Finding:
    """The mean of the changes over 5, 20 and 100 candles, each scaled by its span."""
    told = heard.known("read_candles")
    if told is None:
        return Finding.abstain("No candles are known.")
    changes: Mapping[str, float] = told["change_pct_over_candles"]
    scaled = [
        changes[span] / (_CHANGE_FULL_PCT * (int(span) / 20.0) ** 0.5)
        for span in ("5", "20", "100")
        if span in changes
    ]
    words = [f"{changes[span]:+.2f} % over {span} candles" for span in changes]
    volume = f"volume {told['volume_over_usual']:.2f} of the usual"
    lean = fmean(scaled) if scaled else 0.0
    return leaning(lean, f"{', '.join(words)}; {volume}.", [*words, volume])


def technical(heard: Heard) -> Finding:
    """A setup where there is one; else the side of MA(50) and of RSI 50."""
    setup, told = heard.known("find_setup"), heard.known("read_indicators")
    if setup is not None and setup["found"]:
        view = View.BULLISH if setup["side"] == PositionSide.LONG else View.BEARISH
        return Finding(
            view=view,
            confidence=setup["confidence"],
            summary=f"{setup['play'].capitalize()} ({setup['side']}): {setup['facts']}.",
            evidence=[setup["facts"][:300]],
        )
    if told is None:
        return Finding.abstain("No indicators are known.")
    above = 1.0 if told["close"] > told["ma50"] else -1.0
    lean = (above + (told["rsi"] - 50.0) / 25.0) / 4.0
    why = setup["why"] if setup is not None else "no play was looked for"
    words = [
        f"the close {'above' if above > 0.0 else 'below'} MA50",
        f"RSI {told['rsi']:.1f}",
        f"ADX {told['adx']:.1f}",
    ]
    return leaning(lean, f"{', '.join(words)}. {why}", words)


def regime(heard: Heard) -> Finding:
    """Trends lean their way by their confidence; other regimes lean no way."""
    told = heard.known("read_regime")
    if told is None:
        return Finding.abstain("No regime is known.")
    lean = {"trend_up": 1.0, "trend_down": -1.0}.get(told["regime"], 0.0) * told["confidence"]
    changed = "as before" if told["before"] == told["regime"] else f"{told['before']} before"
    words = f"regime {told['regime']} ({changed}), confidence {told['confidence']:.2f}"
    return leaning(lean, f"{words}, by {told['model_version']}.", [words])


def order_flow(heard: Heard) -> Finding:
    """The mean of the share of buyers in a hurry and of bids near the price."""
    book, trades = heard.known("read_order_book"), heard.known("read_trades")
    shares = []
    words = []
    if trades is not None:
        shares.append(trades["buy_share"])
        words.append(f"{trades['buy_share']:.0%} of {trades['trades']} trades' volume bought")
    if book is not None:
        shares.append(book["within_0.5_pct"]["bid_share"])
        words.append(f"bids are {shares[-1]:.0%} of the book within 0.5 %")
    if not shares:
        return Finding.abstain("Neither trades nor an order book are known.")
    return leaning(2.0 * fmean(shares) - 1.0, f"{'; '.join(words)}.", words)


def derivatives(heard: Heard) -> Finding:
    """Against the side that is crowded and pays for it."""
    told = heard.known("read_derivatives")
    if told is None:
        return Finding.abstain("Neither funding nor open interest is known.")
    lean = -told["funding_pct_mean_3d"] / (2.0 * _CROWDED_PCT)
    words = [f"funding {told['funding_pct']:+.4f} %, {told['funding_pct_mean_3d']:+.4f} % in mean"]
    if "open_interest_change_pct" in told:
        words.append(f"open interest {told['open_interest_change_pct']:+.2f} %")
    return leaning(lean if abs(lean) >= 0.5 else 0.0, f"{'; '.join(words)}.", words)


def sentiment(heard: Heard) -> Finding:
    """Good words against bad ones in the titles; what they tell the house to do is not read."""
    told = heard.known("read_news")
    if told is None:
        return Finding.abstain("No news is known.")
    titles = [set(str(item["title"]).lower().strip("«»").split()) for item in told["items"]]
    good = sum(bool(title & _GOOD) for title in titles)
    bad = sum(bool(title & _BAD) for title in titles)
    words = f"{good} good and {bad} bad of {len(titles)} titles"
    return leaning((good - bad) / len(titles), f"{words}.", [words])


def correlation(heard: Heard) -> Finding:
    """Where what it follows went last, by how well it follows."""
    told = heard.known("read_correlations")
    if told is None:
        return Finding.abstain("Nothing else is watched long enough to compare with.")
    leaders = [each for each in told["with"] if each["it_follows"] > 0.0]
    lean = sum(each["it_follows"] * each["their_last_pct"] for each in leaders)
    words = [
        f"{each['symbol']}: correlation {each['correlation']:.2f}, follows {each['it_follows']:.2f}"
        for each in told["with"]
    ]
    return leaning(lean / _CHANGE_FULL_PCT, f"{'; '.join(words[:_POINTS_MAX])}.", words)


def bull(heard: Heard) -> Argument:
    """The findings that speak for a long."""
    return _case(heard, View.BULLISH)


def bear(heard: Heard) -> Argument:
    """The findings that speak against it."""
    return _case(heard, View.BEARISH)


def _case(heard: Heard, side: View) -> Argument:
    mine = list(_of(heard.briefing["findings"], side))
    other = heard.briefing.get("other_side")
    strength = sum(each["confidence"] for _, each in mine) / max(len(heard.briefing["findings"]), 1)
    return Argument(
        claim=f"{len(mine)} of {len(heard.briefing['findings'])} findings are {side}.",
        points=[f"{name}: {plain(each['summary'])}"[:300] for name, each in mine[:_POINTS_MAX]],
        rebuttal=f"The other side says: {plain(other['claim'])}"[:600] if other else "",
        strength=min(1.0, strength),
    )


def _of(findings: Json, side: View) -> Iterable[tuple[str, Any]]:
    return ((name, each) for name, each in findings.items() if each["view"] == side)


def conclude(heard: Heard) -> Conclusion:
    """A setup's side with the setup's confidence; without one, none."""
    findings = heard.briefing["findings"]
    lean = sum(_SIDES[View(each["view"])] * each["confidence"] for each in findings.values())
    sides = f"The findings lean {lean / max(len(findings), 1):+.2f} of 1"
    setup = heard.known("find_setup")
    if setup is None or not setup["found"]:
        why = setup["why"] if setup is not None else "no play was looked for."
        return Conclusion.abstain(f"{why} {sides}.")
    direction = Direction(setup["side"])
    against = View.BEARISH if direction is Direction.LONG else View.BULLISH
    return Conclusion(
        direction=direction,
        setup_type=SetupType(setup["setup_type"]),
        conviction=setup["confidence"],
        thesis=f"{setup['play'].capitalize()} ({direction}): {setup['facts']}. {sides}.",
        risks=[f"{name}: {plain(each['summary'])}"[:300] for name, each in _of(findings, against)][
            :6
        ],
    )
