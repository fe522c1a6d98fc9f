"""The advice of a desk's agents, as their answers have it, beside what the market did since.

Which question each role answers, and when it was right, is defined in domain/advice.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hedgerow.domain.advice import Advice, Matter, moved, target_met
from hedgerow.domain.journal import exit_was_correct
from hedgerow.domain.market import Candle
from hedgerow.domain.money import decimal_of
from hedgerow.domain.positions import PositionSide
from hedgerow.usecases.candle_series import CandleSeries, microseconds
from hedgerow.usecases.evaluate.run_log import RunLog
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.replay_fund import EXIT_VERDICT_CANDLES

Series = Mapping[str, CandleSeries]
Answer = Mapping[str, Any]

BULL: Final = "bull_researcher"
BEAR: Final = "bear_researcher"
_SIDES: Final[Mapping[str, bool]] = {
    "bullish": True,
    "bearish": False,
    "long": True,
    "short": False,
}


def advice_of(logs: Iterable[RunLog], series: Series) -> list[Advice]:
    """The advice in the meetings of several runs, each question counted once, by the first run.

    Funds of several seeds share their research, and ask of their own much the same as each other.
    """
    found: dict[tuple[str, Matter, str, datetime], Advice] = {}
    for log in logs:
        for each in _advice_in(log, series):
            found.setdefault((each.agent, each.matter, each.symbol, each.at), each)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Scene:
    """A meeting, what research it had, the ticket in prices where there was one, and the candles.

    `now` counts the candles that had closed.
    """

    meeting: Meeting
    research: Meeting | None
    spoken: Sequence[ModelExchange]
    series: CandleSeries
    now: int

    @property
    def close(self) -> Decimal:
        """The last close at the meeting."""
        return self.series.price(self.series.close[self.now - 1])

    def after(self, count: int | None = None) -> list[Candle]:
        """The candles that followed, or the first few of them."""
        return self.series[self.now : None if count is None else self.now + count]

    def moved(self, side: PositionSide) -> bool | None:
        """Whether the price went that way, EXIT_VERDICT_CANDLES later."""
        after = self.after(EXIT_VERDICT_CANDLES)
        if len(after) < EXIT_VERDICT_CANDLES:
            return None
        return moved(side, self.close, after[-1].close)

    def advice(
        self,
        agent: str,
        matter: Matter,
        says: bool | None,
        came_true: bool | None,
        confidence: float | None = None,
    ) -> Advice:
        """What an agent said."""
        at, symbol = self.meeting.at, self.meeting.symbol
        return Advice(agent, matter, symbol, at, says, came_true, confidence)


def _advice_in(log: RunLog, series: Series) -> Iterator[Advice]:
    research = {meeting.session_id: meeting for meeting in log.research}
    for meeting in (*log.research, *log.meetings):
        candles = series[meeting.symbol]
        scene = _Scene(
            meeting,
            research.get(meeting.research_session_id or ""),
            log.tickets.get(meeting.session_id, ()),
            candles,
            candles.closed_by(microseconds(meeting.at)),
        )
        for agent, answer in meeting.answers.items():
            if not isinstance(answer, Mapping):
                continue
            reader = next((read for key, read in _READERS.items() if key in answer), None)
            if reader is not None:
                yield reader(agent, answer, scene)


def _finding(agent: str, answer: Answer, scene: _Scene) -> Advice:
    return _direction(agent, answer["view"], answer["confidence"], scene)


def _conclusion(agent: str, answer: Answer, scene: _Scene) -> Advice:
    return _direction(agent, answer["direction"], answer["conviction"], scene)


def _direction(agent: str, word: str, confidence: float, scene: _Scene) -> Advice:
    says = _SIDES.get(word)
    rose = scene.moved(PositionSide.LONG)
    return scene.advice(agent, Matter.DIRECTION, says, rose, confidence)


def _argument(agent: str, answer: Answer, scene: _Scene) -> Advice:
    other = scene.meeting.answers.get(BEAR if agent == BULL else BULL)
    strength = answer["strength"]
    is_stronger = isinstance(other, Mapping) and strength > other["strength"]
    side = PositionSide.LONG if agent == BULL else PositionSide.SHORT
    says = True if is_stronger else None
    return scene.advice(agent, Matter.SIDE, says, scene.moved(side), strength)


def _allocation(agent: str, answer: Answer, scene: _Scene) -> Advice:
    side = _side(scene)
    came_true = None if side is None else scene.moved(side)
    return scene.advice(agent, Matter.TAKING_PART, answer["stake"] != "none", came_true)


def _risk_view(agent: str, answer: Answer, scene: _Scene) -> Advice:
    side, levels = _side(scene), _levels(scene)
    came_true = None
    if side is not None and levels is not None:
        came_true = target_met(side, *levels, scene.after())
    return scene.advice(agent, Matter.TICKET, answer["verdict"] == "approve", came_true)


def _position_view(agent: str, answer: Answer, scene: _Scene) -> Advice:
    position: Any = scene.meeting.briefing["position"]
    after = scene.after(EXIT_VERDICT_CANDLES)
    came_true = None
    if len(after) == EXIT_VERDICT_CANDLES:
        came_true = exit_was_correct(PositionSide(position["side"]), scene.close, after)
    says = True if answer["action"] == "exit" else None
    return scene.advice(agent, Matter.LEAVING, says, came_true)


def _side(scene: _Scene) -> PositionSide | None:
    """The side that the research concluded."""
    if scene.research is None:
        return None
    direction = str(scene.research.decision["direction"])
    return None if direction == "none" else PositionSide(direction)


def _levels(scene: _Scene) -> tuple[Decimal, Decimal] | None:
    """Stop and target of the ticket, by the menu that the trader was given; None without them."""
    ticket, menu = scene.meeting.answers.get("trader"), _menu(scene.spoken)
    side = _side(scene)
    if not isinstance(ticket, Mapping) or menu is None or side is None:
        return None
    entry = menu["entries"].get(ticket["entry_level"])
    stop = menu["stops_from_market"].get(ticket["stop_level"])
    reward = menu["targets_in_stop_distances"].get(ticket["target_level"])
    if entry is None or stop is None or reward is None:
        return None
    price = decimal_of("entry", repr(entry))
    away = abs(
        decimal_of("market", repr(menu["entries"]["market"])) - decimal_of("stop", repr(stop))
    )
    gain = away * decimal_of("reward", repr(reward))
    return price - away * side.sign, price + gain * side.sign


def _menu(spoken: Sequence[ModelExchange]) -> Mapping[str, Any] | None:
    """What `trade_levels` told the trader."""
    for exchange in spoken:
        if exchange.agent_name != "trader":
            continue
        for content in json.loads(exchange.request)["contents"]:
            for part in content["parts"]:
                told = part.get("function_response")
                if told is not None and told["name"] == "trade_levels":
                    menu: Mapping[str, Any] = told["response"]
                    return menu
    return None


# By which field an answer is known, and how it is read; of several the first.
_READERS: Final[Mapping[str, Callable[[str, Answer, _Scene], Advice]]] = {
    "view": _finding,
    "direction": _conclusion,
    "strength": _argument,
    "verdict": _risk_view,
    "stake": _allocation,
    "action": _position_view,
}
