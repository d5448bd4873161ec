"""Single steps and free replays against plain loops; the watch on single steps."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.nn import functional

from sklearn_privfair.attacks import Constraints, CWL2Attack, FGSMAttack, PGDAttack
from sklearn_privfair.attacks._training import Surroundings, ascend
from sklearn_privfair.defences import (
    AdversarialTrainingClassifier,
    CatastrophicOverfittingWarning,
    FastAdversarialTrainingClassifier,
    FreeAdversarialTrainingClassifier,
)
from sklearn_privfair.defences._overfitting_watch import OverfittingWatch
from sklearn_privfair.differentiable import as_module

from ._harness import (
    Witness,
    data,
    digits,
    digits_net,
    make_attack,
    make_net,
    seeded_module,
    weights,
)

X, Y = data()
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")


@pytest.fixture
def double():
    """In float64 no sign of a gradient hangs on rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class TestSingleSteps:
    def seen(self, **params):
        net = make_net(cls=Witness, lr=0.0, max_epochs=2)
        defence = FastAdversarialTrainingClassifier(net, make_attack(), random_state=0, **params)
        batches = defence.fit(X, Y).estimator_.seen_
        clean = np.concatenate([X, X])
        moved = np.concatenate([x.numpy() for x, _ in batches])
        return moved, clean, as_module(defence)

    def test_without_noise_it_is_fgsm(self):
        moved, clean, module = self.seen(noise=0.0)
        attack = FGSMAttack(eps=0.1, bounds=(0, 1))
        x = torch.as_tensor(clean).requires_grad_()
        loss = functional.cross_entropy(module(x), torch.as_tensor(np.tile(Y, 2)), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
        expected = np.clip(clean + 0.1 * gradient.sign().numpy(), 0, 1)
        np.testing.assert_allclose(moved, expected, atol=1e-6)
        assert attack.eps == 0.1

    def test_noise_goes_beyond_the_ball_and_is_not_cut(self):
        moved, clean, _ = self.seen(noise=2.0)
        inside = (moved > 0) & (moved < 1)
        size = np.abs(moved - clean)[inside]
        assert 0.25 < size.max() <= 0.3 + 1e-6  # twice eps of noise and a step of eps
        # uniform noise of 2 eps, and a step of one eps either way: a third is beyond 1.5 eps
        assert np.mean(size > 0.1) > 0.4
        assert moved.min() >= 0
        assert moved.max() <= 1

    def test_projected_it_stays_within(self):
        moved, clean, _ = self.seen(noise=1.0, step_size=1.25, project=True)
        size = np.abs(moved - clean).max(axis=1)
        assert size.max() <= 0.1 + 1e-6
        assert np.mean(size > 0.099) > 0.5

    def test_the_gradient_is_that_at_the_noisy_row(self):
        """With one feature deciding, the step goes against the side that the noise led to."""
        first, clean, _ = self.seen(noise=1.0)
        again, _, _ = self.seen(noise=1.0)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first[:90], first[90:])  # fresh noise in each epoch
        assert (first != clean).any(axis=1).all()

    def test_it_makes_robust(self):
        rows, test, y, y_test = digits()
        attack = PGDAttack(eps=0.1, n_steps=10, bounds=(0, 1), random_state=0)
        fast = FastAdversarialTrainingClassifier(digits_net(), attack, random_state=0).fit(rows, y)
        plain = digits_net().fit(rows, y)
        assert not fast.overfitted_
        assert attack.fit(fast).score(test, y_test) < attack.fit(plain).score(test, y_test) - 0.2
        assert fast.score(test, y_test) > 0.9
        assert len(fast.history_["watched_robust_accuracy"]) == 25

    def test_eps_warmup(self):
        net = make_net(cls=Witness, lr=0.0, max_epochs=4)
        defence = FastAdversarialTrainingClassifier(
            net, make_attack(), noise=0.0, eps_warmup=4, random_state=0
        ).fit(X, Y)
        moved = np.concatenate([x.numpy() for x, _ in defence.estimator_.seen_]).reshape(4, -1, 4)
        np.testing.assert_allclose(
            np.abs(moved - X).max(axis=(1, 2)), [0.025, 0.05, 0.075, 0.1], atol=1e-6
        )

    def test_aligned_gradients(self):
        """The term makes gradients at rows and near them point the same way."""
        cosines = []
        for weight in (0.0, 2.0):
            net = make_net(module__n_hidden=32, max_epochs=40, lr=0.3)
            attack = make_attack(eps=0.3, step_size=0.1)
            defence = FastAdversarialTrainingClassifier(
                net, attack, noise=0.0, grad_align=weight, on_overfitting="warn", random_state=0
            )
            with np.errstate(all="ignore"):
                module = as_module(defence.fit(X, Y))
            noise = np.random.default_rng(0).uniform(-0.3, 0.3, X.shape).astype(np.float32)
            gradients = []
            for rows in (X, np.clip(X + noise, 0, 1)):
                x = torch.as_tensor(rows).requires_grad_()
                loss = functional.cross_entropy(module(x), torch.as_tensor(Y), reduction="sum")
                gradients.append(torch.autograd.grad(loss, x)[0])
            cosines.append(functional.cosine_similarity(*gradients).mean().item())
        assert 1 - cosines[1] < 0.8 * (1 - cosines[0])


