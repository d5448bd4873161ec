"""Madry's training: the numbers of the plain loop, and what each parameter says it does."""

import copy

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from sklearn_privfair.attacks import CWL2Attack, FGSMAttack, PGDAttack
from sklearn_privfair.defences import AdversarialTrainingClassifier

from ._harness import (
    Layers,
    Witness,
    data,
    digits,
    digits_net,
    fitted,
    madry,
    make_attack,
    make_net,
    plain_pgd,
    robust_accuracy,
    seeded_module,
    weights,
)

X, Y = data()
BATCH = 20


@pytest.fixture
def double():
    """In float64 no sign of a gradient hangs on rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class EpsSpy(PGDAttack):
    """Tells with which budget it was called."""

    budgets = []

    def _attack(self, rows):
        assert (rows.eps == self.eps).all()
        type(self).budgets.append(self.eps)
        super()._attack(rows)


def train(attack=None, X=X, y=Y, *, net=None, **params):
    net = make_net(cls=Witness) if net is None else net
    attack = make_attack() if attack is None else attack
    return AdversarialTrainingClassifier(net, attack, random_state=0, **params).fit(X, y)


def seen(defence, clean=X):
    """Give the batches trained on, each with the rows as they were."""
    batches = defence.estimator_.seen_
    per_epoch = -(-len(clean) // BATCH)
    return [
        (batch[0].numpy(), clean[start : start + BATCH], batch[1].numpy())
        for batch, start in zip(
            batches, [BATCH * (i % per_epoch) for i in range(len(batches))], strict=True
        )
    ]


def frozen(lr=0.0, n_hidden=8, **params):
    """A net fitted and frozen, whose fine-tuning goes on at the rate given."""
    net = fitted(make_net(cls=Witness, module__n_hidden=n_hidden, max_epochs=30), X, Y)
    del net.seen_
    return FrozenEstimator(net.set_params(lr=lr, max_epochs=1, **params))


@pytest.mark.parametrize(
    ("norm", "box", "eps", "step"), [(np.inf, (0, 1), 0.1, 0.04), (2, None, 0.3, 0.2)]
)
def test_is_the_plain_loop(double, norm, box, eps, step):
    rows, labels = data(dtype=np.float64)
    module = seeded_module()
    attack = make_attack(norm=norm, eps=eps, step_size=step, bounds=box)
    net = make_net(copy.deepcopy(module), max_epochs=2)
    defence = AdversarialTrainingClassifier(net, attack).fit(rows, labels)
    start = weights(module)
    pgd = {"eps": eps, "step": step, "n_steps": 4, "norm": norm, "box": box}
    tensors = torch.as_tensor(rows), torch.as_tensor(labels)
    losses = madry(module, *tensors, epochs=2, batch_size=BATCH, lr=0.5, **pgd)
    assert np.abs(weights(module) - start).max() > 0.1
    np.testing.assert_allclose(weights(defence.estimator_), weights(module), atol=1e-9)
    np.testing.assert_allclose(defence.estimator_.history[:, "train_loss"], losses, rtol=1e-9)


def test_rows_are_those_of_the_weights_of_the_moment():
    """Each batch is attacked after the step before it, not with the weights of the start."""
    module = seeded_module()
    defence = train(net=make_net(copy.deepcopy(module), cls=Witness, max_epochs=1, lr=2.0))
    optimizer = torch.optim.SGD(module.parameters(), lr=2.0)
    stale = copy.deepcopy(module)
    differs = False
    for x_adv, x, y in seen(defence):
        tensors = torch.as_tensor(x), torch.as_tensor(y)
        expected = plain_pgd(module, *tensors, 0.1, 0.04, 4, box=(0, 1))
        np.testing.assert_allclose(x_adv, expected, atol=1e-6)
        differs |= not np.allclose(
            x_adv, plain_pgd(stale, *tensors, 0.1, 0.04, 4, box=(0, 1)), atol=1e-3
        )
        optimizer.zero_grad()
        functional.cross_entropy(module(torch.as_tensor(x_adv)), tensors[1]).backward()
        optimizer.step()
    assert differs


def test_all_steps_are_taken():
    """A row that is adversarial already still climbs: in training the worst counts."""
    labels = (Y + 1) % 3
    net = frozen(n_hidden=0)
    defence = train(make_attack(bounds=None), y=labels, net=net, fine_tune=True)
    wrong = net.predict(X) != labels
    assert wrong.sum() > 80
    moved = np.concatenate([np.abs(x_adv - x).max(axis=1) for x_adv, x, _ in seen(defence)])
    np.testing.assert_allclose(moved[wrong], 0.1, atol=1e-6)


@pytest.mark.parametrize("fine_tune", [False, True])
def test_eps_warmup(fine_tune):
    EpsSpy.budgets = []
    attack = EpsSpy(**make_attack(eps=0.12).get_params())
    defence = train(attack, eps_warmup=3, fine_tune=fine_tune, net=make_net(max_epochs=5))
    per_epoch = -(-len(X) // BATCH)
    expected = np.repeat([0.04, 0.08, 0.12, 0.12, 0.12], per_epoch)
    np.testing.assert_allclose(EpsSpy.budgets, expected)
    assert attack.eps == defence.attack.eps == 0.12


def test_eps_warmup_bounds_what_is_trained_on():
    attack = make_attack(eps=0.12, step_size=0.12)
    defence = train(attack, eps_warmup=3, net=make_net(cls=Witness, max_epochs=4))
    moved = np.array([np.abs(x_adv - x).max() for x_adv, x, _ in seen(defence)]).reshape(4, -1)
    np.testing.assert_allclose(moved.max(axis=1), [0.04, 0.08, 0.12, 0.12], atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_clean_share(share):
    defence = train(make_attack(random_start=True), clean_share=share)
    masks = []
    for x_adv, x, _ in seen(defence):
        changed = (x_adv != x).any(axis=1)
        assert changed.sum() == len(x) - round(share * len(x))
        if len(x) == BATCH:
            masks.append(tuple(changed))
    assert (len(set(masks)) > 1) == (share > 0)  # not the same places in every batch


def test_train_loss_is_on_adversarial_rows_and_valid_loss_on_rows_as_they_are():
    frozen_net = frozen()
    defence = train(net=frozen_net, fine_tune=True)  # at learning rate 0
    module = frozen_net.estimator.module_
    rows, labels = torch.as_tensor(X), torch.as_tensor(Y)
    adversarial = plain_pgd(module, rows, labels, 0.1, 0.04, 4, box=(0, 1))
    with torch.no_grad():
        expected = functional.cross_entropy(module(adversarial), labels).item()
        clean = functional.cross_entropy(module(rows), labels).item()
    assert defence.estimator_.history[-1, "train_loss"] == pytest.approx(expected, rel=1e-5)
    assert expected > 1.2 * clean


def test_fine_tuning_starts_at_the_frozen_weights():
    net = frozen()
    before = weights(net.estimator)
    defence = train(net=net, fine_tune=True)
    np.testing.assert_array_equal(weights(defence.estimator_), before)
    assert len(defence.estimator_.history) == len(net.estimator.history) + 1


def test_fine_tuning_leaves_the_frozen_net_alone():
    net = frozen(lr=0.5)
    before, epochs = weights(net.estimator), len(net.estimator.history)
    defence = train(net=net, fine_tune=True)
    np.testing.assert_array_equal(weights(net.estimator), before)
    assert len(net.estimator.history) == epochs
    assert not hasattr(net.estimator, "seen_")
    assert np.abs(weights(defence.estimator_) - before).max() > 1e-3


def test_fine_tuning_without_a_frozen_net_trains_plainly_first():
    defence = train(fine_tune=True)
    assert len(defence.estimator_.history) == 6
    changed = [(x_adv != x).any() for x_adv, x, _ in seen(defence)]
    half = len(changed) // 2
    assert not any(changed[:half])
    assert all(changed[half:])


def test_training_from_scratch_forgets_an_earlier_fit():
    nets = [
        fitted(make_net(seeded_module(seed=seed), max_epochs=5), X, (Y + seed) % 3)
        for seed in (0, 1)
    ]
    before = [weights(net) for net in nets]
    first, second = (weights(train(net=net.set_params(lr=0.0)).estimator_) for net in nets)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - before[0]).max() > 0.1
    for net, old in zip(nets, before, strict=True):
        np.testing.assert_array_equal(weights(net), old)


class Scaled(nn.Module):
    """A module with a weight of its own that nothing draws anew."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.linear = nn.Linear(4, 3)

    def forward(self, X):
        return self.linear(self.scale * X)


