"""How well regimes are learned, out of sample, beside the rules and other ways of learning them.

Run it as `python -m benchmarks.regimes`, with `--json` for JSON. Candles of the bundled sample, and
of `--shared DIR` (a folder with `candles_5m`) joined to 1h and 4h where it exists. A hidden Markov
model is compared where hmmlearn is installed: `uv run --with hmmlearn python -m ...`.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.machine import machine
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.agents.regimes.calibration import Scores
from hedgerow.infrastructure.agents.regimes.drift import DRIFT_CANDLES, drift_of, learn_drift
from hedgerow.infrastructure.agents.regimes.model import DRIFT_REFUSED, DRIFT_WARNED
from hedgerow.infrastructure.agents.regimes.samples import STATES, Samples, samples_of
from hedgerow.infrastructure.agents.regimes.training import booster
from hedgerow.infrastructure.agents.regimes.walk_forward import (
    Fit,
    folds_of,
    hold_out,
    scores_of,
)
from hedgerow.infrastructure.candle_files import bundled_sample, read_candles

SEED: Final = 7
SHARED: Final = Path("../shared/data")
HIDDEN_STATES: Final = (4, 6, 8)
# Signed features whose size tells of a regime as well as their direction, for the linear model.
_SIGNED: Final = [1, 3, 5, 6, 7, 8, 9]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--shared", type=Path, default=SHARED, help="a folder with candles_5m")
    arguments = parser.parse_args()
    data = [("bundled sample", bundled_sample(), Timeframe.H4)]
    five_minutes = arguments.shared / "candles_5m"
    if five_minutes.is_dir():
        data += [("candles_5m", five_minutes, span) for span in (Timeframe.H1, Timeframe.H4)]
    else:
        print(f"{five_minutes} is not there: only the bundled sample is measured")
    results = [measure(*each) for each in data]
    if arguments.json:
        print(json.dumps({"machine": machine(), "seed": SEED, "results": results}, indent=2))
        return
    for result in results:
        print(table_of(result))


def measure(name: str, folder: Path, timeframe: Timeframe) -> dict[str, Any]:
    """All ways on one set of candles."""
    read = read_candles(folder, timeframe, None, allow_gaps=False)
    series = [[c for c in read.candles if c.symbol == symbol] for symbol in read.symbols]
    samples = samples_of(series, lambda _: None)
    started = time.perf_counter()
    held, temperature = hold_out(samples, booster(SEED), _quiet)
    elapsed_s = time.perf_counter() - started
    scores = scores_of(held)
    ways = {"gradient boosting": _summary(scores.model, scores.calibration_error)}
    for way, fit in yardsticks().items():
        other = scores_of(hold_out(samples, fit, _quiet)[0])
        ways[way] = _summary(other.model, other.calibration_error)
    ways["what followed each rule"] = _summary(scores.rules, None)
    ways["frequencies alone"] = _summary(scores.base, None)
    return {
        "data": f"{name}, {timeframe}",
        "symbols": list(read.symbols),
        "since": read.candles[0].open_time.isoformat(),
        "until": read.candles[-1].close_time.isoformat(),
        "fingerprint": read.fingerprint,
        "samples": len(samples),
        "validation_s": round(elapsed_s, 1),
        "temperature": temperature,
        "ways": ways,
        "drift": drift_out_of_sample(samples),
        "scores": asdict(scores),
    }


def yardsticks() -> dict[str, Fit]:
    """Other ways of learning the same."""
    found: dict[str, Fit] = {"linear (logistic)": _linear}
    if find_spec("hmmlearn") is not None:
        for count in HIDDEN_STATES:
            found[f"hidden Markov, {count} states"] = partial(_hidden_markov, count)
    return found


def drift_out_of_sample(samples: Samples) -> dict[str, float]:
    """Which share of stretches after a fold's training is warned of, and left to the rules."""
    levels = []
    for fold in folds_of(samples):
        past, test = samples.where(fold.train), samples.where(fold.test)
        learned = learn_drift(
            [past.features[past.symbol == number] for number in np.unique(past.symbol)]
        )
        for number in np.unique(test.symbol):
            # With what came before, as the model itself looks back.
            upto = samples.closed <= test.closed.max()
            rows = samples.features[(samples.symbol == number) & upto]
            tested = int((test.symbol == number).sum())
            levels += [
                drift_of(rows[end - DRIFT_CANDLES : end], learned).level
                for end in range(len(rows) - tested + 1, len(rows) + 1)
                if end >= DRIFT_CANDLES
            ]
    found = np.array(levels)
    return {
        "warned": float(np.mean(found > DRIFT_WARNED)),
        "left_to_the_rules": float(np.mean(found > DRIFT_REFUSED)),
    }


