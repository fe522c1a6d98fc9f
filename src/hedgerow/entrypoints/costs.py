"""What models have cost, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.domain.ai_usage import AgentCost, CostScope, ModelCost, TokenUsage, UserDayCost
from hedgerow.domain.money import CONTEXT, ZERO
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.codec import encode
from hedgerow.usecases.ports.usage import UsageStore

TOGETHER: Final = "together"
_NO_TOKENS: Final = TokenUsage(0, 0)
_PLACES_LEAST: Final = 4
_PLACES_MOST: Final = 18


class CostView(StrEnum):
    """What costs are summed up by."""

    USER = "user"
    AGENT = "agent"
    MODEL = "model"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one user, agent, model or day has cost, in US dollars."""

    name: str
    cost: Decimal
    requests: int
    total_tokens: int
    tokens: TokenUsage


async def show_costs(
    backstage: Backstage, view: CostView, scope: CostScope, *, as_json: bool
) -> None:
    """Show what models have cost, by user, agent, model or day (UTC)."""
    async with backstage.usage() as usage:
        lines = await _lines(usage, view, scope)
    total = _together(TOGETHER, lines)
    if as_json:
        document = {
            "by": view.value,
            "user": scope.user_id,
            "since": scope.since.isoformat() if scope.since else None,
            "unit": "usd",
            "costs": [encode(line) for line in lines],
            TOGETHER: encode(total),
        }
        print_json(document)
    else:
        _print(lines, total, view, scope, Console())


async def _lines(usage: UsageStore, view: CostView, scope: CostScope) -> list[CostLine]:
    match view:
        case CostView.AGENT:
            agents = await usage.cost_by_agent(scope)
            return [_line(each.agent_name, each) for each in agents]
        case CostView.MODEL:
            models = await usage.cost_by_model(scope)
            return [_line(f"{each.provider}/{each.model_id}", each) for each in models]
        case CostView.DAY:
            days = await usage.cost_by_user_day(scope)
            lines = _grouped([_line(each.date.isoformat(), each) for each in days])
            return sorted(lines, key=lambda line: line.name, reverse=True)
        case CostView.USER:
            days = await usage.cost_by_user_day(scope)
            lines = _grouped([_line(each.user_id, each) for each in days])
            return sorted(lines, key=lambda line: (-line.cost, line.name))


def _line(name: str, each: UserDayCost | AgentCost | ModelCost) -> CostLine:
    return CostLine(name, each.cost, each.requests, each.total_tokens, each.tokens)


def _grouped(lines: Sequence[CostLine]) -> list[CostLine]:
    """One line for all of one name."""
    groups: dict[str, list[CostLine]] = {}
    for line in lines:
        groups.setdefault(line.name, []).append(line)
    return [_together(name, group) for name, group in groups.items()]


def _together(name: str, lines: Sequence[CostLine]) -> CostLine:
    cost, tokens = ZERO, _NO_TOKENS
    for line in lines:
        cost, tokens = CONTEXT.add(cost, line.cost), tokens + line.tokens
    return CostLine(
        name=name,
        cost=cost,
        requests=sum(line.requests for line in lines),
        total_tokens=sum(line.total_tokens for line in lines),
        tokens=tokens,
    )


def _print(
    lines: Sequence[CostLine], total: CostLine, view: CostView, scope: CostScope, console: Console
) -> None:
    if not lines:
        console.print(_nothing(scope), highlight=False)
        return
    table = Table(view.value)
    for heading in ("requests", "prompt", "cached", "completion", "cost in USD"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.columns[0].overflow = "fold"
    places = _places(lines)
    for line in lines:
        table.add_row(*_cells(line, places))
    if len(lines) > 1:
        table.add_section()
        table.add_row(*_cells(total, places))
    console.print(table)
    if total.tokens.thinking_tokens:
        console.print("In brackets: hidden thinking, which is part of the completions.")


def _nothing(scope: CostScope) -> str:
    if scope == CostScope():
        return "No model has been asked yet: nothing was spent."
    whose = f" of user {scope.user_id}" if scope.user_id else ""
    since = f" since {scope.since}" if scope.since else ""
    return f"No call{whose}{since} is known: nothing was spent."


def _cells(line: CostLine, places: int) -> tuple[str | Text, ...]:
    tokens = line.tokens
    thinking = f" ({tokens.thinking_tokens:,})" if tokens.thinking_tokens else ""
    return (
        Text(line.name),
        f"{line.requests:,}",
        f"{tokens.prompt_tokens:,}",
        f"{tokens.cached_tokens:,}",
        f"{tokens.completion_tokens:,}{thinking}",
        f"{line.cost:,.{places}f}",
    )


def _places(lines: Sequence[CostLine]) -> int:
    """Decimals with which each cost shows two digits that are not 0, if it has them."""
    least = min((line.cost.adjusted() for line in lines if line.cost), default=0)
    return min(max(1 - least, _PLACES_LEAST), _PLACES_MOST)
