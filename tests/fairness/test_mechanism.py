"""The parts of the paper, each against what it says: input, projection, rows, multiplier."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.fairness._adversary import Adversary, guess_loss
from sklearn_privfair.fairness._gap import group_gap, number_gap
from sklearn_privfair.fairness._opponents import Adversaries, GapPenalty
from sklearn_privfair.fairness._projection import projected_step, put_gradients
from sklearn_privfair.fairness._sensitive import Target
from sklearn_privfair.fairness._tasks import ClassTask
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)

from ._harness import net, unfair_rows


def test_projection_is_that_of_one_vector():
    own, other = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    # (own . other) / |other|^2 = 5 / 2
    expected = torch.tensor([3 - 2.5, 1.0, 2 - 2.5]) - 0.5 * other
    torch.testing.assert_close(projected_step(own, other, 0.5), expected)
    assert float(projected_step(own, other, 0.0) @ other) == 0
    torch.testing.assert_close(projected_step(own, torch.zeros(3), 2.0), own)


def test_gradients_put_in_place_are_projected_over_all_weights_together():
    """Not weight by weight, and not by sums of products of matrices."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    weights = list(module.parameters())
    x = torch.randn(5, 3, dtype=torch.float64)

    def losses():
        out = module(x)
        return out.square().mean(), out.exp().sum(1).log().mean()

    def gradients(value):
        return torch.autograd.grad(value, weights)

    own, other = gradients(losses()[0]), gradients(losses()[1])
    put_gradients(weights, *losses(), alpha=0.7, projection=True)

    dot = sum(float((a * b).sum()) for a, b in zip(own, other, strict=True))
    square = sum(float((b * b).sum()) for b in other)
    for p, a, b in zip(weights, own, other, strict=True):
        torch.testing.assert_close(p.grad, a - (dot / square + 0.7) * b)

    def matrix_product(a, b):
        return float(torch.inner(a, b).sum())  # of matrices: all rows with all rows

    wrong = sum(matrix_product(a, b) for a, b in zip(own, other, strict=True))
    assert abs(wrong / dot - 1) > 0.1
    one_by_one = [
        a - ((a * b).sum() / (b * b).sum() + 0.7) * b for a, b in zip(own, other, strict=True)
    ]
    assert not torch.allclose(weights[0].grad, one_by_one[0], rtol=0.05)


def test_without_projection_gradients_are_those_of_the_difference():
    p = nn.Parameter(torch.tensor([2.0]))
    adversary = nn.Parameter(torch.tensor([3.0]))
    put_gradients([p], p.square().sum(), (p * adversary).sum(), alpha=0.5, projection=False)
    assert p.grad.item() == 2 * 2 - 0.5 * 3
    assert adversary.grad is None


def test_adversary_sees_the_sharpened_score():
    adversary = Adversary(1, 2, False, 1)
    with torch.no_grad():
        adversary.sharpness.fill_(-0.5)
    logit = torch.tensor([[0.3], [-2.0]])
    seen = adversary.inputs(logit, torch.tensor([0, 1]))
    torch.testing.assert_close(seen, torch.sigmoid(1.5 * logit))


def test_adversary_of_equalized_odds_sees_score_by_label():
    """s, s (1 - y), s y as in the paper, and the label."""
    adversary = Adversary(1, 2, True, 1)
    with torch.no_grad():
        adversary.sharpness.fill_(0.0)
    logit, label = torch.tensor([[0.3], [-2.0]]), torch.tensor([0, 1])
    s = torch.sigmoid(logit[:, 0])
    expected = torch.stack([s, s * (1 - label), s * label, 1 - label, label], dim=1)
    torch.testing.assert_close(adversary.inputs(logit, label), expected)


def test_adversary_of_many_classes_sees_the_softmax():
    adversary = Adversary(3, 3, False, 4)
    seen = adversary.inputs(torch.randn(5, 3), torch.zeros(5))
    torch.testing.assert_close(seen.sum(1), torch.ones(5))
    assert adversary(torch.randn(5, 3), torch.zeros(5)).shape == (5, 4)


