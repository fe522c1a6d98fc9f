"""An audit finds nothing where nothing is wrong, and names whatever is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import (
    NOON,
    STRATEGY,
    USER,
    Scene,
    begin,
    happening,
    keep,
    opened_fund,
    proposal,
    settings,
    walk,
)
from hedgerow.domain.journal import journal_entry
from hedgerow.domain.market import MarketType
from hedgerow.domain.messages import (
    AmendOrder,
    FundingSettled,
    IntervalClosed,
    LearnFromTrade,
    Step,
)
from hedgerow.domain.orders import OrderStatus
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.verify_books import AuditReport, Difference, verify_all
from postgres_fixtures import tampering_with

MINUTE = timedelta(minutes=1)


async def audit(open_unit: OpenUnitOfWork) -> AuditReport:
    async with open_unit(SYSTEM) as unit:
        return await verify_all(unit)


async def opened(open_unit: OpenUnitOfWork, market_type: MarketType = MarketType.SPOT) -> Scene:
    """A stored fund, to be told things."""
    fund, step = opened_fund(market_type, own=settings(max_daily_drawdown=Decimal(90)))
    await begin(open_unit, fund, step)
    return Scene(fund)


@dataclass(frozen=True, slots=True)
class Told:
    """A stored fund that has traded, and what tampering may be aimed at."""

    ended: UUID
    held: UUID
    entry: UUID
    stop: UUID
    gone_stop: UUID


async def traded(open_unit: OpenUnitOfWork) -> Told:
    """One trade that has ended and is in the journal, one that is open, all wishes done."""
    scene = await opened(open_unit)
    scene.decide(proposal())
    entry = scene.entry
    scene.acknowledge(entry)
    scene.execute(entry, "100", "4", fee="0.4")
    scene.execute(entry, "101", fee="0.6")
    gone, stop, target = scene.position, scene.stop, scene.target
    scene.amend(stop, str(gone.size), "95")
    scene.execute(stop, "95", fee="0.9")
    scene.end(target, OrderStatus.CANCELED)
    there = scene.hold("102")
    scene.move("103")
    scene.tell(IntervalClosed())
    step = Step(tuple(scene.facts), tuple(scene.wishes))
    wishes = await keep(open_unit, scene.fund, step)
    async with open_unit(SYSTEM) as unit:
        await unit.journal.add(journal_entry(UUID(int=1), gone, proposal(), scene.at))
        await unit.funds.wishes_done([wish.id for wish in wishes], scene.at)
        await unit.commit()
    return Told(gone.id, there.id, entry.id, scene.stop.id, stop.id)


async def test_nothing_is_found_where_nothing_is_wrong(open_postgres: OpenUnitOfWork) -> None:
    await traded(open_postgres)
    report = await audit(open_postgres)
    assert report.differences == []
    assert report.is_clean
    counted = dict(report.verified)
    assert counted.pop("events") > 30
    assert counted.pop("ledger entries") > 2 * counted.pop("transfers") > 10
    assert counted == {
        "funds": 1,
        "strategies": 1,
        "orders": 6,
        "fills": 4,
        "positions": 2,
        "open positions": 1,
        "journal entries": 1,
    }


async def test_an_empty_database_is_clean(open_postgres: OpenUnitOfWork) -> None:
    report = await audit(open_postgres)
    assert report.is_clean
    assert not report.verified


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("market_type", MarketType)
async def test_whatever_happens_to_a_fund_its_books_can_be_worked_out_again(
    open_postgres: OpenUnitOfWork, market_type: MarketType, seed: int
) -> None:
    scene = await opened(open_postgres, market_type)
    steps = []
    for number, nudge in enumerate(walk(100 + seed, length=90)):
        message = happening(scene.fund, nudge, number)
        if message is not None:
            at = scene.fund.as_of + nudge.minutes * MINUTE
            steps.append(TimedStep(at, scene.fund.step(message, at)))
    async with open_postgres(SYSTEM) as unit:
        await unit.funds.save(scene.fund, steps)
        await unit.commit()
    report = await audit(open_postgres)
    # the walk ends stops and exits at will: the one thing that is then really wrong
    assert [each for each in report.differences if each.check != "protection"] == []
    assert report.verified["fills"] > 3


TAMPERINGS = [
    # the ledger: a line, a balanced pair of lines, a balance, a transfer, the capital
    (
        "UPDATE ledger_entries SET amount = amount + 1 WHERE account = 'capital'",
        "ledger",
        STRATEGY,
    ),
    (
        "UPDATE ledger_entries SET amount = amount * 2 WHERE transfer_id ="
        " (SELECT id FROM transfers WHERE reason = 'exit')",
        "ledger",
        STRATEGY,
    ),
    ("UPDATE ledger_balances SET balance = balance + 1 WHERE account = 'fees'", "ledger", STRATEGY),
    ("DELETE FROM ledger_balances WHERE account = 'realized_profit'", "ledger", STRATEGY),
    ("UPDATE strategies SET allocated_capital = 20000", "ledger", STRATEGY),
    (
        "WITH gone AS (DELETE FROM ledger_entries WHERE transfer_id ="
        " (SELECT id FROM transfers WHERE reason = 'exit') RETURNING transfer_id)"
        " SELECT count(*) FROM gone",
        "ledger",
        STRATEGY,
    ),
    # the books: positions and the strategy
    ("UPDATE positions SET size = size - 1 WHERE id = :held", "books", "held"),
    ("UPDATE positions SET realized_pnl = 1 WHERE id = :ended", "books", "ended"),
    ("UPDATE positions SET margin = margin + 0.00000001 WHERE id = :held", "books", "held"),
    ("UPDATE positions SET fees = 0 WHERE id = :ended", "books", "ended"),
    ("UPDATE positions SET current_price = 500 WHERE id = :held", "books", STRATEGY),
    ("UPDATE positions SET funding = 1 WHERE id = :ended", "books", STRATEGY),
    (
        "UPDATE positions SET status = 'open', closed_at = NULL, size = 1 WHERE id = :ended",
        "books",
        "ended",
    ),
    ("UPDATE strategies SET current_equity = current_equity + 1", "books", STRATEGY),
    ("UPDATE strategies SET total_pnl = total_pnl + 1", "books", STRATEGY),
    (
        "UPDATE ledger_balances SET balance = balance + 1 WHERE account = 'cash'",
        "books",
        STRATEGY,
    ),
    # orders and their executions
    (
        "UPDATE orders SET filled_amount = 1, amount = 1 WHERE id = :gone_stop",
        "orders",
        "gone_stop",
    ),
    ("UPDATE orders SET filled_quote = 1 WHERE id = :gone_stop", "orders", "gone_stop"),
    (
        "UPDATE orders SET status = 'canceled', filled_at = NULL WHERE id = :gone_stop",
        "orders",
        "gone_stop",
    ),
    ("UPDATE orders SET position_id = NULL WHERE id = :gone_stop", "books", "ended"),
    ("UPDATE orders SET side = 'sell' WHERE id = :entry", "books", "ended"),
    ("UPDATE fills SET price = price + 1 WHERE order_id = :gone_stop", "orders", "gone_stop"),
    ("UPDATE fills SET fee = 0 WHERE order_id = :gone_stop", "books", "ended"),
    ("DELETE FROM fills WHERE order_id = :gone_stop", "events", "fills"),
    ("UPDATE fills SET venue_trade_id = 'x' WHERE order_id = :gone_stop", "events", "fills"),
    # protection
    ("UPDATE orders SET amount = 5 WHERE id = :stop", "protection", "held"),
    (
        "UPDATE orders SET status = 'canceled', filled_at = NULL WHERE id = :stop",
        "protection",
        "held",
    ),
    # the journal
    ("DELETE FROM journal_entries", "journal", "ended"),
    # the log
    ("DELETE FROM events WHERE sequence = 3", "events", "event 4"),
    ("DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)", "events", USER),
    ("UPDATE events SET at = at + interval '1 second' WHERE sequence = 3", "events", "event 3"),
    ("UPDATE events SET kind = 'Abstained' WHERE sequence = 3", "events", "event 3"),
    ("UPDATE events SET subject_id = NULL WHERE sequence = 3", "events", "event 3"),
    ("UPDATE events SET hash = previous_hash WHERE sequence = 3", "events", "event 3"),
    ("UPDATE events SET previous_hash = hash WHERE sequence = 3", "events", "event 3"),
    (
        "UPDATE events SET body = jsonb_set(body, '{fill,price}', '\"a lot\"')"
        " WHERE kind = 'FillBooked'",
        "events",
        "fills",
    ),
    (
        'UPDATE events SET body = body || \'{"after": "anything"}\''
        " WHERE kind = 'OrderStatusChanged'",
        "orders",
        "gone_stop",
    ),
    ("UPDATE events SET kind = 'Nothing' WHERE kind = 'OrderCreated'", "orders", "entry"),
    ("UPDATE funds SET event_sequence = 3", "events", USER),
    ("UPDATE funds SET event_hash = decode(repeat('00', 32), 'hex')", "events", USER),
]


@pytest.mark.parametrize(("tampering", "check", "subject"), TAMPERINGS)
async def test_what_was_tampered_with_is_found_and_named(
    open_postgres: OpenUnitOfWork,
    admin_database: AsyncEngine,
    tampering: str,
    check: str,
    subject: str | UUID,
) -> None:
    told = await traded(open_postgres)
    named = {name: getattr(told, name) for name in Told.__slots__}
    used = {name: value for name, value in named.items() if f":{name}" in tampering}
    async with tampering_with(admin_database) as connection:
        await connection.execute(text(tampering), used)
    report = await audit(open_postgres)
    assert not report.is_clean
    assert not report.has_clean(check)
    wanted = str(named.get(str(subject), subject))
    if wanted.startswith("event "):
        wanted += f" of {USER}"
    assert wanted in {each.subject for each in report.differences if each.check == check}


async def test_a_transfer_that_does_not_sum_to_zero_is_named(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine
) -> None:
    await traded(open_postgres)
    tampering = "UPDATE ledger_entries SET amount = amount + 0.5 WHERE account = 'capital'"
    async with tampering_with(admin_database) as connection:
        found = await connection.execute(text(f"{tampering} RETURNING transfer_id"))
        transfer_id = found.scalar_one()
    report = await audit(open_postgres)
    assert report.differences[0] == Difference("ledger", str(transfer_id), "is off by 0.5 USDT")


async def test_a_transfer_that_is_gone_is_missed(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine
) -> None:
    await traded(open_postgres)
    lost = "(SELECT id FROM transfers WHERE reason = 'fee' LIMIT 1)"
    async with tampering_with(admin_database) as connection:
        await connection.execute(text(f"DELETE FROM ledger_entries WHERE transfer_id = {lost}"))
        await connection.execute(text(f"DELETE FROM transfers WHERE id = {lost}"))
    report = await audit(open_postgres)
    missed = [each for each in report.differences if "the number of transfers" in each.problem]
    assert [(each.check, each.subject) for each in missed] == [("events", str(USER))]


async def test_an_order_that_skipped_a_status_is_named(open_postgres: OpenUnitOfWork) -> None:
    scene = await opened(open_postgres)
    step = scene.decide(proposal())
    entry = scene.entry
    filled = scene.execute(entry, "100")
    skipped = Step(
        tuple(f for f in filled.facts if getattr(f, "after", None) is not OrderStatus.OPEN),
        filled.wishes,
    )
    await keep(open_postgres, scene.fund, step, skipped)
    report = await audit(open_postgres)
    problems = [each.problem for each in report.differences]
    assert problems == ["went to filled from open while it was pending"]
    assert {(each.check, each.subject) for each in report.differences} == {
        ("orders", str(entry.id))
    }


async def test_a_trade_that_waits_to_be_learned_from_is_no_difference(
    open_postgres: OpenUnitOfWork,
) -> None:
    scene = await opened(open_postgres)
    scene.hold()
    scene.execute(scene.stop, "95")
    step = Step(tuple(scene.facts), tuple(scene.wishes))
    wishes = await keep(open_postgres, scene.fund, step)
    assert (await audit(open_postgres)).is_clean
    learning = [each.id for each in wishes if isinstance(each.wish, LearnFromTrade)]
    async with open_postgres(SYSTEM) as unit:
        await unit.funds.wishes_done(learning, NOON)
        await unit.commit()
    report = await audit(open_postgres)
    assert [each.check for each in report.differences] == ["journal"]


async def test_a_stop_that_waits_to_be_amended_is_no_difference(
    open_postgres: OpenUnitOfWork,
) -> None:
    scene = await opened(open_postgres)
    scene.decide(proposal())
    entry = scene.entry
    scene.execute(entry, "100", "4")
    scene.execute(entry, "100")
    step = Step(tuple(scene.facts), tuple(scene.wishes))
    wishes = await keep(open_postgres, scene.fund, step)
    assert (await audit(open_postgres)).is_clean
    amending = [each.id for each in wishes if isinstance(each.wish, AmendOrder)]
    async with open_postgres(SYSTEM) as unit:
        await unit.funds.wishes_done(amending, NOON)
        await unit.commit()
    report = await audit(open_postgres)
    problems = [(each.check, each.problem) for each in report.differences]
    assert problems == [("protection", "its stop covers 4 of 10.0")]


async def test_what_is_too_small_to_sell_needs_no_stop_and_is_given_up_in_the_end(
    open_postgres: OpenUnitOfWork,
) -> None:
    scene = await opened(open_postgres)
    steps = [scene.decide(proposal())]
    entry = scene.entry
    steps.append(scene.execute(entry, "100", "0.001", fee="0.0001", fee_currency="BTC"))
    assert scene.position.size == Decimal("0.0009")
    await keep(open_postgres, scene.fund, *steps)
    assert (await audit(open_postgres)).is_clean
    await keep(open_postgres, scene.fund, scene.end(entry, OrderStatus.CANCELED))
    assert not scene.fund.positions
    assert (await audit(open_postgres)).differences == []


async def test_an_entry_that_opened_two_positions_is_understood(
    open_postgres: OpenUnitOfWork,
) -> None:
    scene = await opened(open_postgres)
    steps = [scene.decide(proposal())]
    entry = scene.entry
    steps.append(scene.execute(entry, "100", "4"))
    steps += [scene.execute(scene.stop, "95"), scene.execute(entry, "94", "6", fee="0.3")]
    await keep(open_postgres, scene.fund, *steps)
    report = await audit(open_postgres)
    assert report.differences == []
    assert report.verified["positions"] == 2


async def test_large_costs_and_fine_fees_are_worked_out_to_the_last_digit(
    open_postgres: OpenUnitOfWork,
) -> None:
    scene = await opened(open_postgres)
    steps = [scene.decide(proposal(size_ratio=Decimal("0.9")))]
    entry = scene.entry
    steps.append(scene.execute(entry, "777777.777777", "3", fee="0.0000000001"))
    stop = scene.stop
    steps.append(scene.execute(stop, "888888.888888", "0.7", fee="0.12345678901"))
    await keep(open_postgres, scene.fund, *steps)
    assert (await audit(open_postgres)).differences == []


async def test_funding_that_rounds_to_nothing_is_no_difference(
    open_postgres: OpenUnitOfWork,
) -> None:
    scene = await opened(open_postgres, MarketType.FUTURES)
    position = scene.hold()
    scene.tell(FundingSettled(position.id, Decimal("1E-9")))
    await keep(open_postgres, scene.fund, Step(tuple(scene.facts), tuple(scene.wishes)))
    assert (await audit(open_postgres)).differences == []
