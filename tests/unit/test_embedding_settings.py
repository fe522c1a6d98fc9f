"""The settings of what turns text into vectors."""

from __future__ import annotations

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.settings import EmbedderName, load_settings

KEY = "sk-canary-1b7"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("EMBEDDER", "EMBEDDINGS_URL", "EMBEDDINGS_KEY", "EMBEDDINGS_DIMENSIONS"):
        monkeypatch.delenv(f"HEDGEROW_{name}", raising=False)
    return monkeypatch


def test_by_default_nothing_leaves_the_machine(environment: pytest.MonkeyPatch) -> None:
    assert load_settings().embedder is EmbedderName.WORDLLAMA


def test_a_key_is_kept_to_itself(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEDGEROW_EMBEDDINGS_KEY", KEY)
    settings = load_settings()
    assert settings.embeddings_key is not None
    assert settings.embeddings_key.get_secret_value() == KEY
    assert KEY not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMBEDDER", "crystal ball"),
        ("EMBEDDINGS_URL", "ftp://host/v1"),
        ("EMBEDDINGS_URL", f"https://user:{KEY}@host/v1"),
        ("EMBEDDINGS_DIMENSIONS", "3072"),
        ("EMBEDDINGS_DIMENSIONS", "0"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"HEDGEROW_{name}", value)
    with pytest.raises(InputRefused) as refusal:
        load_settings()
    assert refusal.value.where == f"HEDGEROW_{name}"
    assert KEY not in str(refusal.value)
