"""`hedgerow ask`: the desk's advice, which goes nowhere."""

from __future__ import annotations

from command_line import Finished, hedgerow


def events_told(finished: Finished) -> int:
    said = hedgerow("audit", "verify", "--json", data=finished.data)
    assert said.code == 0, said
    return int(said.document["verified"]["events"])


def test_the_desk_says_what_it_would_do_and_the_fund_is_not_told(finished: Finished) -> None:
    before = events_told(finished)
    said = hedgerow("ask", "sol/usdt", "--json", data=finished.data)
    assert said.code == 0, said
    advice = said.document
    assert advice["decision"]["symbol"] == "SOL/USDT"
    assert advice["decision"]["session_id"] is not None
    spoke = {event["author"] for event in advice["research"]} | {
        event["author"] for event in advice["conversation"]
    }
    assert spoke & {"research_manager", "position_manager"}
    assert events_told(finished) == before


def test_asked_twice_it_says_the_same(finished: Finished) -> None:
    first, again = (
        hedgerow("ask", "BNB/USDT", "--json", data=finished.data).document for _ in range(2)
    )
    assert first == again


def test_people_read_who_said_what(finished: Finished) -> None:
    said = hedgerow("ask", "BNB/USDT", data=finished.data)
    assert said.code == 0, said
    assert "manager" in said.out
    assert "This is advice: the fund has not been told." in said.out


def test_what_it_cannot_be_asked(finished: Finished) -> None:
    for wrong, sentence in (
        ("XRP/USDT", "the fund does not watch XRP/USDT; use one of BNB/USDT, SOL/USDT"),
        ("BNB", "is not a list of symbols"),
        ("BNB/USDT,SOL/USDT", "the desk is asked about one symbol"),
    ):
        said = hedgerow("ask", wrong, data=finished.data)
        assert said.code == 2
        assert sentence in said.err, said
        assert "Traceback" not in said.err
