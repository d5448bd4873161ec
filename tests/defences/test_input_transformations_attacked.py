"""The gradients of input transformations, and that attacks which follow them win."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from torch import nn

from sklearn_privfair.attacks import DDNAttack, GradientMaskingWarning, PGDAttack
from sklearn_privfair.defences import FeatureSqueezer, JPEGQuantizer
from sklearn_privfair.differentiable import as_module, straight_through
from sklearn_privfair.metrics import make_robust_accuracy_scorer

from ._harness import digits, digits_net, fitted, robust_accuracy

RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, 3, 11, 9))
BOTH = [FeatureSqueezer(3, window=3, bounds=(0, 1)), JPEGQuantizer(50, bounds=(0, 1))]
both = pytest.mark.parametrize("transformer", BOTH, ids=lambda t: type(t).__name__)


@both
def test_the_module_is_the_transformer(transformer):
    transformer = clone(transformer).fit(IMAGES)
    module = as_module(transformer)
    for dtype in (np.float32, np.float64):
        rows = IMAGES.astype(dtype)
        x = torch.tensor(rows, requires_grad=True)
        out = module(x)
        assert out.detach().numpy().dtype == dtype
        np.testing.assert_array_equal(out.detach(), transformer.transform(rows))
        (slope,) = torch.autograd.grad((out * out).sum(), x)
        assert slope.isfinite().all()
        assert (slope != 0).double().mean() > 0.5
    twin = pickle.loads(pickle.dumps(module))
    expected = transformer.transform(IMAGES)
    transformer.set_params(bounds=(0, 9)).fit(IMAGES)
    for same in (module, twin):
        np.testing.assert_array_equal(same(torch.tensor(IMAGES)), expected)
    with pytest.raises(NotFittedError):
        as_module(clone(transformer))


def test_the_stand_in_for_rounding_keeps_what_is_round():
    """Where nothing is rounded away it is the transformer itself, and its slope the least."""
    grey = 0.3 + 0.4 * RNG.random((3, 16, 8))  # nothing is clipped, nothing padded
    squeezer, quantizer = FeatureSqueezer(3, bounds=(0, 1)), JPEGQuantizer(50, bounds=(0, 1))
    softly = {squeezer: squeezer._reduce_softly, quantizer: quantizer._change_softly}
    for transformer, soft in softly.items():
        fixed = transformer.fit_transform(grey)
        np.testing.assert_allclose(transformer.transform(fixed), fixed, atol=1e-12)
        x = torch.tensor(fixed, requires_grad=True)
        out = soft(x)
        np.testing.assert_allclose(out.detach(), fixed, atol=1e-12)
        (slope,) = torch.autograd.grad(out.sum(), x)
        np.testing.assert_allclose(slope, 0.1, atol=1e-9)


def test_the_slope_of_a_median():
    """No two pixels are equal: it goes to the pixel taken, as finite differences say."""
    module = as_module(FeatureSqueezer(None, window=3).fit(IMAGES[:2]))
    x = torch.tensor(IMAGES[:2], requires_grad=True)
    assert torch.autograd.gradcheck(module, x, eps=1e-7)
    # all pixels are equal: each has as much as the other
    flat = torch.zeros(1, 6, 6, dtype=torch.float64, requires_grad=True)
    module = as_module(FeatureSqueezer(None, window=2, bounds=(0, 1)).fit(flat.detach()))
    (slope,) = torch.autograd.grad(module(flat).sum(), flat)
    np.testing.assert_allclose(slope[0, 1:-1, 1:-1], 1.0)
    assert slope.sum() == pytest.approx(36)


# what they are worth

X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = digits()
IN = {"bounds": (0, 1), "image_shape": (8, 8)}
BROKEN = {
    "3 bits": FeatureSqueezer(3, **IN),
    "median": FeatureSqueezer(None, window=3, **IN),
    "3 bits, median": FeatureSqueezer(3, window=2, **IN),
    "JPEG 50": JPEGQuantizer(50, **IN),
    "JPEG 10": JPEGQuantizer(10, **IN),
}


def pgd(eps=0.1, norm=np.inf):
    return PGDAttack(norm=norm, eps=eps, n_steps=20, bounds=(0, 1), random_state=0)


@pytest.fixture(scope="module")
def net():
    return fitted(digits_net(), X_TRAIN, Y_TRAIN)


@pytest.fixture(scope="module")
def unaware(net):
    """The nearest points that the bare net gets wrong."""
    return DDNAttack(bounds=(0, 1), random_state=0).fit(net).transform(X_TEST, Y_TEST)


@pytest.mark.parametrize("name", BROKEN)
def test_what_seems_to_hold_is_broken(net, unaware, name):
    pipeline = make_pipeline(BROKEN[name].fit(X_TRAIN), net)
    assert np.mean(net.predict(unaware) == Y_TEST) < 0.01
    assert np.mean(pipeline.predict(unaware) == Y_TEST) > 0.45
    for attack in (pgd(), pgd(0.5, norm=2)):
        bare = robust_accuracy(net, attack, X_TEST, Y_TEST)
        assert 0.3 < bare < 0.5
        assert robust_accuracy(pipeline, attack, X_TEST, Y_TEST) < bare + 0.03


class TrueRounding(nn.Module):
    """3 bits as torch has it, with the derivative that rounding has: none."""

    def forward(self, x):
        return torch.round(x * 7) / 7


def test_a_naive_attack_is_told_that_it_is_naive(net):
    naive = nn.Sequential(TrueRounding(), net.module_)
    with pytest.warns(GradientMaskingWarning, match="was zero where the attack began"):
        found = pgd().fit(naive).generate(X_TEST, Y_TEST)
    adaptive = pgd().fit(make_pipeline(BROKEN["3 bits"].fit(X_TRAIN), net))
    assert found.success.mean() < 0.2
    assert adaptive.score(X_TEST, Y_TEST) > 0.7


def test_the_identity_would_not_do(net):
    """In l2, and for what mixes pixels: the stand-ins are what breaks these."""
    for name, norm, eps in [("3 bits", 2, 0.5), ("median", np.inf, 0.1), ("JPEG 10", 2, 0.5)]:
        transformer = BROKEN[name].fit(X_TRAIN)
        by_identity = nn.Sequential(straight_through(transformer.transform), net.module_)
        weak = pgd(eps, norm).fit(by_identity).score(X_TEST, Y_TEST)
        strong = pgd(eps, norm).fit(make_pipeline(transformer, net)).score(X_TEST, Y_TEST)
        assert strong > weak + 0.05


@both
def test_pipelines_fitted_on_frames(transformer):
    frame = pd.DataFrame(X_TRAIN[:200]).add_prefix("pixel")
    transformer = clone(transformer).set_params(image_shape=(8, 8))
    model = make_pipeline(transformer, LogisticRegression(max_iter=1000))
    by_frame, by_array = (
        pgd().fit(clone(model).fit(X, Y_TRAIN[:200])).generate(X, Y_TRAIN[:200])
        for X in (frame, frame.to_numpy())
    )
    np.testing.assert_array_equal(by_frame.X_adv, by_array.X_adv)
    assert by_array.success.sum() > 50


def test_grid_search():
    """Over transformations in front of a classifier, by its accuracy under adaptive attacks."""
    steps = [("jpeg", JPEGQuantizer(**IN)), ("clf", LogisticRegression(max_iter=1000))]
    X, y = X_TRAIN[:300], Y_TRAIN[:300]
    scoring = make_robust_accuracy_scorer(pgd(0.05))
    grid = {"jpeg__quality": [1, 75], "jpeg__bounds": [(0, 1)]}
    search = GridSearchCV(Pipeline(steps), grid, scoring=scoring, cv=2, error_score="raise")
    assert search.fit(X, y).best_params_["jpeg__quality"] == 75
    assert (np.diff(search.cv_results_["mean_test_score"]) > 0.1).all()
