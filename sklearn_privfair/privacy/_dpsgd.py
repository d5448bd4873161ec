"""Classifiers trained with differential privacy, by noisy gradients of clipped rows: DP-SGD.

Abadi et al. 2016, with the clipping of Li et al. 2022 and Bu et al. 2023 and the accounting of
Gopi et al. 2021.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_privfair.differentiable import Victim, as_module
from sklearn_privfair.differentiable._net_classifier import NetClassifierMixin
from sklearn_privfair.differentiable._skorch_training import (
    check_classifies,
    fresh_net,
    is_net,
    net_inputs,
    seeded,
)
from sklearn_privfair.privacy._dp_opacus import opacus
from sklearn_privfair.privacy._dp_training import DPTraining


class DPSGDClassifier(CallbackSupportMixin, MetaEstimatorMixin, NetClassifierMixin, BaseEstimator):
    """Train a net so that no single row shows in it: with differential privacy, by DP-SGD.

    The weights are (epsilon, delta)-differentially private: whether any one row was trained on
    changes the probability of any outcome by a factor of at most exp(epsilon), but for a chance of
    delta. In each step every row is drawn by a coin of its own; each drawn row's gradient is
    clipped to a norm, Gaussian noise is added to their sum, and the net's optimizer takes the
    result. It bounds every membership inference attack, known or not.

    Parameters
    ----------
    estimator : skorch classifier, or Pipeline that ends in one
        What is trained: its module, criterion, optimizer, `lr`, `max_epochs`, callbacks and device
        are honoured; its `batch_size` is that expected. Steps before it must need no fitting or be
        in a `FrozenEstimator`: what is fitted on private rows is not protected.
    epsilon : float or None, default=8.0
        The budget: the least noise is found that keeps to it. None: `noise_multiplier` is given,
        and what it spends is told in `epsilon_`.
    delta : float or None, default=None
        In (0, 1). The chance that the bound fails. It must be well below one row's share of the
        data, since a mechanism that gives away a random row has ``delta = 1/n_rows``; above that
        there is a warning. None: ``n_rows ** -1.1``, a common choice.
    max_grad_norm : float, default=1.0
        Norm to which the gradient of each row is clipped, over all weights.
    noise_multiplier : float or None, default=None
        Standard deviation of the noise on the sum, in units of `max_grad_norm`, in place of
        `epsilon`. 0 gives no privacy.
    accountant : {"prv", "rdp"}, default="prv"
        How steps add up: privacy loss, composed numerically, or Rényi divergences, some 10% above.
        An epsilon beyond 100, which promises nothing, is always that of "rdp".
    clipping : {"auto", "ghost", "per_sample"}, default="auto"
        How rows are clipped. "ghost": norms are told from what enters and leaves each layer, at
        about the cost of a plain step. "per_sample": the gradient of each row is computed, tens of
        times as slow, for any module. "auto": the first wherever a test on a few rows, against
        plain differentiation, says that it is exact; `clipping_` tells. Both give the same.
    physical_batch_size : int or None, default=None
        Rows that go through the net together; less takes less memory and gives the same. None:
        all of a batch by "ghost", by "per_sample" as many as have 4 million numbers in their
        gradients.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, coins and noise. Whoever knows it can take the noise off again: leave it
        None where the privacy is meant, and they come from fresh entropy.

    Attributes
    ----------
    estimator_ : skorch.NeuralNet or Pipeline
        The trained net, with nothing of the training left in it, behind the steps of its pipeline;
        its labels are numbers, in the order of `classes_`.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    epsilon_ : float
        What was spent; infinite without noise.
    delta_ : float
        At which delta.
    noise_multiplier_ : float
        The noise that was added.
    sample_rate_ : float
        Probability with which a row stood in a batch.
    n_steps_ : int
        Steps taken.
    clipping_ : {"ghost", "per_sample"}
        How rows were clipped.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    ConfidenceMaskingClassifier : Hides probabilities, which is no protection.

    Notes
    -----
    The guarantee is for one record added or removed, and for the weights alone: the number of
    records counts as public, and so do the labels that there are. Not protected are the losses and
    scores in the history of `estimator_`, rows that its `train_split` holds out (they are used for
    nothing but scores), the choice of parameters by looking at scores, and whatever was fitted on
    the rows before. Publish weights or predictions, not the pickled net. The random numbers are
    no cipher, and floating-point noise has gaps that an attacker may exploit (Mironov 2012).

    Refused, each with the reason, are layers that mix rows (batch normalisation: use
    `torch.nn.GroupNorm`) or keep something of them, optimizers that ask twice about one batch, and
    callbacks that act on losses or scores (early stopping). An epoch has as many steps as a plain
    one, ``ceil(n_rows / batch_size)``.

    What helps accuracy at a given epsilon: large batches, few epochs, small nets, features on one
    scale, a learning rate higher than usual, and weights from public data.

    References
    ----------
    M. Abadi, A. Chu, I. Goodfellow, H. B. McMahan, I. Mironov, K. Talwar, L. Zhang, "Deep learning
    with differential privacy", CCS 2016.

    X. Li, F. Tramèr, P. Liang, T. Hashimoto, "Large language models can be strong differentially
    private learners", ICLR 2022.

    Z. Bu, Y.-X. Wang, S. Zha, G. Karypis, "Differentially private optimization on large model at
    small cost", ICML 2023.

    S. Gopi, Y. T. Lee, L. Wutschitz, "Numerical composition of differential privacy", NeurIPS 2021.

    I. Mironov, "On significance of the least significant bits for differential privacy", CCS 2012.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.privacy import DPSGDClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = NeuralNetClassifier(
    ...     nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    ...     criterion=nn.CrossEntropyLoss,
    ...     max_epochs=15,
    ...     batch_size=256,
    ...     lr=2.0,
    ...     verbose=0,
    ... )
    >>> private = DPSGDClassifier(net, epsilon=8.0, random_state=0).fit(X / 16, y)
    >>> 7.9 < private.epsilon_ <= 8
    True
    >>> private.score(X / 16, y) > 0.7
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "epsilon": [Interval(Real, 0, None, closed="neither"), None],
        "delta": [Interval(Real, 0, 1, closed="neither"), None],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither")],
        "noise_multiplier": [Interval(Real, 0, None, closed="left"), None],
        "accountant": [StrOptions({"prv", "rdp"})],
        "clipping": [StrOptions({"auto", "ghost", "per_sample"})],
        "physical_batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        epsilon=8.0,
        delta=None,
        max_grad_norm=1.0,
        noise_multiplier=None,
        accountant="prv",
        clipping="auto",
        physical_batch_size=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.epsilon = epsilon
        self.delta = delta
        self.max_grad_norm = max_grad_norm
        self.noise_multiplier = noise_multiplier
        self.accountant = accountant
        self.clipping = clipping
        self.physical_batch_size = physical_batch_size
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows. The net gets them in its own precision.
        y : array-like of shape (n_samples,)
            Labels of any kind.

        Returns
        -------
        self : object

        Raises
        ------
        ImportError
            Without Opacus.
        TypeError
            If `estimator` is no skorch classifier, or a step before it would be fitted.
        ValueError
            If the net cannot be trained so, or no noise keeps to the budget.
        """
        opacus()
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise ValueError(
                f"epsilon={self.epsilon!r} and noise_multiplier={self.noise_multiplier!r}: give "
                "one of them and None for the other; either the budget says how much noise there "
                "is, or the noise how much is spent."
            )
        steps, net = _taken_apart(self.estimator)
        self._columns = X.columns if hasattr(X, "columns") and steps else None
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], allow_nd=True)
        check_classification_targets(y)
        codes = self._encode(y, net)
        # fresh entropy for coins and noise; what else is random may be guessed
        given = self.random_state is not None
        seed = int(check_random_state(self.random_state).randint(2**31 - 1)) if given else None
        first = int(np.random.SeedSequence(seed).generate_state(1)[0])
        progress = self._init_callback_context(max_subtasks=None)
        progress.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with seeded(first):
            self._train(steps, net, X, codes, seed)
        self._check_outputs(Victim(self.estimator_).n_outputs(self._table(X[:1])))
        progress.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _train(self, steps, net, X, codes, seed):
        fitted = fresh_net(net)
        steps = [(name, clone(step, safe=False)) for name, step in steps]
        X, codes = net_inputs(net, X, codes)
        rows = net_inputs(net, Pipeline(steps).transform(self._table(X))) if steps else X
        run = DPTraining(self, fitted, seed)
        with run.hooks():
            fitted.fit(rows, codes)
        self.estimator_ = Pipeline([*steps, ("net", fitted)]) if steps else fitted
        self.epsilon_, self.delta_ = run.epsilon(), run.delta
        self.noise_multiplier_, self.sample_rate_ = run.noise_multiplier, run.sample_rate
        self.n_steps_, self.clipping_ = run.n_steps, run.clipping


def _taken_apart(estimator):
    """Give the steps before a net, which need no fitting, and the net; or raise."""
    steps, prefix, last = [], "", estimator
    while isinstance(last, Pipeline):
        steps += [(f"{prefix}{name}", step) for name, step in last.steps[:-1]]
        prefix, last = f"{prefix}{last.steps[-1][0]}-", last.steps[-1][1]
    if not is_net(last):
        raise TypeError(
            f"estimator={estimator!r} is no skorch net, and ends in none; DP-SGD trains nets. Use "
            "skorch.NeuralNetClassifier."
        )
    check_classifies(last)
    for name, step in steps:
        ready = step in (None, "passthrough") or isinstance(step, FrozenEstimator)
        if not ready and get_tags(step).requires_fit:
            raise TypeError(
                f"Step {name!r} of the pipeline, {step!r}, would be fitted on private rows without "
                "protection. Give it fitted on public rows, as FrozenEstimator(step), or use one "
                "that needs no fitting, as FunctionTransformer."
            )
    return steps, last


@as_module.register(DPSGDClassifier)
def _(model):
    check_is_fitted(model)
    return as_module(model.estimator_)
