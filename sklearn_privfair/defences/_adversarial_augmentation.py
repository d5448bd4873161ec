"""Training on data augmented with adversarial copies of itself.

Szegedy et al. (2014), "Intriguing properties of neural networks", section 4.3; the copies are made
against a plainly trained model and stay as they are, which is what Madry's training does better.
"""

import copy
from numbers import Real

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.defences._base import BaseDefence, own_attack
from sklearn_privfair.differentiable._skorch_training import is_net


class AdversarialAugmentationClassifier(BaseDefence):
    """Train plainly, attack the result, and train on the data and its adversarial copies.

    Parameters
    ----------
    estimator : classifier
        A skorch net, or any classifier that the attack can take. In a `FrozenEstimator` it is
        taken as the plainly trained model, and not trained a first time.
    attack : attack estimator
        Makes the copies; one of :mod:`sklearn_privfair.attacks`. Rows on which it fails, or that
        the plain model gets wrong, are copied as they are.
    share : float, default=1.0
        In (0, 1]. Share of the training rows, drawn at random, that get a copy.
    fine_tune : bool, default=False
        Whether the plainly trained net goes on training, by `partial_fit`, on the augmented data,
        instead of a new one being trained.
    random_state : int, RandomState instance or None, default=None
        Seed of all training and of the rows drawn.

    Attributes
    ----------
    estimator_ : object
        The classifier trained on the augmented data; its labels are numbers, in the order of
        `classes_`.
    plain_estimator_ : object
        The plainly trained classifier that was attacked. With `fine_tune` a copy of it.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    attack_success_ : float
        Share of the attacked training rows that became adversarial.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    AdversarialTrainingClassifier : Attacks the net anew in every batch.

    Notes
    -----
    A weak defence: the net that it gives has weaknesses of its own, which only an attack on that
    net shows. Copies near the decision boundary (those of `CWL2Attack`, or of `PGDAttack` with
    short equal steps) were measured to help a little; copies far beyond it make things worse, for
    the net learns their pattern, which tells the label, in place of the image: "label leaking",
    Kurakin, Goodfellow, Bengio, "Adversarial machine learning at scale", ICLR 2017.

    References
    ----------
    C. Szegedy, W. Zaremba, I. Sutskever, J. Bruna, D. Erhan, I. Goodfellow, R. Fergus, "Intriguing
    properties of neural networks", ICLR 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.attacks import PGDAttack
    >>> from sklearn_privfair.defences import AdversarialAugmentationClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = NeuralNetClassifier(
    ...     nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    ...     criterion=nn.CrossEntropyLoss,
    ...     max_epochs=5,
    ...     lr=0.5,
    ...     iterator_train__shuffle=True,
    ...     verbose=0,
    ... )
    >>> attack = PGDAttack(eps=0.1, n_steps=5, bounds=(0, 1), random_state=0)
    >>> defended = AdversarialAugmentationClassifier(net, attack, random_state=0).fit(X / 16, y)
    >>> before = attack.fit(defended.plain_estimator_).score(X / 16, y)
    >>> attack.fit(defended).score(X / 16, y) < before
    True
    """

    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "share": [Interval(Real, 0, 1, closed="right")],
        "fine_tune": ["boolean"],
    }

    def __init__(self, estimator, attack, *, share=1.0, fine_tune=False, random_state=None):
        self.estimator = estimator
        self.attack = attack
        self.share = share
        self.fine_tune = fine_tune
        self.random_state = random_state

    def _train(self, X, codes, seed, progress):
        frozen = isinstance(self.estimator, FrozenEstimator)
        if self.fine_tune and not is_net(self._bare):
            raise TypeError(
                f"fine_tune=True needs a skorch net, whose training can go on; estimator is "
                f"{self._bare!r}. Use fine_tune=False."
            )
        with self._stage(progress, "plain training"):
            if frozen:
                check_is_fitted(self._bare)
            plain = self._bare if frozen else self._fresh().fit(self._table(X), codes)
        with self._stage(progress, "attack"):
            chosen = self._draw(len(X), seed)
            # a model frozen by the user keeps its own labels
            labels = self.classes_[codes] if frozen and not is_net(plain) else codes
            attack = own_attack(self.attack, seed).set_params(estimator=FrozenEstimator(plain))
            found = attack.fit(self._table(X)).generate(self._table(X[chosen]), labels[chosen])
        self.plain_estimator_ = plain
        attacked = found.attacked.any()
        self.attack_success_ = float(found.success[found.attacked].mean()) if attacked else np.nan
        with self._stage(progress, "augmented training"):
            more = np.concatenate([X, np.asarray(found.X_adv)])
            more_codes = np.append(codes, codes[chosen])
            if self.fine_tune:
                return copy.deepcopy(plain).partial_fit(more, more_codes)
            return self._fresh().fit(self._table(more), more_codes)

    def _draw(self, n, seed):
        n_copies = max(1, round(self.share * n))
        if n_copies == n:
            return np.arange(n)
        return np.sort(check_random_state(seed).permutation(n)[:n_copies])