def test_training_from_scratch_refuses_what_it_cannot_draw_anew():
    net = fitted(make_net(Scaled()), X, Y)
    with pytest.raises(ValueError, match="no reset_parameters"):
        train(net=net)
    assert len(train(net=fitted(make_net(Scaled), X, Y)).estimator_.history) == 3


def _linear(net):
    layer = net.module_.layers
    return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()


def test_minimum_norm_attack():
    """Without a budget it is the nearest adversarial rows that are trained on: a closed form."""
    net = frozen(n_hidden=0)
    attack = CWL2Attack(n_steps=50, binary_search_steps=6, bounds=None)
    defence = train(attack, net=net, fine_tune=True)
    weight, bias = _linear(net.estimator)
    n_right = 0
    for x_adv, x, y in seen(defence):
        z = x @ weight.T + bias
        right = z.argmax(axis=1) == y
        slope = np.linalg.norm(weight[y][:, None] - weight[None], axis=2)
        gap = z[np.arange(len(y)), y][:, None] - z
        with np.errstate(invalid="ignore"):
            nearest = np.where(slope > 0, gap / slope, np.inf).min(axis=1)
        distance = np.linalg.norm(x_adv.astype(float) - x, axis=1)
        assert (distance[~right] == 0).all()
        assert ((x_adv @ weight.T + bias).argmax(axis=1)[right] != y[right]).all()
        assert (distance[right] > nearest[right]).all()
        assert np.median(distance[right] / nearest[right]) < 1.05
        assert (distance[right] < 1.2 * nearest[right]).all()
        n_right += right.sum()
    assert n_right > 50


