"""What `hedgerow doctor` finds of models and those who run them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from hedgerow.bootstrap.models import look_at_models as look_by_settings
from hedgerow.bootstrap.models import model_book
from hedgerow.domain.ai_usage import AIProvider, ModelChoice, model_chain, model_choice
from hedgerow.infrastructure.models.checks import look_at_models
from hedgerow.settings import load_settings
from hedgerow.usecases.checks import Finding, Standing
from model_servers import KEY, SPEAKERS, Answer, ModelServer

OK, WARNING, FAILED = Standing.OK, Standing.WARNING, Standing.FAILED
AT = datetime(2026, 11, 20, tzinfo=UTC)


async def look(
    name: str, *answers: Answer, chosen: Sequence[ModelChoice] = ()
) -> Sequence[Finding]:
    async with ModelServer(SPEAKERS[name](), answers) as server:
        provider = server.speaker.client(server.url, 30.0)
        found = await look_at_models({provider.name: provider}, chosen, AT)
        await provider.aclose()
    return found


@pytest.fixture(params=SPEAKERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_provider_that_answers_is_sound(name: str) -> None:
    (finding,) = await look(name)
    assert (finding.subject, finding.standing) == ("models", OK)
    assert f"{name} answers, and tells of 2 models" in finding.found


@pytest.mark.parametrize("answer", [Answer(401), Answer(503), Answer(body=b"[]"), Answer(cut=0)])
async def test_one_that_does_not_comes_with_a_fix(name: str, answer: Answer) -> None:
    (finding,) = await look(name, answer)
    assert finding.standing is FAILED
    assert finding.fix
    if answer.status == 401 and name != "compatible":
        assert f"HEDGEROW_{name.upper()}_API_KEY" in finding.fix
    assert KEY not in f"{finding}"


async def test_a_chosen_model_without_a_key_fails() -> None:
    chosen = model_chain("openai/gpt-5,deepseek/deepseek-chat")
    _, missing = await look("openai", chosen=chosen)
    assert missing.standing is FAILED
    assert "HEDGEROW_DEEPSEEK_API_KEY" in missing.found


async def test_a_model_without_a_price_is_told() -> None:
    _, hosted = await look("openai", chosen=[model_choice("openai", "no-such-model")])
    _, own = await look("compatible", chosen=[model_choice("compatible", "llama")])
    assert (hosted.standing, own.standing) == (WARNING, OK)
    assert "count as 0 USD" in hosted.found
    assert "count as 0 USD" in own.found


async def test_the_settings_decide_who_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer(SPEAKERS["compatible"]()) as server:
        monkeypatch.setenv("HEDGEROW_COMPATIBLE_URL", f"{server.url}/v1")
        monkeypatch.setenv("HEDGEROW_COMPATIBLE_API_KEY", KEY)
        monkeypatch.setenv("HEDGEROW_AI_PROVIDER", "compatible")
        monkeypatch.setenv("HEDGEROW_AI_MODEL", "llama")
        answers, price = await look_by_settings(load_settings())
        assert (answers.standing, price.standing) == (OK, OK)
        assert server.heard[0].headers["authorization"] == f"Bearer {KEY}"


async def test_agents_own_models_and_the_cheaper_one_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEDGEROW_AGENT_MODELS", "trader=openai/gpt-5")
    monkeypatch.setenv("HEDGEROW_CHEAPER_MODEL", "deepseek/deepseek-chat")
    own, cheaper = await look_by_settings(load_settings())
    assert (own.standing, cheaper.standing) == (FAILED, FAILED)
    assert "HEDGEROW_OPENAI_API_KEY" in own.found
    assert "HEDGEROW_DEEPSEEK_API_KEY" in cheaper.found


async def test_every_key_sets_its_provider_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC", "OPENAI", "GOOGLE", "DEEPSEEK"):
        monkeypatch.setenv(f"HEDGEROW_{name}_API_KEY", KEY)
    monkeypatch.setenv("HEDGEROW_COMPATIBLE_URL", "http://127.0.0.1:9/v1")
    chain = [ModelChoice(name, "m") for name in AIProvider if name is not AIProvider.HOUSE]
    async with model_book(load_settings()) as book:
        assert book.llm(chain).model == "anthropic/m"


async def test_nobody_is_missed_where_the_house_decides() -> None:
    (finding,) = await look_by_settings(load_settings())
    assert (finding.standing, finding.fix) == (OK, "")
