"""What models have cost, on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rich.console import Console
from rich.table import Table

from hedgerow.domain.ai_usage import AgentCost, UserDayCost
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.codec import encode


class CostView(StrEnum):
    """What costs are summed up by."""

    USER = "user"
    AGENT = "agent"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one user, agent or day has cost, in US dollars."""

    name: str
    cost: float
    requests: int
    total_tokens: int


async def show_costs(backstage: Backstage, view: CostView, *, as_json: bool) -> None:
    """Show what models have cost, by user, agent or day."""
    async with backstage.usage() as usage:
        if view is CostView.AGENT:
            lines = [_agent_line(each) for each in await usage.cost_by_agent()]
        else:
            lines = _summed(await usage.cost_by_user_day(), view)
    if as_json:
        print_json({"by": view.value, "unit": "usd", "costs": [encode(line) for line in lines]})
    else:
        _print(lines, view, Console())


def _agent_line(each: AgentCost) -> CostLine:
    return CostLine(each.agent_name, each.cost, each.requests, each.total_tokens)


def _summed(costs: Iterable[UserDayCost], view: CostView) -> list[CostLine]:
    """One line a day, the latest first, or one a user, the most expensive first."""
    groups: dict[str | date, list[UserDayCost]] = defaultdict(list)
    for each in costs:
        groups[each.date if view is CostView.DAY else each.user_id].append(each)
    lines = [
        CostLine(
            name=str(key),
            cost=sum(each.cost for each in group),
            requests=sum(each.requests for each in group),
            total_tokens=sum(each.total_tokens for each in group),
        )
        for key, group in groups.items()
    ]
    if view is CostView.DAY:
        return sorted(lines, key=lambda line: line.name, reverse=True)
    return sorted(lines, key=lambda line: (-line.cost, line.name))


def _print(lines: Sequence[CostLine], view: CostView, console: Console) -> None:
    if not lines:
        console.print("No model has been asked yet: nothing was spent.")
        return
    table = Table(view.value, "requests", "tokens", "cost in USD")
    for column in table.columns[1:]:
        column.justify = "right"
    for line in lines:
        table.add_row(
            line.name, f"{line.requests:,}", f"{line.total_tokens:,}", f"{line.cost:,.4f}"
        )
    console.print(table)
    console.print(f"Together {sum(line.cost for line in lines):,.4f} USD.", highlight=False)