@pytest.mark.parametrize("target", ["least_likely", 1])
def test_targeted(target):
    """Of a linear net one step towards a class has a closed form."""
    net = frozen(n_hidden=0)
    attack = FGSMAttack(eps=0.05, target=target, bounds=None)
    defence = train(attack, net=net, fine_tune=True)
    weight, bias = _linear(net.estimator)
    n_moved = 0
    for x_adv, x, y in seen(defence):
        z = x @ weight.T + bias
        goal = z.argmin(axis=1) if target == "least_likely" else np.full(len(x), target)
        proba = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        uphill = weight[goal] - proba @ weight  # of the goal's log-probability
        expected = np.where((goal == y)[:, None], x, x + 0.05 * np.sign(uphill))
        np.testing.assert_allclose(x_adv, expected, atol=1e-6)
        n_moved += (goal != y).sum()
    assert n_moved > 20


def test_target_is_a_label():
    words = np.array(["ant", "bee", "cat"])
    by_number = train(make_attack(target=2))
    by_word = train(make_attack(target="cat"), y=words[Y])
    np.testing.assert_array_equal(weights(by_number.estimator_), weights(by_word.estimator_))


def test_learned_bounds_are_those_of_the_features():
    rows = (X * np.array([1, 0.2, 0.5, 3])).astype(np.float32)
    defence = train(FGSMAttack(eps=10.0), X=rows)  # from wall to wall
    trained_on = np.concatenate([x_adv for x_adv, _, _ in seen(defence, rows)])
    low, high = trained_on == rows.min(axis=0), trained_on == rows.max(axis=0)
    assert (low | high).all()
    assert low.any(axis=0).all()
    assert high.any(axis=0).all()


def test_images_have_one_range_for_all_pixels():
    rows = X.reshape(-1, 1, 2, 2) * np.float32(0.5)
    module = nn.Sequential(nn.Flatten(), Layers())
    net = make_net(module, cls=Witness)
    defence = train(make_attack(bounds="auto", eps=0.3, step_size=0.3), X=rows, net=net)
    trained_on = np.concatenate([x_adv for x_adv, _, _ in seen(defence, rows)])
    assert trained_on.shape[1:] == (1, 2, 2)
    assert trained_on.max() == rows.max()
    assert trained_on.min() == rows.min()
    assert defence.predict_proba(rows).shape == (len(X), 3)


@pytest.mark.parametrize(
    ("params", "attack", "error", "match"),
    [
        ({"eps_warmup": 2}, CWL2Attack(), ValueError, "eps_warmup=2 needs a budget, .* has no eps"),
        ({}, make_attack(target="dog"), ValueError, r"attack.target='dog'.*\[0, 1, 2\]"),
        ({}, make_attack(target=3), ValueError, "attack.target=3"),
        ({}, make_attack(target=[0, 1]), ValueError, "attack.target"),
        ({}, make_attack(bounds=(0, 0.5)), ValueError, "outside bounds"),
        ({}, make_attack(eps=-0.1), ValueError, "'eps' parameter of PGDAttack"),
        ({}, make_attack(loss="hinge"), ValueError, "'loss' parameter of PGDAttack"),
        ({"clean_share": 1.0}, make_attack(), ValueError, "clean_share"),
        ({"eps_warmup": -1}, make_attack(), ValueError, "eps_warmup"),
    ],
)
def test_bad_parameters(params, attack, error, match):
    with pytest.raises(error, match=match):
        train(attack, **params)


def test_needs_a_net():
    with pytest.raises(TypeError, match=r"no skorch net.*AdversarialAugmentationClassifier"):
        train(net=LogisticRegression())


def test_it_defends():
    """On digits, against more steps and restarts than it was trained with."""
    X_train, X_test, y_train, y_test = digits()
    attack = PGDAttack(eps=0.1, n_steps=5, bounds=(0, 1))
    defence = AdversarialTrainingClassifier(digits_net(), attack, eps_warmup=5, random_state=0)
    defence.fit(X_train, y_train)
    plain = fitted(digits_net(), X_train, y_train)
    stronger = PGDAttack(eps=0.1, n_steps=40, n_restarts=3, bounds=(0, 1), random_state=1)
    before, after = (robust_accuracy(m, stronger, X_test, y_test) for m in (plain, defence))
    assert after > before + 0.3, (before, after)
    clean = np.mean(plain.predict(X_test) == y_test)
    assert clean > 0.9
    assert defence.score(X_test, y_test) > clean - 0.05