def test_the_scale_is_learnt():
    """From 0 it would not move: |c| has no slope there."""
    X, y, group = unfair_rows(400)
    fair = AdversarialDebiasingClassifier(net(max_epochs=2), random_state=0)
    fair.fit(X, y, sensitive_features=group)
    (adversary,) = fair.adversaries_
    assert abs(adversary.sharpness.item() - 1) > 0.01


def test_loss_balanced_by_group():
    guess = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    values = torch.tensor([0, 0, 0, 1])
    each = nn.functional.softplus(torch.tensor([0.0, 1.0, 2.0, -3.0]))
    loss = guess_loss(guess, values, ["a", "b"], values, None)
    torch.testing.assert_close(loss, (each[:3].mean() + each[3]) / 2)
    plain = guess_loss(guess, values, ["a", "b"], None, None)
    torch.testing.assert_close(plain, each.mean())
    weight = torch.tensor([0.0, 2.0, 2.0, 5.0])
    weighted = guess_loss(guess, values, ["a", "b"], values, weight)
    torch.testing.assert_close(weighted, (each[1:3].mean() + each[3]) / 2)


@pytest.mark.parametrize("opponent", ["adversary", "penalty"])
def test_equal_opportunity_sees_positive_rows_only(opponent):
    task = ClassTask(2, "equal_opportunity", positive=1)
    target = Target("g", np.array([0, 1, 0, 1, 0, 1]), ["a", "b"])
    made = Adversaries((), torch.optim.Adam, 0.1, 1, True, 0)
    made = made if opponent == "adversary" else GapPenalty()
    made.face(task, [target], None, torch.device("cpu"), torch.float32)
    y, places = torch.tensor([1, 1, 1, 1, 0, 0]), torch.arange(6)
    seen = torch.randn(6, 1, requires_grad=True)
    (slope,) = torch.autograd.grad(made.loss(seen, y, places), seen)
    assert (slope[:4] != 0).all()
    assert (slope[4:] == 0).all()
    assert made.loss(seen, torch.zeros(6), places).item() == 0  # no positive row: nothing to say


def test_equal_opportunity_does_not_depend_on_the_groups_of_negative_rows():
    X, y, group = unfair_rows(400)
    other = np.where(y == 0, "a", group)
    assert (other != group).sum() > 20
    fits = []
    for groups in (group, other):
        fair = AdversarialDebiasingClassifier(
            net(max_epochs=3), "equal_opportunity", tolerance=None, random_state=0
        )
        fits.append(fair.fit(X, y, sensitive_features=groups).predict_proba(X))
    np.testing.assert_array_equal(*fits)
    parity = AdversarialDebiasingClassifier(net(max_epochs=3), tolerance=None, random_state=0)
    parity.fit(X, y, sensitive_features=group)
    assert np.abs(parity.predict_proba(X) - fits[0]).max() > 1e-3


def test_penalty_is_the_squared_gap():
    task = ClassTask(2, "demographic_parity", positive=1)
    penalty = GapPenalty()
    target = Target("g", np.array([0, 0, 1, 1]), ["a", "b"])
    penalty.face(task, [target], None, torch.device("cpu"), torch.float64)
    score = torch.tensor([0.2, 0.4, 0.5, 0.9], dtype=torch.float64)
    seen = torch.logit(score)[:, None]
    loss = penalty.loss(seen, torch.zeros(4), torch.arange(4))
    assert float(loss) == pytest.approx((0.7 - 0.3) ** 2)
    weight = np.array([1.0, 3.0, 1.0, 1.0])
    penalty.face(task, [target], weight, torch.device("cpu"), torch.float64)
    loss = penalty.loss(seen, torch.zeros(4), torch.arange(4))
    assert float(loss) == pytest.approx((0.7 - 0.35) ** 2)


