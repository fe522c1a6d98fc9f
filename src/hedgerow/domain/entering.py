"""From what an analyst says to what the fund does, or to a refusal with its reasons."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.fund_state import FundState
from hedgerow.domain.messages import (
    Abstained,
    DecisionMade,
    ExitDecided,
    Notify,
    ProposalAccepted,
    ProposalApproved,
    ProposalRefused,
    ProposalWithheld,
)
from hedgerow.domain.money import round_to_tick, to_quote
from hedgerow.domain.orders import Bracket, Order, OrderPurpose, OrderType
from hedgerow.domain.pairs import StrategyMode, TradingPair
from hedgerow.domain.pretrade import Allowed, Refused, examine, limit_price
from hedgerow.domain.proposals import Abstention, ExitProposal, Proposal, StopProposal
from hedgerow.domain.protecting import create, exit_at_market
from hedgerow.domain.risk import Alert, RiskEventType, Severity
from hedgerow.domain.tightening import tighten_stop


def admit_decision(state: FundState, message: DecisionMade | ProposalApproved) -> None:
    """Raise UnknownEntity for a pair or position this fund does not hold, InvalidValue for a
    position that is another pair's; changes nothing.
    """
    pair = state.pair(message.trading_pair_id)
    if isinstance(message, ProposalApproved):
        return
    decision = message.decision
    if isinstance(decision, ExitProposal | StopProposal):
        position = state.position(decision.position_id)
        if position.trading_pair_id != pair.id:
            allowed = f"a position on {pair.symbol}"
            raise InvalidValue(field="position_id", value=position.id, allowed=allowed)


def on_decision(state: FundState, message: DecisionMade, at: datetime) -> None:
    """Take over an exit, note an abstention, or examine a stop or a proposal."""
    pair = state.pair(message.trading_pair_id)
    match message.decision:
        case Abstention() as nothing:
            state.record(
                Abstained(
                    pair.id,
                    nothing.symbol,
                    nothing.reasoning,
                    nothing.agent_id,
                    nothing.session_id,
                )
            )
        case ExitProposal() as leaving:
            _leave(state, leaving, at)
        case StopProposal() as stop:
            tighten_stop(state, state.position(stop.position_id), stop)
        case Proposal() as proposal:
            if pair.strategy_mode is StrategyMode.AUTO:
                _consider(state, pair, proposal, at)
            else:
                _withhold(state, pair, proposal)
        case _:
            assert_never(message.decision)


def on_approval(state: FundState, message: ProposalApproved, at: datetime) -> None:
    """Examine a proposal that the user has confirmed."""
    _consider(state, state.pair(message.trading_pair_id), message.proposal, at)


def _leave(state: FundState, leaving: ExitProposal, at: datetime) -> None:
    position = state.position(leaving.position_id)
    state.record(ExitDecided(position.id, leaving.reasoning, leaving.agent_id, leaving.session_id))
    exit_at_market(state, position, leaving.reasoning, leaving.agent_id, at)


def _withhold(state: FundState, pair: TradingPair, proposal: Proposal) -> None:
    state.record(ProposalWithheld(pair.id, proposal, pair.strategy_mode))
    asks = "confirm to trade" if pair.strategy_mode is StrategyMode.SEMI_AUTO else "signal only"
    state.want(Notify("info", f"{proposal.symbol} {proposal.side} ({asks}): {proposal.reasoning}"))


def _consider(state: FundState, pair: TradingPair, proposal: Proposal, at: datetime) -> None:
    verdict = examine(state, pair, proposal, at)
    match verdict:
        case Refused():
            _refuse(state, pair, proposal, verdict, at)
        case Allowed():
            _accept(state, pair, proposal, verdict, at)
        case _:
            assert_never(verdict)


def _refuse(
    state: FundState, pair: TradingPair, proposal: Proposal, verdict: Refused, at: datetime
) -> None:
    state.record(ProposalRefused(pair.id, proposal, verdict.checks))
    if verdict.bound_by == "max_total_exposure_usd":
        limit = state.bounds.total_exposure_usd_max
        message = f"Exposure {state.exposure:.2f} leaves no room below the limit {limit}"
        data = {"exposure": str(state.exposure), "limit": str(limit), "symbol": pair.symbol}
        alert = Alert(RiskEventType.MAX_EXPOSURE_REACHED, Severity.WARNING, message, data)
        state.alert(alert, at)


def _accept(
    state: FundState, pair: TradingPair, proposal: Proposal, verdict: Allowed, at: datetime
) -> None:
    order = _entry_order(state, pair, proposal, verdict, at)
    strategy = state.strategies[pair.strategy_id]
    order.reserved_quote = to_quote(min(verdict.sizing.reserve_quote, strategy.cash_reserve))
    state.record(ProposalAccepted(order.id, proposal, order.amount, verdict.checks))
    create(state, order)
    state.moved(strategy.allocate_cash(order.reserved_quote, state.reference(at, order.id)))


def _entry_order(
    state: FundState, pair: TradingPair, proposal: Proposal, verdict: Allowed, at: datetime
) -> Order:
    tick = state.instruments[pair.id].price_tick
    limit = proposal.entry_type is OrderType.LIMIT
    return Order(
        id=state.ids.next(at),
        user_id=state.user.id,
        strategy_id=pair.strategy_id,
        trading_pair_id=pair.id,
        exchange_account_id=pair.exchange_account_id,
        symbol=pair.symbol,
        market_type=pair.market_type,
        side=proposal.side.entry_side,
        type=proposal.entry_type,
        purpose=OrderPurpose.ENTRY,
        amount=verdict.sizing.quantity,
        price=limit_price(proposal, tick) if limit else None,
        leverage=proposal.leverage,
        agent_id=proposal.agent_id,
        reasoning=proposal.reasoning,
        bracket=Bracket(
            entry_price=proposal.entry_price,
            stop_loss_price=round_to_tick(proposal.stop_loss_price, tick),
            take_profit_price=round_to_tick(proposal.take_profit_price, tick),
            trailing_stop_pct=proposal.trailing_stop_pct,
        ),
        created_at=at,
        updated_at=at,
    )
