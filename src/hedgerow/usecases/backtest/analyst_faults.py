"""What an analyst of the user's own did wrong, in a sentence that says where and when."""

from __future__ import annotations

from pathlib import PurePath
from traceback import walk_tb

from hedgerow.domain.errors import InputRefused, InvalidValue, NotExact, value_in_words
from hedgerow.domain.proposals import Act


def refused_answer(where: str, answer: object) -> InputRefused:
    """Why an answer of `decide` cannot be acted on; `where` names analyst, symbol and moment."""
    what = f"decide returned {answer!r:.60}"
    if isinstance(answer, Act):
        what = f"decide returned an order on {answer.symbol}"
    fix = "return what market.buy, sell_short, tighten_stop or leave give, or None"
    return InputRefused(what, where, fix)


def refused_error(where: str, method: str, error: Exception) -> InputRefused | None:
    """What an analyst's method raised; None where no line but Hedgerow's own had a part in it."""
    place = _place(error)
    if place is None:
        return None
    match error:
        case InputRefused():
            return InputRefused(f"{error.what} ({place})", where, error.fix)
        case InvalidValue():
            what = value_in_words(error)
        case NotExact():
            what = f"{error.name} is {error.value}, which is no finite number"
        case _:
            what = " ".join(f"{type(error).__name__}: {error}".split())
    return InputRefused(f"{what} ({place})", where, f"correct {method}")


def _place(error: Exception) -> str | None:
    """The last line of the analyst's own file that was run."""
    lines = [
        (frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] != "hedgerow"
    ]
    own = [line for file, line in lines if file == lines[0][0]]
    return f"{PurePath(lines[0][0]).name}, line {own[-1]}" if own else None
