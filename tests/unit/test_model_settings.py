"""The settings of models: who is asked, with which key, and in which order."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hedgerow.bootstrap.models import desk_models, stand_ins
from hedgerow.domain.ai_usage import HOUSE, AIProvider
from hedgerow.domain.errors import InputRefused
from hedgerow.settings import load_settings

KEY = "sk-canary-5d2"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith("HEDGEROW_"):
            monkeypatch.delenv(name)
    return monkeypatch


def set_all(environment: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        environment.setenv(f"HEDGEROW_{name}", value)


def test_by_default_the_house_decides() -> None:
    assert load_settings().ai_provider is AIProvider.HOUSE
    assert stand_ins(load_settings()) == ()
    assert desk_models(load_settings()) == (HOUSE,)


def test_a_chain_begins_with_the_chosen_model(environment: pytest.MonkeyPatch) -> None:
    set_all(
        environment,
        AI_PROVIDER="claude",
        AI_MODEL="claude-x",
        MODEL_FALLBACKS=" openai/gpt-x , compatible/meta-llama/L ",
    )
    assert [str(choice) for choice in stand_ins(load_settings())] == [
        "anthropic/claude-x",
        "openai/gpt-x",
        "compatible/meta-llama/L",
    ]


def test_fallbacks_stand_in_for_agents_own_models_beside_the_house(
    environment: pytest.MonkeyPatch,
) -> None:
    set_all(
        environment,
        AGENT_MODELS="trader=openai/gpt-x",
        MODEL_FALLBACKS="deepseek/d",
        CHEAPER_MODEL="openai/gpt-mini",
    )
    assert [str(choice) for choice in stand_ins(load_settings())] == ["deepseek/d"]
    assert [str(choice) for choice in desk_models(load_settings())] == [
        "house/house",
        "deepseek/d",
        "openai/gpt-x",
        "openai/gpt-mini",
    ]


def test_a_key_is_kept_to_itself_and_cut_clean(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, ANTHROPIC_API_KEY=f" {KEY}\n")
    settings = load_settings()
    assert settings.anthropic_api_key is not None
    assert settings.anthropic_api_key.get_secret_value() == KEY
    assert KEY not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AI_PROVIDER", KEY),
        ("MODEL_FALLBACKS", "gpt-5"),
        ("MODEL_FALLBACKS", f"{KEY}/gpt-5"),
        ("MODEL_FALLBACKS", "house"),
        ("MODEL_FALLBACKS", ","),
        ("MODEL_TIMEOUT_S", "0"),
        ("MODEL_TIMEOUT_S", "soon"),
        ("DESK_DEADLINE_S", "0"),
        ("DESK_DEADLINE_S", "nan"),
        ("OPENAI_API_KEY", f"{KEY} {KEY}"),
        ("GOOGLE_API_KEY", f"{KEY}é"),
        ("COMPATIBLE_URL", "localhost:8000"),
        ("COMPATIBLE_URL", f"http://me:{KEY}@localhost:8000/v1"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    set_all(environment, **{name: value})
    with pytest.raises(InputRefused) as refusal:
        load_settings()
    assert refusal.value.where == f"HEDGEROW_{name}"
    assert KEY not in f"{refusal.value} {refusal.value.__cause__!r}"


def test_a_key_in_a_url_is_sent_to_its_own_setting(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, COMPATIBLE_URL="http://me:secret@localhost/v1")
    with pytest.raises(InputRefused, match="HEDGEROW_COMPATIBLE_API_KEY"):
        load_settings()


def test_a_provider_without_a_model_is_refused(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, AI_PROVIDER="openai")
    with pytest.raises(InputRefused) as refusal:
        load_settings()
    assert refusal.value.where == "HEDGEROW_AI_MODEL"


def test_no_package_of_a_model_is_loaded_before_one_is_asked() -> None:
    program = (
        "import sys; import hedgerow.bootstrap, hedgerow.bootstrap.models; "
        "import hedgerow.entrypoints.cli; "
        "print([name for name in ('google.adk', 'anthropic', 'openai', 'google.genai', "
        "'genai_prices') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
