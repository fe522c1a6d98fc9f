"""`hedgerow regimes classify --follow`: a process that keeps markets classified."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rich.console import Console

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.event_lines import print_line
from hedgerow.entrypoints.interrupts import stop_requests
from hedgerow.entrypoints.output import complain
from hedgerow.entrypoints.regimes import (
    ClassifyRequest,
    classified_document,
    classify,
    in_words,
    show_classified,
)
from hedgerow.entrypoints.words import sentence
from hedgerow.usecases.classify_regimes import Classified
from hedgerow.usecases.follow_regimes import Round, RoundFailed, follow_regimes, next_round


async def classify_and_follow(
    backstage: Backstage, request: ClassifyRequest, *, as_json: bool
) -> None:
    """Classify what is due, then go on after every quarter of an hour until interrupted.

    What keeps the first from working is raised; later it is said, and tried again.
    """
    clock = backstage.clock()
    done = await classify(backstage, request)
    begin = next_round(clock.now())
    if as_json:
        print_line(json.dumps(_document(Round(request.until, done, begin))))
    else:
        show_classified(done)
    words = f"Following; the next round is at {begin:%H:%M:%S} UTC. Ctrl-C ends it."
    with stop_requests() as stop:
        Console(stderr=True).print(words, highlight=False, soft_wrap=True)
        await follow_regimes(
            backstage.regime_desk,
            request.exchange,
            request.symbols,
            clock,
            _telling(as_json=as_json),
            stop,
        )


def _telling(*, as_json: bool) -> Callable[[Round | RoundFailed], None]:
    def tell(news: Round | RoundFailed) -> None:
        if isinstance(news, RoundFailed):
            again = f"trying again at {news.next_at:%H:%M:%S} UTC"
            complain(f"{sentence(news.error)} ({again})")
        else:
            print_line(json.dumps(_document(news)) if as_json else round_line(news))

    return tell


def round_line(done: Round) -> str:
    """A round for a person: the rows that are new, and the markets that got none."""
    new = [f"{_market(each)} {in_words(each.last)}" for each in done.markets if each.last]
    rest = [_market(each) for each in done.markets if not each.last]
    if rest:
        # their candles are late, or another process was first
        new.append(f"nothing new for {', '.join(rest)}")
    return f"{done.at:%Y-%m-%d %H:%M:%S}Z  {'; '.join(new)}"


def _market(each: Classified) -> str:
    return f"{each.symbol} {each.timeframe}"


def _document(done: Round) -> dict[str, Any]:
    return {
        "at": done.at.isoformat(),
        "markets": [classified_document(each) for each in done.markets],
    }
