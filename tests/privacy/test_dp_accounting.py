"""What is spent, against closed forms."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit

from sklearn_privfair.privacy._dp_accounting import epsilon_spent, noise_for

from ._dp_harness import Batches, make_net, seen, train


def gaussian_epsilon(mu, delta):
    """Balle and Wang 2018, theorem 8, for a shift of mu standard deviations."""

    def excess(epsilon):
        upper = stats.norm.cdf(mu / 2 - epsilon / mu)
        return upper - np.exp(epsilon + stats.norm.logcdf(-mu / 2 - epsilon / mu)) - delta

    return brentq(excess, 0, 200)


def sampled_epsilon(sigma, rate, delta):
    """One step: a mixture of two normals against one; the set where the density is higher."""

    def excess(epsilon):
        inner = np.log((np.exp(epsilon) - 1 + rate) / rate)
        upper = stats.norm.cdf(1 / (2 * sigma) - inner * sigma)
        return (
            rate * (upper - np.exp(inner) * stats.norm.cdf(-1 / (2 * sigma) - inner * sigma))
            - delta
        )

    return brentq(excess, 1e-9, 200)


@pytest.mark.parametrize(("sigma", "n_steps"), [(1.0, 1), (4.0, 30), (30.0, 10)])
def test_whole_batches_are_gaussian_mechanisms(sigma, n_steps):
    """Without sampling, steps add up to one step of less noise, of which all is known."""
    exact = gaussian_epsilon(np.sqrt(n_steps) / sigma, 1e-5)
    assert exact <= epsilon_spent(sigma, 1.0, n_steps, 1e-5, "prv") <= exact * 1.005 + 1e-3
    assert exact <= epsilon_spent(sigma, 1.0, n_steps, 1e-5, "rdp") <= exact * 1.2


@pytest.mark.parametrize(("sigma", "rate"), [(1.0, 0.1), (0.7, 0.5), (3.0, 0.01)])
def test_one_sampled_step(sigma, rate):
    exact = sampled_epsilon(sigma, rate, 1e-5)
    assert exact <= epsilon_spent(sigma, rate, 1, 1e-5, "prv") <= exact * 1.01 + 1e-3
    assert epsilon_spent(sigma, rate, 1, 1e-5, "rdp") >= exact


@pytest.mark.parametrize("accountant", ["prv", "rdp"])
@pytest.mark.parametrize("epsilon", [8.0, 150.0])
def test_noise_for_a_budget(epsilon, accountant):
    sigma = noise_for(epsilon, 0.2, 40, 1e-5, accountant)
    assert 0.99 * epsilon < epsilon_spent(sigma, 0.2, 40, 1e-5, accountant) <= epsilon
    if accountant == "prv":
        assert sigma <= noise_for(epsilon, 0.2, 40, 1e-5, "rdp") * 1.001


def test_no_noise_and_no_steps():
    assert epsilon_spent(0.0, 0.1, 10, 1e-5, "prv") == np.inf
    assert epsilon_spent(1.0, 0.1, 0, 1e-5, "prv") == 0
    with pytest.raises(ValueError, match="allow more"):
        noise_for(1e-9, 1.0, 10, 1e-12, "rdp")


def test_what_a_fit_spends():
    net = make_net(batch_size=-1, max_epochs=6)
    fitted = train(net, noise_multiplier=2.5, delta=1e-4, accountant="prv")
    exact = gaussian_epsilon(np.sqrt(6) / 2.5, 1e-4)
    assert exact <= fitted.epsilon_ <= exact * 1.005 + 1e-3
    assert (fitted.delta_, fitted.noise_multiplier_, fitted.n_steps_) == (1e-4, 2.5, 6)


def test_a_budget_is_kept():
    fitted = train(epsilon=3.0, noise_multiplier=None, accountant="prv")
    assert 2.97 < fitted.epsilon_ <= 3
    assert fitted.delta_ == 90**-1.1
    spent = epsilon_spent(fitted.noise_multiplier_, 20 / 90, 15, 90**-1.1, "prv")
    assert fitted.epsilon_ == spent
    assert train(epsilon=1.0, noise_multiplier=None).noise_multiplier_ > fitted.noise_multiplier_


def test_rows_held_out_are_not_counted():
    net = make_net(train_split=ValidSplit(3, stratified=True), callbacks=[Batches], max_epochs=1)
    fitted = train(net)
    assert fitted.sample_rate_ == 20 / 60
    assert fitted.delta_ == 60**-1.1
    assert len(np.unique(np.concatenate([x for x, _ in seen(fitted)]), axis=0)) <= 60
    assert "valid_acc" in fitted.estimator_.history[-1]


class Stops(Callback):
    """Stops the training, as a user may by the keyboard."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


def test_a_training_cut_short_has_spent_less():
    whole, cut = train(epsilon=3.0, noise_multiplier=None), train(
        make_net(callbacks=[Stops]), epsilon=3.0, noise_multiplier=None
    )  # fmt: skip
    assert cut.n_steps_ == 10
    assert cut.noise_multiplier_ == whole.noise_multiplier_
    assert cut.epsilon_ == epsilon_spent(cut.noise_multiplier_, 20 / 90, 10, cut.delta_, "rdp")
    assert cut.epsilon_ < 0.9 * whole.epsilon_


def test_large_delta():
    with pytest.warns(UserWarning, match=r"delta=0\.02 is above 1/n_rows=0\.011"):
        train(delta=0.02)
