"""The desk's advice on a symbol, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, Proposal, StopProposal
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.explain_conversation import add_conversation
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.report_words import plain, price
from hedgerow.usecases.ask_desk import ask_desk
from hedgerow.usecases.choose_run import find_run, latest_run
from hedgerow.usecases.codec import encode
from hedgerow.usecases.ports.unit_of_work import SYSTEM


async def show_advice(
    backstage: Backstage, symbol: str, run_name: str | None, *, as_json: bool
) -> None:
    """Ask the desk of a run's fund, by default the latest's; raises InputRefused."""
    async with backstage.shared_desk() as desk:
        async with desk.open_unit_of_work(SYSTEM) as unit:
            run = (
                await latest_run(unit, "hedgerow ask")
                if run_name is None
                else await find_run(unit, run_name, "--run")
            )
        advice = await ask_desk(desk, run, symbol)
    if as_json:
        print_json({"kind": type(advice.decision).__name__, **encode(advice)})
        return
    tree = Tree(Text(f"{symbol}: {_in_words(advice.decision)}", style="bold"))
    branch = tree.add(Text("The desk", style="bold cyan"))
    add_conversation(branch, advice.research, advice.conversation)
    why = tree.add(Text(f"Decision by {advice.decision.agent_id}", style="bold cyan"))
    why.add(Text(plain(advice.decision.reasoning), style="dim"))
    console = Console()
    console.print(tree)
    console.print("This is advice: the fund has not been told.", style="dim")


def _in_words(decision: Decision) -> str:
    match decision:
        case Proposal():
            return (
                f"{decision.side}, entry {price(decision.entry_price)}, stop "
                f"{price(decision.stop_loss_price)}, target {price(decision.take_profit_price)}, "
                f"{decision.size_ratio:.2%} of equity"
            )
        case ExitProposal():
            return "leave the position"
        case StopProposal():
            return f"stop to {price(decision.stop_loss_price)}"
        case Abstention():
            return "wait"
