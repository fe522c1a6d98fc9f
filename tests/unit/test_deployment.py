"""What is shipped for those who bring servers of their own: compose.yaml and its page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgerow.infrastructure.kafka.records import TOPICS
from hedgerow.infrastructure.postgres.roles import APP, WORKER
from hedgerow.settings import load_settings, setting_names

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))[
    "services"
]
PASSWORDS = {"POSTGRES_PASSWORD", "CLICKHOUSE_PASSWORD", "REDIS_PASSWORD"}


def test_all_four_servers_are_there() -> None:
    assert set(SERVICES) == {"postgres", "clickhouse", "redis", "kafka"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_watched_and_on_loopback(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+(\.\d+)?(-pg\d+)?", service["image"])
    assert service["healthcheck"]["test"]
    assert service["ports"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_what_is_kept_is_kept_in_named_volumes() -> None:
    named = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["volumes"]
    used = {
        volume.partition(":")[0] for each in SERVICES.values() for volume in each.get("volumes", ())
    }
    assert used == set(named) == {"postgres", "clickhouse", "kafka"}


def test_no_password_has_a_default() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    variables = re.findall(r"\$\{(\w+)(.*?)\}", text)
    assert {name for name, _ in variables} == PASSWORDS
    # compose refuses to start, and says this
    assert all(how.startswith(":?write ") for _, how in variables)


def test_every_setting_named_exists() -> None:
    named = set(re.findall(r"HEDGEROW_[A-Z_]+", PAGE))
    assert named <= set(setting_names())
    engines = {"POSTGRES_URL", "CLICKHOUSE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP", "VAULT_KEY"}
    assert {f"HEDGEROW_{name}" for name in engines} <= named


def test_the_settings_for_compose_are_usable_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    block = dict(re.findall(r"^(HEDGEROW_\w+)=(.+)$", PAGE, re.MULTILINE))
    for name, value in block.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.kafka_bootstrap == "127.0.0.1:9092"
    ports = {port.split(":")[1] for each in SERVICES.values() for port in each["ports"]}
    assert ports == {
        re.findall(r":(\d+)", value)[-1] for name, value in block.items() if ":" in value
    }


def test_roles_and_topics_are_those_of_the_code() -> None:
    assert {APP, WORKER} <= set(re.findall(r"`(hedgerow_\w+)`", PAGE))
    topics = re.findall(r"^hedgerow\.\w+(?: hedgerow\.\w+)*$", PAGE, re.MULTILINE)
    assert set(" ".join(topics).split()) == set(TOPICS.values())
