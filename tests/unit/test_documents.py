"""Settings and limits: the specified JSON is read as it stands, anything else refused by name."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from builders import limits, settings
from hedgerow.domain.documents import (
    read_document,
    read_json,
    read_value,
    write_document,
    write_value,
)
from hedgerow.domain.errors import DocumentRefused, NotExact
from hedgerow.domain.limits import Limits, TradingBounds, trading_bounds
from hedgerow.domain.sessions import SessionEvent, UsageMetadata
from hedgerow.domain.strategies import ReasoningNote, RiskTolerance
from hedgerow.domain.users import UserSettings

SPECIFIED_SETTINGS = """{
  "default_ai_provider": "claude",
  "default_ai_model": "claude-sonnet-4",
  "risk_level": "moderate",
  "max_positions": 3,
  "max_portfolio_risk": 10.0,
  "max_daily_drawdown": 5.0,
  "max_consecutive_loss": 3,
  "notifications_on": true,
  "circuit_breaker_on": true,
  "max_position_size_usd": 1000.0,
  "max_total_exposure_usd": 5000.0,
  "min_position_size_usd": 10.0,
  "max_leverage_multiple": 1.0,
  "allowed_exchanges": ["binance", "bybit"]
}"""

SPECIFIED_EVENT = """{
  "event_id": "evt_abc123",
  "author": "market_analyst",
  "content": { "type": "text", "text": "Analyzing BTC momentum..." },
  "timestamp": "2024-01-15T10:30:00Z",
  "actions": {
    "transfer_to_agent": "risk_manager",
    "state_delta": { "analysis_complete": true }
  },
  "usage_metadata": {
    "prompt_tokens": 1500,
    "completion_tokens": 300,
    "total_tokens": 1800
  }
}"""

SPECIFIED_LIMITS = """{
  "exchanges_count": 2,
  "active_positions": 5,
  "daily_trades_count": 20,
  "monthly_trades_count": 300,
  "trading_pairs_count": 20,
  "monthly_ai_requests": 1000,
  "max_agents_count": 5,
  "advanced_agents_access": true,
  "max_leverage": 3.0,
  "max_position_size_usd": 1000.0,
  "max_total_exposure_usd": 5000.0,
  "backtesting_allowed": true,
  "live_trading_allowed": true,
  "realtime_data_access": true,
  "priority_support": true
}"""

DOCUMENTS: list[tuple[type[Any], str]] = [
    (UserSettings, SPECIFIED_SETTINGS),
    (Limits, SPECIFIED_LIMITS),
]


def parsed(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return document


EVERY_KEY = [(record, text, key) for record, text in DOCUMENTS for key in parsed(text)]


def refusal(record: type[Any], document: dict[str, Any]) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as refused:
        read_document(record, document)
    assert refused.value.document == record.__name__
    return refused.value


def test_the_specified_settings_are_read_verbatim() -> None:
    assert read_json(UserSettings, SPECIFIED_SETTINGS) == UserSettings(
        default_ai_provider="claude",
        default_ai_model="claude-sonnet-4",
        risk_level=RiskTolerance.MODERATE,
        max_positions=3,
        max_portfolio_risk=Decimal("10.0"),
        max_daily_drawdown=Decimal("5.0"),
        max_consecutive_loss=3,
        notifications_on=True,
        circuit_breaker_on=True,
        max_position_size_usd=Decimal("1000.0"),
        max_total_exposure_usd=Decimal("5000.0"),
        min_position_size_usd=Decimal("10.0"),
        max_leverage_multiple=Decimal("1.0"),
        allowed_exchanges=("binance", "bybit"),
    )


def test_the_specified_limits_are_read_verbatim() -> None:
    assert read_json(Limits, SPECIFIED_LIMITS) == Limits(
        exchanges_count=2,
        active_positions=5,
        daily_trades_count=20,
        monthly_trades_count=300,
        trading_pairs_count=20,
        monthly_ai_requests=1000,
        max_agents_count=5,
        advanced_agents_access=True,
        max_leverage=Decimal("3.0"),
        max_position_size_usd=Decimal("1000.0"),
        max_total_exposure_usd=Decimal("5000.0"),
        backtesting_allowed=True,
        live_trading_allowed=True,
        realtime_data_access=True,
        priority_support=True,
    )


@pytest.mark.parametrize(("record", "text"), DOCUMENTS)
def test_the_specified_keys_are_the_fields_and_what_was_added_may_be_missing(
    record: type[Any], text: str
) -> None:
    specified, found = list(parsed(text)), [field.name for field in fields(record)]
    assert found[: len(specified)] == specified
    added = ["max_monthly_ai_usd"] if record is UserSettings else []
    assert found[len(specified) :] == added


@pytest.mark.parametrize("usd", ["0", "-1", "0.00"])
def test_a_budget_for_models_is_above_nothing_or_not_set(usd: str) -> None:
    assert read_json(UserSettings, '{"max_monthly_ai_usd": 12.5}').max_monthly_ai_usd == 12.5
    assert read_json(UserSettings, '{"max_monthly_ai_usd": null}') == UserSettings()
    with pytest.raises(DocumentRefused) as refused:
        read_json(UserSettings, f'{{"max_monthly_ai_usd": {usd}}}')
    assert (refused.value.path, refused.value.problem) == ("max_monthly_ai_usd", "must be above 0")


@pytest.mark.parametrize(("record", "text"), DOCUMENTS)
def test_what_is_written_is_read_again(record: type[Any], text: str) -> None:
    once = read_json(record, text)
    assert write_document(once) == parsed(text)
    assert read_document(record, write_document(once)) == once


def test_numbers_keep_every_digit_of_the_text() -> None:
    text = SPECIFIED_SETTINGS.replace("1000.0", "1000.000000000000000000001")
    read = read_json(UserSettings, text)
    assert str(read.max_position_size_usd) == "1000.000000000000000000001"


@pytest.mark.parametrize(("record", "text"), DOCUMENTS)
def test_an_unknown_key_is_refused_by_name(record: type[Any], text: str) -> None:
    refused = refusal(record, parsed(text) | {"max_levarage": 3})
    assert (refused.path, refused.problem) == ("max_levarage", "is not a known key")


@pytest.mark.parametrize("key", parsed(SPECIFIED_LIMITS))
def test_a_missing_limit_is_refused_by_name(key: str) -> None:
    document = parsed(SPECIFIED_LIMITS)
    del document[key]
    refused = refusal(Limits, document)
    assert (refused.path, refused.problem) == (key, "is missing")


def test_a_missing_setting_has_its_default() -> None:
    assert read_json(UserSettings, '{"max_positions": 7}') == UserSettings(max_positions=7)


@pytest.mark.parametrize(("record", "text", "key"), EVERY_KEY)
def test_a_key_of_the_wrong_type_is_refused_by_name(record: type[Any], text: str, key: str) -> None:
    wrong: object = {} if isinstance(parsed(text)[key], list) else [parsed(text)[key]]
    refused = refusal(record, parsed(text) | {key: wrong})
    assert refused.path == key
    assert refused.problem.startswith("must be ")


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("max_positions", True, "must be a whole number, not True"),
        ("max_positions", Decimal("3.0"), "must be a whole number, not Decimal('3.0')"),
        ("max_positions", "3", "must be a whole number, not '3'"),
        ("notifications_on", 1, "must be true or false, not 1"),
        ("max_daily_drawdown", 5.0, "must be an exact number, not 5.0"),
        ("max_daily_drawdown", True, "must be an exact number, not True"),
        ("max_daily_drawdown", "5.0", "must be an exact number, not '5.0'"),
        ("max_daily_drawdown", Decimal("NaN"), "must be an exact number, not Decimal('NaN')"),
        ("default_ai_model", None, "must be text, not None"),
        ("allowed_exchanges", "binance", "must be a list of texts, not 'binance'"),
        ("risk_level", "reckless", "must be one of conservative, moderate, aggressive"),
        ("risk_level", 3, "must be one of conservative, moderate, aggressive"),
    ],
)
def test_near_misses_are_refused_with_what_was_wanted(
    key: str, value: object, problem: str
) -> None:
    refused = refusal(UserSettings, {key: value})
    assert (refused.path, refused.problem) == (key, problem)


@pytest.mark.parametrize(
    "text", ['{"max_daily_drawdown": NaN}', '{"max_daily_drawdown": Infinity}']
)
def test_json_cannot_smuggle_in_what_is_no_number(text: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_json(UserSettings, text)
    assert refused.value.path == "max_daily_drawdown"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[]", "must be an object"), ('{"a":\n,}', "is not JSON: Expecting value at line 2")],
)
def test_what_is_no_json_object_is_refused_as_a_whole(text: str, problem: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_json(UserSettings, text)
    assert (refused.value.path, refused.value.problem) == ("(document)", problem)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_portfolio_risk", 0),
        ("max_portfolio_risk", Decimal("100.1")),
        ("max_daily_drawdown", 0),
        ("max_daily_drawdown", Decimal("100.1")),
        ("max_positions", 0),
        ("max_consecutive_loss", 0),
        ("max_leverage_multiple", Decimal("0.9")),
        ("max_position_size_usd", 0),
        ("max_total_exposure_usd", 0),
        ("min_position_size_usd", 0),
        ("allowed_exchanges", ["binance", "mtgox"]),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name(key: str, value: object) -> None:
    assert refusal(UserSettings, {key: value}).path == key


@pytest.mark.parametrize("value", [Decimal(100), Decimal("0.01")])
def test_the_bounds_of_a_percentage_are_0_excluded_and_100_included(value: Decimal) -> None:
    assert read_document(UserSettings, {"max_daily_drawdown": value}).max_daily_drawdown == value


EXACT_KEYS = [
    (make, key)
    for make, record in ((settings, UserSettings), (limits, Limits))
    for key, kind in record.__annotations__.items()
    if kind == "Decimal"
]


@pytest.mark.parametrize(("make", "key"), EXACT_KEYS)
def test_constructors_refuse_floats_too(make: Any, key: str) -> None:
    with pytest.raises(NotExact) as refused:
        make(**{key: 5.0})
    assert refused.value.name == key


# Where the user's word and the tier's word meet in one bound, the tighter one holds.
MEETING = [
    ("positions_max", "max_positions", "active_positions"),
    ("leverage_max", "max_leverage_multiple", "max_leverage"),
    ("position_size_usd_max", "max_position_size_usd", "max_position_size_usd"),
    ("total_exposure_usd_max", "max_total_exposure_usd", "max_total_exposure_usd"),
]
# Where only one of them speaks, it holds alone.
BY_USER = [
    ("position_size_usd_min", "min_position_size_usd", Decimal("12.5")),
    ("portfolio_risk_pct_max", "max_portfolio_risk", Decimal("2.5")),
    ("allowed_exchanges", "allowed_exchanges", ("okx",)),
]
BY_TIER = [
    ("daily_trades_max", "daily_trades_count", 4),
    ("monthly_trades_max", "monthly_trades_count", 40),
    ("live_trading_allowed", "live_trading_allowed", False),
]


@pytest.mark.parametrize(("bound", "own", "tier"), MEETING)
def test_the_tighter_of_user_and_tier_holds(bound: str, own: str, tier: str) -> None:
    kind = type(getattr(settings(), own))
    two, three = kind(2), kind(3)
    user_is_tighter = trading_bounds(settings(**{own: two}), limits(**{tier: three}))
    tier_is_tighter = trading_bounds(settings(**{own: three}), limits(**{tier: two}))
    assert getattr(user_is_tighter, bound) == getattr(tier_is_tighter, bound) == two


@pytest.mark.parametrize(("bound", "key", "value"), BY_USER)
def test_what_only_the_user_says_holds(bound: str, key: str, value: Any) -> None:
    wide = trading_bounds(settings(), limits())
    assert trading_bounds(settings(**{key: value}), limits()) == replace(wide, **{bound: value})


@pytest.mark.parametrize(("bound", "key", "value"), BY_TIER)
def test_what_only_the_tier_says_holds(bound: str, key: str, value: Any) -> None:
    wide = trading_bounds(settings(), limits())
    assert trading_bounds(settings(), limits(**{key: value})) == replace(wide, **{bound: value})


def test_every_bound_is_accounted_for() -> None:
    named = {bound for bound, *_ in [*MEETING, *BY_USER, *BY_TIER]}
    assert named == {field.name for field in fields(TradingBounds)}


def test_a_wrong_item_of_a_list_is_named_by_its_place() -> None:
    refused = refusal(UserSettings, {"allowed_exchanges": ["binance", 5]})
    assert (refused.path, refused.problem) == ("allowed_exchanges[1]", "must be text, not 5")


def test_nested_documents_are_read_and_written_whole() -> None:
    document = json.loads(SPECIFIED_EVENT, parse_float=Decimal)
    event = read_document(SessionEvent, document)
    assert event.actions.transfer_to_agent == "risk_manager"
    assert event.usage_metadata == UsageMetadata(1500, 300, 1800)
    assert write_document(event) == document


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("content", "type"), "song", "must be one of text, tool_call, tool_response"),
        (("content", "tune"), "la", "is not a known key"),
        (("actions", "state_delta"), [], "must be an object"),
        (("usage_metadata", "total_tokens"), "1800", "must be a whole number, not '1800'"),
        (("timestamp",), "2024-01-15T10:30:00", "must be a time with its zone"),
        (("timestamp",), "yesterday", "must be a time with its zone"),
    ],
)
def test_a_fault_inside_a_document_is_named_by_its_path(
    path: tuple[str, ...], value: object, problem: str
) -> None:
    document = json.loads(SPECIFIED_EVENT)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(DocumentRefused) as refused:
        read_value("session events", tuple[SessionEvent, ...], [document])
    assert refused.value.document == "session events"
    assert refused.value.path == ".".join(("[0]", *path))
    assert refused.value.problem.startswith(problem)


def test_what_is_missing_inside_a_document_is_named_by_its_path() -> None:
    document = json.loads(SPECIFIED_EVENT)
    del document["usage_metadata"]["total_tokens"]
    with pytest.raises(DocumentRefused) as refused:
        read_document(SessionEvent, document)
    assert refused.value.path == "usage_metadata.total_tokens"


@pytest.mark.parametrize("number", [Decimal("NaN"), float("inf"), True, "1"])
def test_an_indicator_is_a_finite_number(number: object) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_value("indicators", dict[str, float], {"adx": number})
    assert refused.value.path == "adx"


def test_allocations_and_notes_come_back_as_they_were_written() -> None:
    notes = (ReasoningNote(datetime(2024, 3, 4, tzinfo=UTC), "desk", "why"),)
    assert read_value("log", tuple[ReasoningNote, ...], write_value(notes)) == notes
    shares = {"BTC/USDT": Decimal("0.4"), "USDT": Decimal("0.05")}
    assert read_value("target_allocations", dict[str, Decimal], write_value(shares)) == shares