class TestMisalignment:
    def value(self, module, rows, labels, scale=(1.0,) * 4):
        """The term at the first batch of a training that goes nowhere."""
        values, own = [], FastAdversarialTrainingClassifier._misalignment

        class Listening(FastAdversarialTrainingClassifier):
            def _misalignment(self, *args):
                value = own(self, *args)
                values.append(value.item())
                return value

        attack = make_attack(eps=0.2, bounds=None, constraints=Constraints(scale=scale))
        net = make_net(copy.deepcopy(module), lr=1e-9, max_epochs=1)
        defence = Listening(net, attack, grad_align=0.2, random_state=0).fit(rows, labels)
        assert np.isfinite(weights(defence.estimator_)).all()
        return values[0]

    @pytest.mark.parametrize("scale", [1, 30, 100, 1000])
    def test_a_plane_is_aligned_however_sure_the_net_is(self, scale):
        """Gradients of two classes' planes are parallel, or too small to be told from zero."""
        module = torch.nn.Linear(4, 2)
        with torch.no_grad():
            module.weight.copy_(torch.tensor([[1.0, -2, 0.5, 3], [0] * 4]) * scale)
        assert self.value(module, X, Y % 2) == pytest.approx(0, abs=1e-5)

    def test_is_measured_in_the_attacks_units(self):
        unit = np.array([1, 100, 0.01, 1], dtype=np.float32)
        plain = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))
        with torch.no_grad():
            plain[0].weight.mul_(4)  # curved within eps, so that there is something to measure
        behind = copy.deepcopy(plain)
        with torch.no_grad():
            behind[0].weight.div_(torch.as_tensor(unit))
        expected = self.value(plain, X, Y)
        assert expected > 1e-2
        assert self.value(behind, X * unit, Y, unit) == pytest.approx(expected, rel=1e-3)


class TestWatch:
    class Replay:
        """An attack that reports the robust accuracies given, one after the other."""

        def __init__(self, robust):
            self.robust = iter(robust)

        def set_params(self, **params):
            return self

        fit = __call__ = lambda self, *args: self

        def generate(self, X, y):
            success = np.arange(len(X)) >= round(next(self.robust) * len(X))
            return type("Result", (), {"success": success, "y_pred": y})

    def watch(self, robust, single, on="stop"):
        X = np.zeros((100, 2))
        watch = OverfittingWatch(self.Replay(robust), X, X, np.zeros(100, int), on)
        module = torch.nn.Linear(1, 1)
        for epoch, value in enumerate(single):
            with torch.no_grad():
                module.weight.fill_(epoch)
            watch.judge(module, module, value)
        return watch

    def test_a_leap_is_found_and_the_best_epoch_kept(self):
        with pytest.warns(CatastrophicOverfittingWarning, match=r"epoch 4: .* 5.0% .* 60.0%"):
            watch = self.watch([0.5, 0.6, 0.55, 0.05], [0.6, 0.7, 0.7, 0.9])
        assert watch.overfitted
        assert watch.stops
        assert watch.best_epoch == 1
        assert watch.best_state["weight"].item() == 1
        with pytest.warns(CatastrophicOverfittingWarning):
            assert not self.watch([0.6, 0.0], [0.7, 0.9], "warn").stops

    @pytest.mark.parametrize(
        ("robust", "single"),
        [
            ([0.5, 0.4, 0.3], [0.6, 0.65, 0.7]),  # that is common overfitting
            ([0.5, 0.1, 0.1], [0.6, 0.15, 0.15]),  # the net forgot all
            ([0.0, 0.0, 0.2], [0.1, 0.2, 0.3]),
        ],
    )
    def test_what_is_no_leap(self, robust, single):
        assert not self.watch(robust, single).overfitted

    def test_nets_that_overfit_are_caught(self):
        """FGSM at a large budget is known to; what is left is the best epoch."""
        rows, _, y, _ = digits()
        attack = PGDAttack(eps=0.25, n_steps=20, bounds=(0, 1), random_state=0)
        net = digits_net().set_params(max_epochs=60, module__n_hidden=300)
        defence = FastAdversarialTrainingClassifier(net, attack, noise=0.0, random_state=0)
        with pytest.warns(CatastrophicOverfittingWarning):
            defence.fit(rows, y)
        watched = defence.history_["watched_robust_accuracy"]
        assert defence.overfitted_
        assert len(watched) < 60
        assert watched[-1] < 0.5 * watched.max()
        assert defence.best_epoch_ == watched.argmax()
        found = attack.fit(defence).generate(rows[:200], y[:200])
        robust = np.mean((found.y_pred == y[:200]) & ~found.success)
        assert robust > watched[-1] + 0.03


