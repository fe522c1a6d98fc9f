"""Learned models as JSON files, one per version: numbers only, nothing that could run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.agents.regimes.drift import DriftOf
from hedgerow.infrastructure.agents.regimes.features import FEATURES
from hedgerow.infrastructure.agents.regimes.forest import Forest, Numbers, Places
from hedgerow.infrastructure.agents.regimes.samples import HORIZON_CANDLES, STATES
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.regime_models import ModelCard, UnreadableModel

_FORMAT: Final = 1
_NAME: Final = re.compile(r"regime_model_(1m|5m|15m|1h|4h|1d)_v([1-9][0-9]{0,5})")
_PARTS: Final = tuple(Forest.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A trained model: what is known of it, its trees, its temperature and what it learned from."""

    card: ModelCard
    forest: Forest
    temperature: float
    drift: tuple[DriftOf, ...]


def timeframe_of(version: str) -> Timeframe | None:
    """The timeframe that a version's name tells; None where it is no version's name."""
    name = _NAME.fullmatch(version)
    return None if name is None else Timeframe(name[1])


class ModelFiles:
    """The folder of all versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def versions(self) -> Sequence[str]:
        """Every version that has a file, by timeframe and number."""
        names = [_NAME.fullmatch(path.stem) for path in self._folder.glob("*.json")]
        found = [name for name in names if name is not None]
        order = list(Timeframe)
        return [
            name[0]
            for name in sorted(found, key=lambda n: (order.index(Timeframe(n[1])), int(n[2])))
        ]

    def save(self, model: LearnedModel) -> LearnedModel:
        """Save a model under the next free version of its timeframe; returns it as saved."""
        self._folder.mkdir(exist_ok=True)
        for number in count(1):
            version = f"regime_model_{model.card.timeframe}_v{number}"
            target = self._folder / f"{version}.json"
            if target.exists():
                continue
            saved = replace(model, card=replace(model.card, version=version))
            if _written(target, _text(saved)):
                return saved
        raise AssertionError("numbers do not end")

    def load(self, version: str) -> LearnedModel | UnreadableModel:
        """A version as it was saved, or why it cannot be read."""
        if timeframe_of(version) is None:
            return UnreadableModel(version, "it is not the name of a regime model")
        path = self._folder / f"{version}.json"
        try:
            return _read(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return UnreadableModel(version, f"there is no file {path}")
        except OSError as error:
            return UnreadableModel(version, f"{path} cannot be read: {error.strerror}")
        except (ValueError, KeyError, TypeError) as error:
            return UnreadableModel(version, f"{path} is damaged or of another format: {error}")


def _written(target: Path, text: str) -> bool:
    """Write a file that is there whole or not at all; False if another process was first."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.link(partial, target)
    except FileExistsError:
        return False
    except OSError as error:
        what = f"the model cannot be saved: {error.strerror}"
        fix = "free some disk space, or make the folder writable for you"
        raise InputRefused(what, str(target), fix) from error
    finally:
        partial.unlink(missing_ok=True)
    return True


def _text(model: LearnedModel) -> str:
    body = _body(model)
    return json.dumps({"sha256": _digest(body), "model": body}, allow_nan=False)


def _body(model: LearnedModel) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "card": encode(model.card),
        "features": list(FEATURES),
        "states": [str(state) for state in STATES],
        "horizon_candles": HORIZON_CANDLES,
        "temperature": model.temperature,
        "forest": {name: getattr(model.forest, name).tolist() for name in _PARTS},
        "drift": [{"edges": each.edges.tolist(), "usual": each.usual} for each in model.drift],
    }


def _digest(body: Mapping[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _read(text: str) -> LearnedModel:
    document = json.loads(text)
    body = document["model"]
    _require(document["sha256"] == _digest(body), "its checksum differs from what it holds")
    _require(body["format"] == _FORMAT, f"format {body['format']}, this Hedgerow knows {_FORMAT}")
    for name, known in (
        ("features", list(FEATURES)),
        ("states", [str(state) for state in STATES]),
        ("horizon_candles", HORIZON_CANDLES),
    ):
        _require(body[name] == known, f"it was trained with other {name}")
    drift = tuple(DriftOf(np.array(each["edges"]), each["usual"]) for each in body["drift"])
    forest = _forest(body["forest"])
    is_whole = len(forest.start) == len(STATES) and len(drift) == len(FEATURES)
    _require(is_whole and forest.feature.max() < len(FEATURES), "parts of it are missing")
    return LearnedModel(
        card=decode(ModelCard, body["card"]),
        forest=forest,
        temperature=body["temperature"],
        drift=drift,
    )


def _forest(parts: Mapping[str, Any]) -> Forest:
    def places(name: str) -> Places:
        return np.array(parts[name], dtype=np.int64)

    def numbers(name: str) -> Numbers:
        return np.array(parts[name], dtype=np.float64)

    return Forest(
        feature=places("feature"),
        threshold=numbers("threshold"),
        left=places("left"),
        right=places("right"),
        value=numbers("value"),
        roots=places("roots"),
        start=numbers("start"),
    )


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
