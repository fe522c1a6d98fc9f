"""Open a fund for paper trading: a user, an account, a strategy and its watchlist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from hedgerow.domain.accounts import ExchangeAccount, Permission
from hedgerow.domain.ai_usage import HOUSE, ModelChoice
from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import IdSequence, derived_id
from hedgerow.domain.limits import LimitProfile, Limits, TierName
from hedgerow.domain.market import Exchange, Instrument, MarketType, Timeframe
from hedgerow.domain.messages import Step
from hedgerow.domain.money import HUNDRED, ONE, ZERO, floor_to_step
from hedgerow.domain.pairs import StrategyMode, TradingPair
from hedgerow.domain.risk import CircuitBreakerState, next_midnight
from hedgerow.domain.strategies import ReasoningNote, RiskTolerance, Strategy
from hedgerow.domain.users import User, UserSettings

POSITION_SHARE_MAX: Final = Decimal("0.40")
_SHARE_STEP: Final = Decimal("0.0001")
_POSITIONS_MAX: Final = 10
_PERMISSIONS: Final = {
    MarketType.SPOT: Permission.SPOT,
    MarketType.FUTURES: Permission.FUTURES,
}
# There is one tier of this name, whenever its funds begin: its id follows from a day of its own.
_PROFILE_SINCE: Final = datetime(2024, 1, 1, tzinfo=UTC)

PAPER_LIMITS: Final = Limits(
    exchanges_count=1,
    active_positions=_POSITIONS_MAX,
    daily_trades_count=100,
    monthly_trades_count=2_000,
    trading_pairs_count=50,
    monthly_ai_requests=100_000,
    max_agents_count=20,
    advanced_agents_access=True,
    max_leverage=ONE,
    max_position_size_usd=Decimal(1_000_000_000),
    max_total_exposure_usd=Decimal(1_000_000_000),
    backtesting_allowed=True,
    live_trading_allowed=False,
    realtime_data_access=True,
    priority_support=False,
)


@dataclass(frozen=True, slots=True)
class PaperFundPlan:
    """What a paper fund is to be: `capital` in the quote currency of all its symbols.

    `owner` is the user's id, from which every id of the fund follows. One position may take up to
    `position_share_max` of the capital, so that no symbol is all of the fund, times `leverage_max`
    on futures. `settings` are the user's own bounds, by default the paper fund's, whose agents ask
    `model`.
    """

    owner: UUID
    exchange: Exchange
    instruments: Sequence[Instrument]
    timeframe: Timeframe
    capital: Decimal
    risk_tolerance: RiskTolerance
    market_type: MarketType = MarketType.SPOT
    leverage_max: int = 1
    position_share_max: Decimal = POSITION_SHARE_MAX
    profile: LimitProfile | None = None
    settings: UserSettings | None = None
    model: ModelChoice = HOUSE

    @property
    def position_size_max(self) -> Decimal:
        """What one position may control, in quote currency."""
        return self.capital * self.position_share_max * self.leverage_max


def open_paper_fund(plan: PaperFundPlan, at: datetime) -> tuple[Fund, Step]:
    """A new fund whose capital is spread evenly over its symbols, and its first step."""
    ids = IdSequence(plan.owner.bytes)
    profile = plan.profile or paper_profile(plan.leverage_max)
    user = _user(plan, profile, at)
    account = ExchangeAccount(
        id=ids.next(at),
        user_id=user.id,
        exchange=plan.exchange,
        label=f"Paper {plan.exchange.capitalize()}",
        is_testnet=True,
        permissions=(_PERMISSIONS[plan.market_type], Permission.READ, Permission.TRADE),
    )
    strategy = _strategy(plan, user, ids.next(at), at)
    pairs = {
        instrument.symbol: _pair(plan, strategy, account, instrument.symbol, ids.next(at))
        for instrument in plan.instruments
    }
    fund = Fund(
        user=user,
        limit_profile=profile,
        breaker=_breaker(user, at),
        ids=ids,
        as_of=at,
        accounts={account.id: account},
        instruments={pairs[i.symbol].id: i for i in plan.instruments},
    )
    return fund, fund.open_strategy(strategy, pairs.values(), at)


def paper_profile(leverage_max: int = 1) -> LimitProfile:
    """The tier of self-hosted paper funds."""
    name = TierName.ENTERPRISE
    description = "Everything a self-hosted paper fund may do; no live trading."
    profile_id = derived_id(_PROFILE_SINCE, "limit profile", name)
    limits = replace(PAPER_LIMITS, max_leverage=Decimal(leverage_max))
    return LimitProfile(profile_id, name, description, limits)


def paper_settings(plan: PaperFundPlan) -> UserSettings:
    """The bounds of a paper fund's user."""
    return UserSettings(
        risk_level=plan.risk_tolerance,
        max_positions=min(len(plan.instruments), _POSITIONS_MAX),
        max_position_size_usd=plan.position_size_max,
        max_total_exposure_usd=plan.capital * plan.leverage_max,
        max_leverage_multiple=Decimal(plan.leverage_max),
        allowed_exchanges=(plan.exchange,),
        default_ai_provider=plan.model.provider,
        default_ai_model=plan.model.model_id,
    )


