"""Adversarial training: every batch is attacked with the weights of the moment.

Madry, Makelov, Schmidt, Tsipras & Vladu (2018), "Towards deep learning models resistant to
adversarial attacks".
"""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.attacks._bounds import check_bounds, resolve_bounds
from sklearn_privfair.attacks._training import perturb
from sklearn_privfair.defences._base import BaseDefence, own_attack
from sklearn_privfair.differentiable._skorch_training import LiveModule, changed_batches, is_net


class AdversarialTrainingClassifier(BaseDefence):
    """Madry's adversarial training of a skorch net.

    Each batch is replaced by adversarial rows made with the net's weights of the moment, so that
    training minimises the loss at the worst point within the attack's budget. All else is the
    net's own loop: its callbacks, schedulers, early stopping, history and splits go on working;
    its training loss is that on adversarial rows, its validation loss that on rows as they are.

    Parameters
    ----------
    estimator : skorch.NeuralNet
        The net to train. In a `FrozenEstimator` it is fitted, and `fine_tune` goes on from it.
        Give its module as a class, or as an instance that was not trained: skorch trains an
        instance in place, and clones it, as searches do, with its weights.
    attack : attack estimator
        One of :mod:`sklearn_privfair.attacks`; its own estimator, if any, is not used. With a
        budget `eps` all its steps are taken, whether or not a row is adversarial already; an
        attack without one (such as `CWL2Attack`) gives the nearest adversarial rows.
    clean_share : float, default=0.0
        In [0, 1). Share of each batch, drawn at random, that is left as it is.
    eps_warmup : int, default=0
        Epochs over which the attack's `eps` grows evenly from 0. Nets that do not learn at the
        full budget from the start often do with a few.
    fine_tune : bool, default=False
        Whether to go on from a plainly trained net (that of a `FrozenEstimator`, else one is
        trained first) instead of training from scratch.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, batches and attacks.

    Attributes
    ----------
    estimator_ : skorch.NeuralNet
        The trained net; its labels are numbers, in the order of `classes_`.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    AdversarialAugmentationClassifier : Cheaper, and weaker: attacks a plain net once.

    Notes
    -----
    The attack sees the net in eval mode: batch normalisation by its running statistics, no
    dropout. With ``bounds="auto"`` the bounds are those of the training data.

    References
    ----------
    A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, "Towards deep learning models resistant
    to adversarial attacks", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.attacks import PGDAttack
    >>> from sklearn_privfair.defences import AdversarialTrainingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> _ = torch.manual_seed(0)
    >>> net = NeuralNetClassifier(
    ...     nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    ...     criterion=nn.CrossEntropyLoss,
    ...     max_epochs=10,
    ...     lr=0.5,
    ...     iterator_train__shuffle=True,
    ...     verbose=0,
    ... )
    >>> attack = PGDAttack(eps=0.15, n_steps=5, bounds=(0, 1), random_state=0)
    >>> defended = AdversarialTrainingClassifier(net, attack, random_state=0).fit(X / 16, y)
    >>> net = net.fit((X / 16).astype("float32"), y)
    >>> attack.fit(defended).score(X / 16, y) < attack.fit(net).score(X / 16, y)
    True
    """

    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "clean_share": [Interval(Real, 0, 1, closed="left")],
        "eps_warmup": [Interval(Integral, 0, None, closed="left")],
        "fine_tune": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        attack,
        *,
        clean_share=0.0,
        eps_warmup=0,
        fine_tune=False,
        random_state=None,
    ):
        self.estimator = estimator
        self.attack = attack
        self.clean_share = clean_share
        self.eps_warmup = eps_warmup
        self.fine_tune = fine_tune
        self.random_state = random_state

    def _train(self, X, codes, seed, progress):
        if not is_net(self._bare):
            raise TypeError(
                f"estimator={self._bare!r} is no skorch net; adversarial training attacks the net "
                "in every step of its training. Use AdversarialAugmentationClassifier, which takes "
                "any classifier."
            )
        if self.eps_warmup and self.attack.eps is None:
            raise ValueError(
                f"eps_warmup={self.eps_warmup}, but {type(self.attack).__name__} has no eps; use "
                "eps_warmup=0."
            )
        if self.fine_tune:
            with self._stage(progress, "plain training"):
                net = self._plain_net(X, codes)
        else:
            net = self._fresh()
        change = _Adversary(self, net, X, seed)
        with self._stage(progress, "adversarial training"), changed_batches(net, change):
            return net.partial_fit(X, codes) if self.fine_tune else net.fit(X, codes)

    def _plain_net(self, X, codes):
        if not isinstance(self.estimator, FrozenEstimator):
            return self._fresh().fit(X, codes)
        check_is_fitted(self._bare)
        return copy.deepcopy(self._bare)


class _Adversary:
    """Changes the batches of one training: the rows of each into adversarial ones."""

    def __init__(self, defence, net, X, seed):
        self.net = net
        self.module = LiveModule(net)
        self.attack = own_attack(defence.attack, seed)
        self.eps, self.warmup = defence.attack.eps, defence.eps_warmup
        self.clean_share = defence.clean_share
        self.generator = torch.Generator().manual_seed(seed)
        self.target = _target_code(self.attack.target, defence.classes_)
        auto = isinstance(self.attack.bounds, str)
        bounds = check_bounds(resolve_bounds(self.attack.bounds, X if auto else None), X, False)
        self.bounds = None if bounds[0] is None else tuple(map(torch.as_tensor, bounds))
        self.first_epoch = None
        self.check_outputs = defence._check_outputs

    def __call__(self, x, y):
        label = y.long()
        module = self.module()
        if self.first_epoch is None:
            self.check_outputs(module(x[:1]).shape[1])
        self._warm_up()
        bounds = self.bounds and tuple(bound.to(x.device) for bound in self.bounds)
        target = self._targets(module, x, label)
        changed = perturb(self.attack, module, x, label, bounds, self.generator, target)
        leave = torch.zeros(len(x), dtype=torch.bool)
        n_clean = round(self.clean_share * len(x))
        leave[torch.randperm(len(x), generator=self.generator)[:n_clean]] = True
        leave = leave.to(x.device)
        if target is not None:
            leave |= target == label
        return torch.where(leave.reshape(-1, *[1] * (x.ndim - 1)), x, changed)

    def _warm_up(self):
        """Set the attack's budget for the epoch that runs."""
        epoch = len(self.net.history)
        self.first_epoch = epoch if self.first_epoch is None else self.first_epoch
        if self.warmup:
            part = min(1.0, (epoch - self.first_epoch + 1) / self.warmup)
            self.attack.set_params(eps=self.eps * part)

    def _targets(self, module, x, label):
        if self.target is None:
            return None
        if self.target == "least_likely":
            with torch.no_grad():
                return module(x).argmin(dim=1)
        return torch.full_like(label, self.target)


def _target_code(target, classes):
    if target is None or (isinstance(target, str) and target not in classes):
        if target in (None, "least_likely"):
            return target
    elif np.ndim(target) == 0 and target in classes:
        return int(np.flatnonzero(classes == target)[0])
    raise ValueError(
        f"attack.target={target!r}: in training it is None, 'least_likely' or one of the labels "
        f"{classes.tolist()}."
    )