def _linear(past: Samples) -> Callable[[Samples], Scores]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    model.fit(_with_sizes(past), past.labels)

    def ask(test: Samples) -> Scores:
        scores = np.full((len(test), len(STATES)), np.log(1e-4))
        scores[:, model[-1].classes_] = np.log(model.predict_proba(_with_sizes(test)) + 1e-9)
        return scores

    return ask


def _with_sizes(samples: Samples) -> Scores:
    return np.hstack([samples.features, np.abs(samples.features[:, _SIGNED])])


def _hidden_markov(count: int, past: Samples) -> Callable[[Samples], Scores]:
    """Fitted without labels; what each hidden state turned out to be maps it to the regimes."""
    from hmmlearn.hmm import GaussianHMM  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    scaler = StandardScaler().fit(past.features)
    model = GaussianHMM(count, covariance_type="diag", n_iter=60, random_state=SEED, min_covar=0.01)
    lengths = [int((past.symbol == number).sum()) for number in np.unique(past.symbol)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(np.clip(scaler.transform(past.features), -5.0, 5.0), lengths)

    def filtered(samples: Samples) -> Scores:
        """Chances of the hidden states by what was known at each candle: forward only."""
        seen = model._compute_log_likelihood(np.clip(scaler.transform(samples.features), -5.0, 5.0))
        chances = np.zeros((len(samples), count))
        for row in range(len(samples)):
            begins = row == 0 or samples.symbol[row] != samples.symbol[row - 1]
            prior = model.startprob_ if begins else chances[row - 1] @ model.transmat_
            grown = np.log(prior + 1e-12) + seen[row]
            grown = np.exp(grown - grown.max())
            chances[row] = grown / grown.sum()
        return chances

    known = filtered(past)
    table = np.array([1.0 + known[past.labels == place].sum(axis=0) for place in range(4)]).T
    table /= table.sum(axis=1, keepdims=True)
    return lambda test: np.asarray(np.log(filtered(test) @ table))


def _summary(skill: Any, calibration_error: float | None) -> dict[str, float | None]:
    return {**asdict(skill), "calibration_error": calibration_error}


def _quiet(_done: int, _total: int) -> None:
    """No progress: the figures are all that is printed."""


def table_of(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    scores = result["scores"]
    lines = [
        f"### {result['data']}",
        "",
        f"{', '.join(result['symbols'])}, {result['since'][:10]} to {result['until'][:10]}, "
        f"{scores['samples']:,} of {result['samples']:,} samples tested.",
        "",
        "| way | log-loss | accuracy | ECE |",
        "|---|---|---|---|",
    ]
    for way, found in result["ways"].items():
        error = found["calibration_error"]
        said = "" if error is None else f"{error:.3f}"
        lines.append(f"| {way} | {found['log_loss']:.3f} | {found['accuracy']:.1%} | {said} |")
    folds = " · ".join(
        f"{model:.2f} / {rules:.2f}"
        for model, rules in zip(scores["model_by_fold"], scores["rules_by_fold"], strict=True)
    )
    drift = result["drift"]
    lines += [
        "",
        f"By fold (model / rules): {folds}. Before its temperature the model has "
        f"{scores['uncalibrated']['log_loss']:.3f}. The likeliest state lasts "
        f"{scores['run_candles']:.1f} candles by the model, {scores['rules_run_candles']:.1f} by "
        f"the rules. Drift: {drift['warned']:.0%} warned of, "
        f"{drift['left_to_the_rules']:.0%} left to the rules.",
        "",
        "| confidence | candles | mean | came true |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {each['at_least']:.1f} to {each['at_least'] + 0.1:.1f} | {each['samples']:,} "
        f"| {each['confidence']:.2f} | {each['came_true']:.2f} |"
        for each in scores["reliability"]
    ]
    lines += [
        "",
        "| told by | regime | candles | volatility / usual | return |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {who} | {each['regime']} | {each['samples']:,} | {each['volatility_ratio']:.2f} "
        f"| {each['return_pct']:+.2f} ± {each['return_error_pct']:.2f} % |"
        for who in ("model", "rules")
        for each in scores[f"after_{who}"]
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