def test_penalty_of_numbers_is_the_squared_covariance():
    task = ClassTask(2, "demographic_parity", positive=1)
    penalty, rng = GapPenalty(), np.random.default_rng(0)
    z, score = rng.normal(size=50), rng.random(50)
    penalty.face(task, [Target("z", z, None)], None, torch.device("cpu"), torch.float64)
    seen = torch.logit(torch.as_tensor(score))[:, None]
    loss = float(penalty.loss(seen, torch.zeros(50), torch.arange(50)))
    assert loss == pytest.approx(np.cov(z, score, bias=True)[0, 1] ** 2)


def test_a_schedule_is_asked_by_epoch():
    X, y, group = unfair_rows(300)
    fair = AdversarialDebiasingClassifier(
        net(max_epochs=3),
        tolerance=None,
        alpha=lambda epoch: 10.0 + epoch,
        pretrain_epochs=2,
        random_state=0,
    ).fit(X, y, sensitive_features=group)
    np.testing.assert_array_equal(fair.history_["alpha"], [0, 0, 10, 11, 12])
    assert np.isnan(fair.history_["adversary_loss"][:2]).all()
    assert np.isfinite(fair.history_["adversary_loss"][2:]).all()


@pytest.mark.parametrize("method", ["adversary", "penalty"])
def test_a_warm_up_is_a_schedule_by_steps(method):
    """In batches of all rows a step is an epoch."""
    X, y, group = unfair_rows(300)

    def weights(**params):
        fair = AdversarialDebiasingClassifier(
            net(max_epochs=4, batch_size=300),
            tolerance=None,
            method=method,
            pretrain_epochs=1,
            random_state=0,
            **params,
        )
        fair.fit(X, y, sensitive_features=group)
        return torch.cat([p.detach().ravel() for p in fair.estimator_.module_.parameters()])

    slowly = weights(alpha=20.0, warm_up=1.0)
    torch.testing.assert_close(slowly, weights(alpha=lambda epoch: 5.0 * (epoch + 1)))
    at_once = weights(alpha=20.0, warm_up=0.0)
    torch.testing.assert_close(at_once, weights(alpha=lambda epoch: 20.0))
    assert (slowly - at_once).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("constraint", "metric"),
    [
        ("demographic_parity", demographic_parity_difference),
        ("equal_opportunity", equal_opportunity_difference),
        ("equalized_odds", equalized_odds_difference),
    ],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gap_is_the_metric(constraint, metric, n_classes):
    rng = np.random.default_rng(0)
    y, predicted = rng.integers(n_classes, size=(2, 500))
    group, weight = rng.integers(3, size=500), rng.random(500)
    gap = group_gap(predicted, y, Target("g", group, list("abc")), constraint, 1, weight)
    pos_label = 1 if constraint == "equal_opportunity" else None
    by_group = {"sensitive_features": group, "sample_weight": weight}
    if constraint == "equalized_odds" and n_classes == 3:
        # each true class for itself, where the metric puts those that are not positive together
        rates = [
            [
                [np.average(predicted[part] == k, weights=weight[part]) for part in parts]
                for k in range(3)
            ]
            for parts in ([(y == c) & (group == g) for g in range(3)] for c in range(3))
        ]
        assert gap == pytest.approx(np.ptp(rates, axis=-1).max())
    else:
        assert gap == pytest.approx(metric(y, predicted, pos_label=pos_label, **by_group))


def test_gap_of_numbers():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(2, 400))
    predicted = 2 * z + 3 * y + rng.normal(size=400)
    target = Target("z", z, None)
    assert number_gap(predicted, y, target, False, 1.0) == pytest.approx(
        abs(np.corrcoef(predicted, z)[0, 1])
    )
    left = [np.polyval(np.polyfit(y, v, 1), y) - v for v in (predicted, z)]
    assert number_gap(predicted, y, target, True, 1.0) == pytest.approx(
        abs(np.corrcoef(*left)[0, 1])
    )
    groups = Target("g", (z > 0).astype(int), [False, True])
    means = predicted[z > 0].mean() - predicted[z <= 0].mean()
    assert number_gap(predicted, y, groups, False, 2.0) == pytest.approx(abs(means) / 2)