class TestFree:
    def test_is_the_plain_loop(self, double):
        rows, labels = data(dtype=np.float64)
        module = seeded_module()
        net = make_net(copy.deepcopy(module), max_epochs=3, lr=0.3)
        defence = FreeAdversarialTrainingClassifier(net, make_attack(), n_replays=3).fit(
            rows, labels
        )
        optimizer = torch.optim.SGD(module.parameters(), lr=0.3)
        x_all, y_all = torch.as_tensor(rows), torch.as_tensor(labels)
        delta = torch.zeros(20, 4)
        for _ in range(3):
            for begin in range(0, 90, 20):
                x, y = x_all[begin : begin + 20], y_all[begin : begin + 20]
                for _ in range(3):
                    x_adv = (x + delta[: len(x)]).clamp(0, 1).requires_grad_()
                    optimizer.zero_grad()
                    functional.cross_entropy(module(x_adv), y).backward()
                    optimizer.step()
                    step = (x_adv + 0.1 * x_adv.grad.sign()).detach() - x
                    delta[: len(x)] = (x + step.clamp(-0.1, 0.1)).clamp(0, 1) - x
        np.testing.assert_allclose(weights(defence.estimator_), weights(module), atol=1e-9)

    def test_it_makes_robust(self):
        rows, test, y, y_test = digits()
        attack = PGDAttack(eps=0.1, n_steps=10, bounds=(0, 1), random_state=0)
        net = digits_net().set_params(max_epochs=8)
        free = FreeAdversarialTrainingClassifier(net, attack, random_state=0).fit(rows, y)
        plain = digits_net().fit(rows, y)
        assert attack.fit(free).score(test, y_test) < attack.fit(plain).score(test, y_test) - 0.2
        assert free.score(test, y_test) > 0.9

    @pytest.mark.parametrize("norm", [1, 2, np.inf])
    def test_a_step_up_is_of_the_norm_and_within(self, norm):
        module, x = as_module(seeded_module()), torch.as_tensor(X)
        gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        attack = PGDAttack(norm=norm, eps=0.1, bounds=(0, 1))
        moved = ascend(module, x, x, gradient, Surroundings(attack, X, None), norm, 0.1)
        length = np.linalg.norm((moved - x).double().numpy(), ord=norm, axis=1)
        assert length.max() <= 0.1 + 1e-6
        assert np.median(length) == pytest.approx(0.1, rel=1e-3)
        assert ((moved - x) * gradient).sum(1).min() > 0
        assert moved.min() >= 0


@pytest.mark.parametrize(("watch_rows", "n"), [(1, 1), (7, 7), (0.5, 45), (500, 90)])
def test_rows_watched_are_a_number_or_a_share(watch_rows, n):
    seen = []

    class Counting(PGDAttack):
        def generate(self, X, y=None):
            seen.append(len(X))
            return super().generate(X, y)

    attack = Counting(eps=0.1, n_steps=2, bounds=(0, 1), random_state=0)
    net = make_net(max_epochs=1)
    FastAdversarialTrainingClassifier(net, attack, watch_rows=watch_rows).fit(X, Y)
    assert seen == [n]


@pytest.mark.parametrize("watch_rows", [0, 1.0, 2.5, -0.1])
def test_rows_watched_are_checked(watch_rows):
    with pytest.raises(ValueError, match="'watch_rows' parameter"):
        FastAdversarialTrainingClassifier(make_net(), make_attack(), watch_rows=watch_rows).fit(
            X, Y
        )


def test_the_watch_judges_what_is_trained_and_not_its_average():
    """Averages lag behind: of weights that leap, theirs would show the leap too late."""
    judged = []

    class Judging(FastAdversarialTrainingClassifier):
        def _watch(self, run, *args):
            watch = super()._watch(run, *args)
            own = watch.judge
            watch.judge = lambda module, *more: (
                judged.append((weights(run.net), weights(module))),
                own(module, *more),
            )
            return watch

    Judging(make_net(), make_attack(), averaging="ema", random_state=0).fit(X, Y)
    assert len(judged) == 3
    for live, seen in judged:
        np.testing.assert_array_equal(seen, live)


@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (FastAdversarialTrainingClassifier, {"grad_align": 0.2}),
        (FreeAdversarialTrainingClassifier, {}),
    ],
)
def test_a_training_step_of_the_nets_own_is_not_lost(cls, params):
    with pytest.raises(ValueError, match="Witness has one of its own; use Adversarial"):
        cls(make_net(cls=Witness), make_attack(), **params).fit(X, Y)


def test_free_training_has_no_target():
    with pytest.raises(ValueError, match=r"attack.target=1, .* use target=None"):
        FreeAdversarialTrainingClassifier(make_net(), make_attack(target=1)).fit(X, Y)


@pytest.mark.parametrize(
    "cls", [FastAdversarialTrainingClassifier, FreeAdversarialTrainingClassifier]
)
def test_a_budget_is_needed(cls):
    with pytest.raises(ValueError, match=f"{cls.__name__} needs a budget"):
        cls(make_net(), CWL2Attack()).fit(X, Y)
    assert cls(make_net(), make_attack(), averaging="ema").fit(X, Y).score(X, Y) > 0.2
    whole = clone(AdversarialTrainingClassifier(make_net(), make_attack()))
    assert whole.get_params()["loss"] == "madry"
