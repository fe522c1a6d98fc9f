"""The decisions of a paper run, taken again as they stand in its event log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.limits import LimitProfile
from hedgerow.domain.messages import (
    ExitDecided,
    PositionOpened,
    ProposalAccepted,
    ProposalRefused,
    StopDecided,
    StopRefused,
)
from hedgerow.domain.proposals import Act, ExitProposal
from hedgerow.usecases.backtest.market import Market
from hedgerow.usecases.candle_series import CandleSeries, series_by_symbol
from hedgerow.usecases.codec import decode
from hedgerow.usecases.event_schemas import SCHEMAS
from hedgerow.usecases.paper_run import PaperDesk, RunPlan, read_candles_of
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, UnitOfWork

Decisions = Mapping[tuple[str, datetime], Act]


@dataclass(frozen=True, slots=True)
class Recording:
    """A paper run: its plan, its candles, whose it was, and what was decided when."""

    plan: RunPlan
    owner: UUID
    profile: LimitProfile
    candles: Mapping[str, CandleSeries]
    decisions: Decisions


@dataclass(frozen=True, slots=True)
class RecordedAnalyst:
    """Says at each close what was said then (a RuleAnalyst)."""

    decisions: Decisions

    def decide(self, market: Market) -> Act | None:
        """The decision of this symbol at this time, if it was one to act."""
        return self.decisions.get((market.symbol, market.at))


async def latest_recording(desk: PaperDesk) -> Recording:
    """The paper run that was started last; raises InputRefused where there is none."""
    async with desk.open_unit_of_work(SYSTEM) as unit:
        run = await unit.runs.latest()
    if run is None:
        raise InputRefused(
            what="there is no paper run to take decisions from",
            where="--analyst recorded",
            fix="run `hedgerow demo` first",
        )
    return await recording_of(desk, run)


async def recording_of(desk: PaperDesk, run: PaperRun) -> Recording:
    """What was decided in a run, and what it was decided on."""
    plan = decode(RunPlan, run.plan)
    candles = await read_candles_of(desk, plan)
    if run.closed_through is not None:
        candles = [candle for candle in candles if candle.open_time <= run.closed_through]
    async with desk.open_unit_of_work(run.user_id) as unit:
        fund = await unit.funds.load(run.user_id)
        decisions = await _decisions(unit, run.user_id)
    return Recording(plan, run.user_id, fund.limit_profile, series_by_symbol(candles), decisions)


async def _decisions(unit: UnitOfWork, user_id: UUID) -> Decisions:
    said: dict[tuple[str, datetime], Act] = {}
    symbols: dict[UUID, str] = {}
    async for event in unit.audit.events(user_id):
        fact = SCHEMAS.read(event)
        match fact:
            case ProposalAccepted() | ProposalRefused() | StopDecided() | StopRefused():
                said[fact.proposal.symbol, event.at] = fact.proposal
            case PositionOpened():
                symbols[fact.position_id] = fact.symbol
            case ExitDecided():
                symbol = symbols[fact.position_id]
                said[symbol, event.at] = ExitProposal(
                    symbol, fact.position_id, fact.reasoning, fact.agent_id, fact.session_id
                )
    return said
