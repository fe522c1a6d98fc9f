"""`hedgerow replay` on a demo that has run to its end, as people use it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

from command_line import Finished, Said, assert_refused, copied, hedgerow
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

FUNDS = "FROM desk_meetings WHERE briefing ? 'fund'"


def query(data: Path, *statements: str) -> list[Any]:
    """The first value of each statement, as the server's superuser."""

    async def fetch(url: str) -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    with EmbeddedPostgres(data / "postgres") as postgres:
        return asyncio.run(fetch(postgres.url.replace("+asyncpg://hedgerow@", "://postgres@")))


def replay(data: Path, *arguments: object) -> Said:
    return hedgerow("replay", *arguments, data=data, COLUMNS="300")


def test_the_last_decision_is_the_same_to_the_last_digit(finished: Finished) -> None:
    said = replay(finished.data, "--json")
    assert (said.code, said.err) == (0, "")
    told = said.document
    assert told["is_identical"] is True
    assert told["differences"] == []
    assert told["recorded"]["decision_hash"] == told["now"]["decision_hash"]
    assert told["now"]["decision"]["kind"] != "Abstention"
    assert told["calls_answered"] == told["calls_on_record"] > 1
    assert told["tools_run"] > 1
    to_people = replay(finished.data, told["meeting"][-12:])
    assert (to_people.code, to_people.err) == (0, "")
    assert told["now"]["decision_hash"] in to_people.out
    assert to_people.out.splitlines()[-1] == "the same to the last digit"


def test_a_trade_leads_to_its_meeting_and_back(finished: Finished) -> None:
    story = hedgerow("explain", "--json", data=finished.data).document
    said = replay(finished.data, story["position"]["id"], "--json")
    assert (said.code, said.document["meeting"]) == (0, story["meeting_id"])
    shown = hedgerow("explain", data=finished.data, COLUMNS="300")
    assert f"hedgerow replay {story['meeting_id']}" in shown.out


def test_refuses_what_is_no_decision_of_a_fund(finished: Finished) -> None:
    shared, reviewed = query(
        finished.data,
        "SELECT id::text FROM desk_meetings WHERE user_id = '00000000-0000-8000-8000-6d61726b6574'",
        "SELECT id::text FROM desk_meetings WHERE briefing ? 'trade_id'",
    )
    assert_refused(replay(finished.data, shared), "this is research that all funds share")
    assert_refused(replay(finished.data, reviewed), "this meeting reviewed a trade")
    assert_refused(replay(finished.data, "zzz"), "no meeting and no trade has this id")
    assert_refused(replay(finished.data, "0"), "several ids are like this")
    assert_refused(replay(finished.data, "--with-model", "nobody/x"), "--with-model")
    unset = replay(finished.data, "--with-model", "anthropic/claude-sonnet-4-5")
    assert_refused(unset, "HEDGEROW_ANTHROPIC_API_KEY")


def test_names_what_was_altered_since(finished: Finished, data_folder: Path) -> None:
    data = copied(finished.data, data_folder)
    query(
        data,
        "UPDATE desk_meetings SET decision = jsonb_set(decision, '{size_ratio}', '\"0.9\"')"
        " WHERE decision->>'kind' = 'Proposal'",
        "UPDATE desk_meetings SET briefing = jsonb_set(briefing, '{fund,equity}', '\"77\"')",
    )
    (meeting,) = query(data, f"SELECT id::text {FUNDS} AND decision->>'kind' = 'Proposal'")
    said = replay(data, meeting, "--json")
    assert said.code == 1
    named = {each["what"]: each for each in said.document["differences"]}
    assert any("portfolio_manager, request.contents" in what for what in named)
    assert named["decision.size_ratio"]["recorded"] == "0.9"
    assert replay(data, meeting).out.splitlines()[-1] == f"{len(named)} differences"


def test_another_model_decides_beside_it(finished: Finished, data_folder: Path) -> None:
    data = copied(finished.data, data_folder)
    (before,) = query(data, f"SELECT count(*) {FUNDS}")
    (meeting,) = query(data, f"SELECT id::text {FUNDS} AND decision->>'kind' = 'Proposal'")
    said = replay(data, meeting, "--with-model", "house", "--json")
    assert (said.code, said.err) == (0, "")
    told = said.document
    assert told["model"] == "house/house"
    assert told["recorded"] == told["now"]
    shown = replay(data, meeting, "--with-model", "house")
    assert "risk_manager" in shown.out
    assert shown.out.count(told["now"]["decision_hash"]) == 2
    assert query(data, f"SELECT count(*) {FUNDS}") == [before]
