"""A trade's story on a terminal: a tree from the memories behind it to the lesson it left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.memory import Memory
from hedgerow.domain.messages import OrderChanged, OrderStatusChanged, StopDecided
from hedgerow.domain.positions import Position
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.explain_conversation import add_conversation
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.report_words import held, plain, price, rate, signed
from hedgerow.usecases.codec import encode
from hedgerow.usecases.explain_trade import ExplainedOrder, Explanation, explain_trade
from hedgerow.usecases.facts import fact_of
from hedgerow.usecases.ports.unit_of_work import SYSTEM


async def show_explanation(backstage: Backstage, trade: str, *, as_json: bool) -> None:
    """Print the story of a trade; raises InputRefused where there is no such trade."""
    async with backstage.records() as open_unit_of_work, open_unit_of_work(SYSTEM) as unit:
        explanation = await explain_trade(unit, trade)
    if as_json:
        print_json(encode(explanation))
    else:
        Console().print(explanation_tree(explanation))


def explanation_tree(story: Explanation) -> Tree:
    """The whole chain, step by step, in the order in which it happened."""
    position = story.position
    tree = Tree(_text(f"{position.symbol} {position.side} {position.id}", "bold"))
    _add_memories(tree, "1. Memories recalled", story.memories_recalled, story)
    _add_regime(tree, story)
    _add_desk(tree, story)
    _add_proposal(tree, story)
    _add_checks(tree, story)
    _add_orders(tree, "6. Entry order", [story.entry], story)
    _add_position(tree, story)
    _add_orders(tree, "8. Protective orders", story.protection, story)
    _add_orders(tree, "9. Orders to leave at market", story.exits, story)
    _add_close(tree, position)
    _add_journal(tree, story.journal)
    _add_memories(tree, "12. Memories it left", story.memories_left, story)
    _add_seal(tree, story)
    return tree


def _add_memories(tree: Tree, title: str, memories: Sequence[Memory], story: Explanation) -> None:
    branch = tree.add(_title(title))
    for memory in memories:
        # The score of today: what it was at the decision stands in the proposal's own words.
        score = f"score by now {memory.validation_score:.2f} of {memory.validation_trades} trades"
        used = memory.id in story.proposal.proposal.memories_used
        role = ", moved the confidence" if used else ""
        branch.add(_text(f"{memory.type} of {_time(memory.created_at)} ({score}{role})"))
        branch.add(_text(memory.content, "dim"))
    if not memories:
        branch.add(_text("none", "dim"))


def _add_regime(tree: Tree, story: Explanation) -> None:
    branch = tree.add(_title("2. Regime"))
    if story.regime is None:
        branch.add(_text("none was known", "dim"))
        return
    reading = story.regime.reading
    branch.add(
        _text(
            f"{reading.regime} at {_time(story.regime.timestamp)}, confidence "
            f"{reading.confidence:.2f}, by {reading.model_version}"
        )
    )
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in reading.indicators.items())
    branch.add(_text(numbers, "dim"))


def _add_desk(tree: Tree, story: Explanation) -> None:
    branch = tree.add(_title("3. The desk"))
    add_conversation(branch, story.research, story.conversation)
    if story.meeting_id is not None:
        again = f"hedgerow replay {story.meeting_id}"
        branch.add(_text(f"meeting {story.meeting_id}; `{again}` holds it again", "dim"))


def _add_proposal(tree: Tree, story: Explanation) -> None:
    proposal = story.proposal.proposal
    branch = tree.add(_title(f"4. Proposal by {proposal.agent_id}"))
    branch.add(
        _text(
            f"{proposal.side} {proposal.setup_type}, entry {price(proposal.entry_price)}, "
            f"stop {price(proposal.stop_loss_price)}, target {price(proposal.take_profit_price)}, "
            f"size {proposal.size_ratio:.2%} of equity, confidence {proposal.confidence:.2f}"
        )
    )
    branch.add(_text(proposal.reasoning, "dim"))


def _add_checks(tree: Tree, story: Explanation) -> None:
    branch = tree.add(_title("5. Risk checks"))
    for check in story.proposal.checks:
        mark = "✓" if check.passed else "✗"
        branch.add(_text(f"{mark} {check.name}: {check.found} (allowed: {check.allowed})"))


def _add_orders(
    tree: Tree, title: str, orders: Sequence[ExplainedOrder], story: Explanation
) -> None:
    branch = tree.add(_title(title))
    if not orders:
        branch.add(_text("none", "dim"))
    for explained in orders:
        order = explained.order
        at = price(order.stop_price or order.price) if order.stop_price or order.price else ""
        line = f"{order.purpose} {order.type} {order.side} {order.amount:f} {at}".rstrip()
        leaf = branch.add(_text(f"{line} · {order.client_order_id}"))
        leaf.add(_text(_lifecycle(explained, story), "dim"))
        for fill in explained.fills:
            role = "maker" if fill.is_maker else "taker"
            leaf.add(
                _text(
                    f"filled {fill.quantity:f} at {price(fill.price)} ({role}) on "
                    f"{_time(fill.filled_at)}, fee {fill.fee:f} {fill.fee_currency}"
                )
            )


def _lifecycle(explained: ExplainedOrder, story: Explanation) -> str:
    statuses = [f"pending {_time(explained.order.created_at)}"]
    for event in story.events:
        if event.subject_id != explained.order.id:
            continue
        if event.kind == OrderStatusChanged.__name__:
            statuses.append(f"{fact_of(event, OrderStatusChanged).after} {_time(event.at)}")
        elif event.kind == OrderChanged.__name__:
            changed = fact_of(event, OrderChanged)
            trigger = f" at {changed.stop_price}" if changed.stop_price else ""
            statuses.append(f"amended to {changed.amount}{trigger} {_time(event.at)}")
    reason = explained.order.status_reason
    return " → ".join(statuses) + (f" ({reason})" if reason else "")


def _add_position(tree: Tree, story: Explanation) -> None:
    position = story.position
    branch = tree.add(_title("7. Position"))
    branch.add(
        _text(
            f"opened {_time(position.opened_at)}: {position.size_opened:f} at an average of "
            f"{price(position.entry_price)}, {position.market_type}, {position.leverage}x"
        )
    )
    branch.add(
        _text(
            f"stop order {position.stop_loss_order_id}, target order "
            f"{position.take_profit_order_id}",
            "dim",
        )
    )
    for event in story.events:
        if event.kind == StopDecided.__name__:
            moved = fact_of(event, StopDecided)
            branch.add(
                _text(
                    f"stop to {price(moved.stop_loss_price)} {_time(event.at)}, by "
                    f"{moved.proposal.agent_id}"
                )
            )
            branch.add(_text(moved.proposal.reasoning, "dim"))


def _add_close(tree: Tree, position: Position) -> None:
    branch = tree.add(_title("10. Close"))
    if position.closed_at is None:
        branch.add(
            _text(
                f"still open at {price(position.current_price)}: "
                f"{signed(position.unrealized_pnl)} ({rate(position.unrealized_pnl_pct)})"
            )
        )
        return
    branch.add(_text(f"{position.status} {_time(position.closed_at)}: {position.close_reasoning}"))
    branch.add(
        _text(
            f"profit {signed(position.net_pnl)} after {position.fees:f} of fees; on the way "
            f"between {signed(position.worst_pnl)} and {signed(position.best_pnl)}; held for "
            f"{held(position.closed_at - position.opened_at)}"
        )
    )


def _add_journal(tree: Tree, entry: JournalEntry | None) -> None:
    branch = tree.add(_title("11. Journal"))
    if entry is None:
        branch.add(_text("not written yet", "dim"))
        return
    exit_verdict = {True: "right", False: "wrong", None: "not judged yet"}[entry.was_correct_exit]
    branch.add(
        _text(
            f"{entry.setup_type} in {entry.market_regime} ({entry.strategy_used}), "
            f"{rate(entry.pnl_percent, sign=True)}; entry "
            f"{'right' if entry.was_correct_entry else 'wrong'}, exit {exit_verdict}"
        )
    )
    branch.add(_text(entry.lessons_learned, "dim"))
    branch.add(_text(entry.improvement_tips, "dim"))


def _add_seal(tree: Tree, story: Explanation) -> None:
    branch = tree.add(_title("Record"))
    if story.events:
        first, last = story.events[0], story.events[-1]
        branch.add(
            _text(
                f"{len(story.events)} events, {first.sequence} to {last.sequence} of the chain; "
                f"the last is sealed {last.hash.hex()[:16]}…"
            )
        )


def _title(text: str) -> Text:
    return _text(text, "bold cyan")


def _text(text: str, style: str = "") -> Text:
    return Text(plain(text), style=style)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
