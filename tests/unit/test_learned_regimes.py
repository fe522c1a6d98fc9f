"""The learned regime model: what it learns from, its files, and when it leaves it to the rules."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.regimes import MODEL_VERSION, Regime
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk, series_of
from hedgerow.infrastructure.agents.regimes import boosting
from hedgerow.infrastructure.agents.regimes.calibration import (
    best_temperature,
    calibration_error,
    log_loss,
    probabilities,
    reliability,
)
from hedgerow.infrastructure.agents.regimes.drift import (
    DRIFT_CANDLES,
    drift_of,
    learn_drift,
    stability_index,
)
from hedgerow.infrastructure.agents.regimes.features import FEATURES, Rows, look
from hedgerow.infrastructure.agents.regimes.files import LearnedModel, ModelFiles
from hedgerow.infrastructure.agents.regimes.forest import Forest
from hedgerow.infrastructure.agents.regimes.model import (
    CANDLES_NEEDED,
    Fit,
    LearnedRegimes,
)
from hedgerow.infrastructure.agents.regimes.samples import (
    HORIZON_CANDLES,
    STATES,
    Samples,
    samples_of,
)
from hedgerow.infrastructure.agents.regimes.training import CANDLES_MIN, BoostedRegimes, learn
from hedgerow.infrastructure.agents.regimes.walk_forward import FOLDS, folds_of
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.usecases.regime_models import ModelCard, TrainingRequest, UnreadableModel
from market_builders import random_market

SYMBOL, OTHER = "BTC/USDT", "ETH/USDT"
AT = datetime(2025, 1, 1, tzinfo=UTC)
COUNT = 1200
LATER = 200


@cache
def market() -> tuple[Candle, ...]:
    """What is learned from."""
    return going_on()[:COUNT]


@cache
def going_on() -> tuple[Candle, ...]:
    """The same, and what came after it."""
    return tuple(random_market(COUNT + LATER, seed=1))


def request(candles: Mapping[str, Sequence[Candle]] | None = None) -> TrainingRequest:
    given_candles = {SYMBOL: market()} if candles is None else candles
    return TrainingRequest(Timeframe.H1, given_candles, "test", seed=7, at=AT)


@cache
def trained() -> LearnedModel:
    model = learn(request(), lambda *_: None)
    return replace(model, card=replace(model.card, version="regime_model_1h_v1"))


def rules() -> RulesRegimeModel:
    return RulesRegimeModel(IndicatorDesk())


def learned(*models: LearnedModel | UnreadableModel) -> LearnedRegimes:
    return LearnedRegimes(models or (trained(),), rules())


@cache
def samples() -> Samples:
    return samples_of([market()], lambda _: None)


class TestSamples:
    def test_the_label_is_what_the_rules_say_a_horizon_later(self) -> None:
        made = samples()
        assert len(made) == COUNT - WINDOW - HORIZON_CANDLES + 1
        later = made.rules[HORIZON_CANDLES:]
        assert (made.labels[: len(later)] == later).all()
        assert ((made.known - made.closed) == HORIZON_CANDLES * 3_600_000_000).all()

    @settings(max_examples=10, deadline=None)
    @given(known=st.integers(WINDOW, 300), seed=st.integers(0, 2**16))
    def test_another_future_changes_no_feature_before_it(self, known: int, seed: int) -> None:
        past = random_market(330, seed)
        other = [*past[:known], *random_market(330, seed + 1)[known:]]
        one, two = (samples_of([each], lambda _: None) for each in (past, other))
        until = (past[known - 1].close_time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
        for column in ("features", "rules", "is_held"):
            before = [getattr(each, column)[each.closed <= until * 1e6] for each in (one, two)]
            assert (before[0] == before[1]).all()

    def test_a_gap_gives_no_sample(self) -> None:
        candles = [*market()[:200], *market()[201:400]]
        made = samples_of([candles], lambda _: None)
        whole = (200 - WINDOW - HORIZON_CANDLES + 1) + (199 - WINDOW - HORIZON_CANDLES + 1)
        assert len(made) == whole


class TestWalkForward:
    def test_a_fold_learns_only_what_was_known_before_its_first_test(self) -> None:
        made = samples()
        folds = list(folds_of(made))
        assert len(folds) == FOLDS + 1
        for fold in folds:
            assert made.known[fold.train].max() <= made.closed[fold.test].min()
        tested = np.sum([fold.test for fold in folds], axis=0)
        assert tested.max() == 1
        assert tested[-1] == 1


class TestForest:
    @pytest.mark.parametrize("states", [(0, 1, 2, 3), (0, 2, 3)])
    def test_it_says_what_the_classifier_says(self, states: tuple[int, ...]) -> None:
        sklearn = pytest.importorskip("sklearn.ensemble")
        draw = np.random.default_rng(3)
        rows = draw.standard_normal((600, len(FEATURES)))
        labels = np.array(states)[(np.abs(rows[:, 0] * 2) % len(states)).astype(int)]
        model = sklearn.HistGradientBoostingClassifier(max_iter=12, early_stopping=False)
        with threadpool_limits(limits=1):
            model.fit(rows, labels)
        forest = boosting.forest_of(model, labels)
        scores = forest.scores(rows)
        shares = np.exp(scores[:, list(states)])
        expected = model.predict_proba(rows)
        assert np.allclose(shares / shares.sum(axis=1, keepdims=True), expected, atol=1e-12)
        absent = [state for state in range(len(STATES)) if state not in states]
        chance = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        assert (chance[:, absent] < 0.2).all()

    def test_one_seed_and_data_make_one_forest(self) -> None:
        once, again = (boosting.grow(samples().features, samples().labels, 7) for _ in range(2))
        rows = samples().features
        assert (once.scores(rows) == again.scores(rows)).all()

    @pytest.mark.parametrize("child", [0, 5])
    def test_nodes_that_lead_nowhere_are_refused(self, child: int) -> None:
        places, numbers = np.array([0, 0, 0]), np.zeros(3)
        left = np.array([child, 1, 2])
        right = np.array([2, 1, 2])
        with pytest.raises(ValueError, match="leads nowhere"):
            Forest(places, numbers, left, right, numbers, np.zeros((1, 4), int), np.zeros(4))


class TestCalibration:
    def test_the_temperature_undoes_too_much_certainty(self) -> None:
        draw = np.random.default_rng(5)
        true_scores = draw.standard_normal((20_000, 4))
        shares = probabilities(true_scores, 1.0)
        labels = np.array([draw.choice(4, p=row) for row in shares])
        assert best_temperature(3.0 * true_scores, labels) == pytest.approx(3.0, rel=0.1)
        sure = probabilities(3.0 * true_scores, 1.0)
        calibrated = probabilities(3.0 * true_scores, best_temperature(3.0 * true_scores, labels))
        assert log_loss(calibrated, labels) < log_loss(sure, labels)
        bins = reliability(calibrated.max(axis=1), calibrated.argmax(axis=1) == labels)
        assert calibration_error(bins) < 0.02

    def test_the_reliability_of_a_liar_is_told(self) -> None:
        bins = reliability(np.full(10, 0.95), np.zeros(10, dtype=bool))
        assert calibration_error(bins) == pytest.approx(0.95)


class TestDrift:
    def test_the_index_is_zero_where_the_parts_are_equal(self) -> None:
        values = np.arange(100.0)
        assert stability_index(values, np.quantile(values, [0.2, 0.4, 0.6, 0.8])) == 0.0

    def test_the_training_is_near_itself_and_another_world_is_not(self) -> None:
        rows = samples().features
        drift = learn_drift([rows])
        assert drift_of(rows[:DRIFT_CANDLES], drift).level < 2.0
        far = drift_of(rows[:DRIFT_CANDLES] + 1e6, drift)
        assert far.level > 2.0
        assert far.feature in FEATURES


class TestFiles:
    def test_what_is_loaded_is_what_was_saved(self, tmp_path: Path) -> None:
        files = ModelFiles(tmp_path / "regimes")
        saved = files.save(trained())
        loaded = files.load(saved.card.version)
        assert isinstance(loaded, LearnedModel)
        assert loaded.card == saved.card
        rows = samples().features
        assert (loaded.forest.scores(rows) == trained().forest.scores(rows)).all()
        window = market()[-CANDLES_NEEDED:]
        assert learned(loaded).read(window) == learned(saved).read(window)

    def test_a_model_reaches_a_sweep_s_workers_whole(self) -> None:
        arrived = pickle.loads(pickle.dumps(trained()))
        latest = going_on()[-CANDLES_NEEDED:]
        reading = learned(arrived).read(latest)
        assert reading == learned().read(latest)
        assert reading.model_version == "regime_model_1h_v1"

    def test_versions_count_up_and_are_listed_in_order(self, tmp_path: Path) -> None:
        files = ModelFiles(tmp_path / "regimes")
        for _ in range(11):
            files.save(trained())
        numbers = [f"regime_model_1h_v{number}" for number in range(1, 12)]
        assert list(files.versions()) == numbers
        cards = BoostedRegimes(files).models()
        assert [card.version for card in cards] == numbers

    @pytest.mark.parametrize(
        ("damage", "problem"),
        [
            (lambda text: text[:-20], "damaged"),
            (lambda text: text.replace('"temperature": ', '"temperature": 1'), "checksum"),
            (lambda _: "[]", "damaged"),
            (lambda _: "{}", "damaged"),
        ],
    )
    def test_a_damaged_file_is_not_believed(
        self, tmp_path: Path, damage: Any, problem: str
    ) -> None:
        files = ModelFiles(tmp_path)
        path = tmp_path / f"{files.save(trained()).card.version}.json"
        path.write_text(damage(path.read_text()))
        found = files.load(path.stem)
        assert isinstance(found, UnreadableModel)
        assert problem in found.problem
        assert BoostedRegimes(files).models() == [found]

    def test_the_file_is_plain_json(self, tmp_path: Path) -> None:
        version = ModelFiles(tmp_path).save(trained()).card.version
        document = json.loads((tmp_path / f"{version}.json").read_text())
        assert document["model"]["features"] == list(FEATURES)
        assert document["model"]["card"]["symbols"] == [SYMBOL]


class TestTraining:
    def test_the_card_tells_the_data_and_the_scores(self) -> None:
        card: ModelCard = trained().card
        assert (card.since, card.until) == (market()[0].open_time, market()[-1].close_time)
        assert (card.candles, card.seed, card.trained_at) == (COUNT, 7, AT)
        scores = card.scores
        assert scores.folds == FOLDS == len(scores.model_by_fold)
        assert sum(each.samples for each in scores.reliability) == scores.samples
        assert sum(each.samples for each in scores.after_model) == scores.samples
        assert scores.model.log_loss < scores.base.log_loss

    def test_it_repeats_exactly(self) -> None:
        again = learn(request(), lambda *_: None)
        assert replace(again.card, version="") == replace(trained().card, version="")
        assert again.temperature == trained().temperature

    @pytest.mark.parametrize("count", [WINDOW + HORIZON_CANDLES, 300, CANDLES_MIN - 1])
    def test_too_few_candles_are_refused(self, count: int) -> None:
        with pytest.raises(InputRefused, match="more candles"):
            learn(request({SYMBOL: market()[:count]}), lambda *_: None)

    def test_more_symbols_do_not_stand_for_more_time(self) -> None:
        side_by_side = {
            symbol: random_market(CANDLES_MIN - 1, seed, symbol)
            for seed, symbol in enumerate(f"{letter}/USDT" for letter in "ABCDE")
        }
        with pytest.raises(InputRefused, match=r"only 273 times .* 400 on end"):
            learn(request(side_by_side), lambda *_: None)

    def test_as_many_candles_as_the_guide_says_are_enough(self) -> None:
        side_by_side = {
            symbol: random_market(CANDLES_MIN, seed, symbol)
            for seed, symbol in enumerate(("A/USDT", "B/USDT", "C/USDT"))
        }
        scores = learn(request(side_by_side), lambda *_: None).card.scores
        assert scores.model.log_loss < scores.base.log_loss

    @pytest.mark.parametrize("count", [0, 50, WINDOW + HORIZON_CANDLES - 1])
    def test_a_symbol_that_nothing_is_learned_of_is_refused_by_name(self, count: int) -> None:
        other = random_market(200, 2, OTHER)[:count]
        with pytest.raises(InputRefused, match=rf"{OTHER} \({count} candles\)"):
            learn(request({SYMBOL: market(), OTHER: other}), lambda *_: None)

    def test_progress_is_told_to_the_end(self) -> None:
        told: list[tuple[str, int, int]] = []
        learn(request(), lambda *each: told.append(each))
        last = {what: (done, total) for what, done, total in told}
        assert last == {"reading candles": (COUNT, COUNT), "validating": (FOLDS + 1, FOLDS + 1)}


class TestReading:
    def test_a_reading_is_of_its_model_with_all_it_read(self) -> None:
        reading = learned().read(market()[-CANDLES_NEEDED:])
        assert reading.model_version == "regime_model_1h_v1"
        assert {"adx", "atr", "bands_width", "drift", *FEATURES} <= set(reading.indicators)
        assert sum(reading.indicators[f"p_{state}"] for state in STATES) == pytest.approx(1.0)

    def test_a_transition_is_a_change_of_the_likeliest_state(self) -> None:
        model = learned()
        readings = [model.read(going_on()[:end]) for end in range(COUNT, COUNT + LATER + 1)]
        likeliest = [max(STATES, key=lambda s: r.indicators[f"p_{s}"]) for r in readings]
        for before, now, reading in zip(likeliest, likeliest[1:], readings[1:], strict=False):
            chance = reading.indicators[f"p_{before}"]
            if before is now:
                assert (reading.regime, reading.confidence) == (now, chance)
            else:
                assert reading.regime is Regime.TRANSITION
                assert reading.confidence == 1.0 - chance
        assert Regime.TRANSITION in {reading.regime for reading in readings}

    def test_what_is_kept_of_the_candle_before_changes_no_reading(self) -> None:
        model = learned()
        for end in range(COUNT, COUNT + 20):
            window = going_on()[:end]
            assert model.read(window) == learned().read(window)
        corrected = [*window[:-1], replace(window[-1], close=window[-1].low)]
        assert model.read(corrected) == learned().read(corrected)

    def test_only_the_latest_candles_count(self) -> None:
        window = market()[-CANDLES_NEEDED:]
        assert learned().read(market()) == learned().read(window)


def far_away() -> list[Candle]:
    """A market that only ever rises, and faster than any before."""
    return [
        replace(
            candle,
            open=(price := Decimal(100) * Decimal("1.05") ** place),
            low=price,
            close=price * Decimal("1.05"),
            high=price * Decimal("1.05"),
            volume=Decimal(10) ** (place // 12),
        )
        for place, candle in enumerate(market()[-CANDLES_NEEDED:])
    ]


class TestFallingBack:
    @pytest.mark.parametrize(
        ("candles", "fit", "figures"),
        [
            (random_market(CANDLES_NEEDED, 1, timeframe=Timeframe.H4), Fit.NO_MODEL, "1h_v1"),
            (random_market(CANDLES_NEEDED, 1, OTHER), Fit.OTHER_SYMBOL, SYMBOL),
            (market()[:-1], Fit.FROM_LATER, "trained until 2024-02-20 00:00"),
            (market()[-CANDLES_NEEDED + 1 :], Fit.TOO_FEW, f"238 of {CANDLES_NEEDED}"),
            (
                [*market()[:-100], *market()[-99:]],
                Fit.GAP,
                "1 among the last 240",
            ),
            (far_away(), Fit.DRIFTED, "PSI of"),
        ],
    )
    def test_the_rules_stand_in_and_the_reason_is_logged_once(
        self,
        candles: Sequence[Candle],
        fit: Fit,
        figures: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        model = learned()
        with caplog.at_level(logging.WARNING):
            reading = model.read(candles)
            model.read(candles)
        assert reading == rules().read(candles)
        assert reading.model_version == MODEL_VERSION
        (said,) = caplog.messages
        assert candles[-1].symbol in said
        assert fit in said
        assert figures in said

    def test_a_version_that_cannot_be_read_is_no_failure(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        lost = ModelFiles(tmp_path).load("regime_model_1h_v9")
        model = learned(lost)
        assert model.read(market()).model_version == MODEL_VERSION
        assert "there is no file" in caplog.text
        assert model.versions == ("regime_model_1h_v9", MODEL_VERSION)

    def test_it_is_said_when_the_model_reads_again(self, caplog: pytest.LogCaptureFixture) -> None:
        model = learned()
        model.read(market()[:-1])
        assert model.read(market()).model_version == "regime_model_1h_v1"
        assert caplog.messages[-1].startswith(f"{SYMBOL} 1h is read by its model")

    def test_a_drift_within_bounds_is_a_warning_with_figures(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        window = market()[-CANDLES_NEEDED:]
        index = drift_of(samples_until_the_end(), trained().drift).index
        moved = replace(trained(), drift=tuple(replace(d, usual=4.0) for d in trained().drift))
        place = FEATURES.index(drift_of(samples_until_the_end(), trained().drift).feature)
        drift = list(moved.drift)
        drift[place] = replace(drift[place], usual=index / 1.2)
        reading = learned(replace(moved, drift=tuple(drift))).read(window)
        assert reading.model_version == "regime_model_1h_v1"
        assert reading.indicators["drift"] == pytest.approx(1.2)
        (said,) = caplog.messages
        assert Fit.DRIFTING in said
        assert f"PSI of {FEATURES[place]} {index:.2f}" in said


def samples_until_the_end() -> Rows:
    """The features of the latest candles, those without a label among them."""
    series = series_of(market()[-CANDLES_NEEDED:])
    ends = range(WINDOW, CANDLES_NEEDED + 1)
    return np.array([look(series.window(end)).features for end in ends])
