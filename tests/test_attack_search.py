"""Attacks in searches and pictures: parameters found by halving, a curve from a single run."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import HalvingGridSearchCV

from sklearn_privfair.attacks import DDNAttack, MinimumNormAttack, PGDAttack
from sklearn_privfair.inspection import RobustnessCurveDisplay
from sklearn_privfair.metrics import make_attack_scorer

X, Y = load_digits(return_X_y=True)
X = X / 16
MODEL = LogisticRegression(max_iter=500).fit(X[:1000], Y[:1000])


def test_halving_finds_the_stronger_attack():
    """Many short steps of a fixed length beat one, and halving spends the rows on them."""
    attack = PGDAttack(
        FrozenEstimator(MODEL), eps=0.06, step_schedule="constant", random_start=False
    )
    grid = {"step_size": [1e-4, 1e-3, 0.06], "n_steps": [1, 10]}
    scoring = make_attack_scorer("success_rate")
    search = HalvingGridSearchCV(attack, grid, scoring=scoring, cv=2, factor=2, random_state=0)
    search.fit(X[1000:], Y[1000:])
    assert search.best_params_["step_size"] == 0.06
    assert search.n_iterations_ > 1
    best = search.best_estimator_.score(X[1000:], Y[1000:])
    weak = attack.set_params(step_size=1e-4, n_steps=1).fit(MODEL).score(X[1000:], Y[1000:])
    assert best > weak + 0.1


def test_inner_attacks_are_searched():
    attack = MinimumNormAttack(FrozenEstimator(MODEL), attack=PGDAttack(random_state=0))
    scoring = make_attack_scorer("neg_median_distance")
    grid = {"attack__n_steps": [2, 20], "attack__norm": [np.inf]}
    search = HalvingGridSearchCV(attack, grid, scoring=scoring, cv=2, random_state=0)
    search.fit(X[1000:1200], Y[1000:1200])
    assert set(search.cv_results_["param_attack__n_steps"]) == {2, 20}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_curve_is_one_run(monkeypatch):
    calls = []
    generate = DDNAttack.generate

    def counted(self, *args, **kwargs):
        calls.append(1)
        return generate(self, *args, **kwargs)

    monkeypatch.setattr(DDNAttack, "generate", counted)
    rows, labels = X[1000:1100], Y[1000:1100]
    attack = DDNAttack(n_steps=20, random_state=0).fit(MODEL)
    display = RobustnessCurveDisplay.from_estimator(attack, rows, labels)
    assert len(calls) == 1
    frame = display.frame()
    distance = np.sort(generate(attack, rows, labels).distance["l2"])
    assert len(frame) == len(np.unique(distance[np.isfinite(distance)])) + (distance.min() > 0)
    half = np.median(distance)
    held = frame.loc[frame.eps <= half, "accuracy"].iloc[-1]
    np.testing.assert_allclose(held, (distance > half).mean())
