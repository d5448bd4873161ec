"""Randomized smoothing against that of the Adversarial Robustness Toolbox (ART), on one net."""

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from sklearn_privfair.defences import RandomizedSmoothingClassifier
from sklearn_privfair.defences._certification import is_ahead, lower_confidence_bound

from ._harness import data, fitted, make_net

smoothing = pytest.importorskip("art.estimators.certification.randomized_smoothing")

X, Y = data()
SIGMA, ALPHA, N = 0.3, 0.01, 2000


@pytest.fixture(scope="module")
def net():
    return fitted(make_net(max_epochs=20, iterator_train__shuffle=True), X, Y)


@pytest.fixture(scope="module")
def peer(net):
    return smoothing.PyTorchRandomizedSmoothing(
        net.module_.eval(),
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(4,),
        nb_classes=3,
        sample_size=100,
        scale=SIGMA,
        alpha=ALPHA,
        device_type="cpu",
    )


@pytest.fixture(scope="module")
def ours(net):
    model = RandomizedSmoothingClassifier(
        FrozenEstimator(net), sigma=SIGMA, alpha=ALPHA, n_samples=N, abstain_label=-1
    )
    return model.set_params(random_state=0).fit(X)


def test_bounds(peer):
    pytest.importorskip("statsmodels")
    hits = np.arange(1, N + 1, 37)
    theirs = [peer._lower_confidence_bound(int(k), N) for k in hits]
    np.testing.assert_allclose(lower_confidence_bound(hits, N, ALPHA), theirs, rtol=1e-9)


def test_the_same_counts_give_the_same_answer(peer, monkeypatch):
    """Its decision, given counts; an abstention is a row of zeros there."""
    counts = np.random.default_rng(0).multinomial(100, [0.42, 0.38, 0.2], size=60)
    queue = iter(counts)
    monkeypatch.setattr(peer, "_prediction_counts", lambda *args, **kwargs: next(queue))
    theirs = peer.predict(X[:60])
    second, first = np.sort(counts, axis=1)[:, -2:].T
    ahead = is_ahead(first, second, ALPHA)
    assert 0 < ahead.sum() < 60
    np.testing.assert_array_equal(theirs.any(axis=1), ahead)
    np.testing.assert_array_equal(theirs[ahead].argmax(axis=1), counts[ahead].argmax(axis=1))


def test_votes_agree_within_the_sampling_error(peer, ours):
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002  (its noise comes from the global generator)
    try:
        theirs = np.array([peer._prediction_counts(row, n=N) for row in X])
    finally:
        np.random.set_state(state)  # noqa: NPY002
    votes = ours.predict_proba(X) * N
    # both are of one multinomial: their difference has twice its variance
    share = (votes + theirs) / (2 * N)
    z = (votes - theirs) / np.sqrt(2 * N * share * (1 - share) + 1)
    assert np.abs(z).max() < 4.5
    assert z.std() < 1.3
    assert (share.max(axis=1) < 0.9).sum() > 20  # rows on which something could differ


def test_radii(peer, ours, monkeypatch):
    """Its certificate, given the votes that ours selects and certifies by."""
    pytest.importorskip("statsmodels")
    table = ours._checked(X)
    queue = iter(np.stack([ours._votes(table, n, k) for k, n in ((1, 100), (2, N))], axis=1))
    pairs = (counts for pair in queue for counts in pair)
    monkeypatch.setattr(peer, "_prediction_counts", lambda *args, **kwargs: next(pairs))
    labels, radii = peer.certify(X, n=N)
    result = ours.certify(X)
    np.testing.assert_allclose(result.radius, radii, rtol=1e-6)
    np.testing.assert_array_equal(result.label, labels)
    assert 0 < result.abstains.sum() < len(X)