def _user(plan: PaperFundPlan, profile: LimitProfile, at: datetime) -> User:
    settings = plan.settings or paper_settings(plan)
    return User(
        id=plan.owner,
        first_name="Paper",
        last_name="Trader",
        limit_profile_id=profile.id,
        settings=settings,
        created_at=at,
        updated_at=at,
    )


def _breaker(user: User, at: datetime) -> CircuitBreakerState:
    return CircuitBreakerState(
        user_id=user.id,
        max_daily_drawdown=user.settings.max_daily_drawdown,
        max_consecutive_loss=user.settings.max_consecutive_loss,
        is_enabled=user.settings.circuit_breaker_on,
        reset_at=next_midnight(at),
        day_start_equity=ZERO,
    )


def _strategy(plan: PaperFundPlan, user: User, strategy_id: UUID, at: datetime) -> Strategy:
    allocations = _even_shares([instrument.symbol for instrument in plan.instruments])
    shares = ", ".join(f"{name} {share * HUNDRED:f}%" for name, share in allocations.items())
    return Strategy(
        id=strategy_id,
        user_id=user.id,
        name="House rules on paper",
        description="Trades closed candles by the house model, on the built-in venue.",
        quote_currency=plan.instruments[0].quote,
        allocated_capital=plan.capital,
        market_type=plan.market_type,
        risk_tolerance=plan.risk_tolerance,
        target_allocations=allocations,
        reasoning_log=(
            ReasoningNote(
                at=at,
                author="open_fund",
                reasoning=f"Capital is spread evenly, for want of a view: {shares}.",
            ),
        ),
        created_at=at,
        updated_at=at,
    )


def _even_shares(symbols: Sequence[str]) -> Mapping[str, Decimal]:
    share = floor_to_step(ONE / len(symbols), _SHARE_STEP)
    return dict.fromkeys(symbols, share)


def _pair(
    plan: PaperFundPlan,
    strategy: Strategy,
    account: ExchangeAccount,
    symbol: str,
    pair_id: UUID,
) -> TradingPair:
    return TradingPair(
        id=pair_id,
        user_id=strategy.user_id,
        strategy_id=strategy.id,
        exchange_account_id=account.id,
        symbol=symbol,
        market_type=strategy.market_type,
        budget=plan.capital * plan.position_share_max,
        max_position_size=plan.position_size_max,
        max_leverage=plan.leverage_max,
        stop_loss_percent=Decimal(5),
        take_profit_percent=Decimal(10),
        ai_provider=plan.model.provider,
        strategy_mode=StrategyMode.AUTO,
        timeframes=(plan.timeframe,),
    )
