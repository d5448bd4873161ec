"""A fair classifier: a net trained against an adversary who guesses the sensitive features.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from sklearn_privfair.differentiable._net_classifier import NetClassifierMixin
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._skorch_training import (
    check_classifies,
    fresh_net,
    is_net,
    net_inputs,
    seeded,
)
from sklearn_privfair.fairness._alpha import DualAscent, Fixed
from sklearn_privfair.fairness._debiasing_run import DebiasingRun
from sklearn_privfair.fairness._sensitive import as_frame, targets


class AdversarialDebiasingClassifier(
    CallbackSupportMixin, MetaEstimatorMixin, NetClassifierMixin, BaseEstimator
):
    """Train a net to predict well what is wanted, and so that what is sensitive stays hidden.

    Beside the net an adversary learns to guess the sensitive features from its predictions, and
    the net learns to predict while making the adversary err. What the adversary sees decides what
    is made fair: predictions alone (demographic parity), those of one class (equal opportunity), or
    predictions and labels (equalized odds).

    Parameters
    ----------
    estimator : skorch classifier
        What is trained: module, criterion, optimizer, `lr`, `max_epochs`, `batch_size`, callbacks
        and device are honoured.
    constraint : {"demographic_parity", "equal_opportunity", "equalized_odds"}, \
default="demographic_parity"
        What is to be equal between groups: rates of predictions; rates of right predictions for
        the positive class; or for each class.
    sensitive_features : str, int, list of these or None, default=None
        Columns of `X` that are sensitive, by name or number. None: they are given to `fit`.
    drop_sensitive : bool, default=False
        Whether these columns are hidden from the net.
    tolerance : float or None, default=0.01
        In (0, 1). The gap between groups that will do, on the training rows; how much the
        adversary counts is raised after each epoch of a wider gap, and lowered after others. None:
        `alpha` says how much.
    alpha : float or callable, default=1.0
        With `tolerance`: where to start. Without: how much the adversary counts, or a function of
        the epoch, from 0.
    projection : bool, default=False
        Whether the part of the net's gradient that helps the adversary is taken out of it, as in
        the paper. It was measured to be unstable, with one adversary step above all.
    adversary_steps : int, default=5
        Steps of the adversary for each of the net; the paper has 1.
    adversary_hidden : sequence of int, default=()
        Units of the adversary's hidden layers; none: linear, as in the paper.
    adversary_lr : float, default=0.02
        Learning rate of the adversary's optimizer (Adam).
    balance : bool, default=True
        Whether in the adversary's loss each group counts alike (with equalized odds each group in
        each class), however many rows it has.
    lr_decay : {"cosine"} or None, default="cosine"
        Whether the net's learning rate falls to 0 over the epochs; schedulers of its own are kept
        instead, if it has any.
    groups : {"joint", "separate"}, default="joint"
        Of several sensitive features: whether each combination is a group, or each feature has an
        adversary of its own. Numbers (columns of fractions) always have one.
    pos_label : int, float, bool or str, default=None
        The positive class of equal opportunity. None: the last of `classes_`.
    random_state : int, RandomState instance or None, default=None
        Decides the net's weights, the batches and the adversary's weights.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    estimator_ : skorch classifier
        The fitted net.
    history_ : dict of str to ndarray of shape (n_epochs,)
        "predictor_loss", "adversary_loss", "gap" (on training rows) and "alpha".
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where the data have names.

    References
    ----------
    B. H. Zhang, B. Lemoine, M. Mitchell, "Mitigating unwanted biases with adversarial learning",
    AIES 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.fairness._adversarial_debiasing import AdversarialDebiasingClassifier
    >>> X, y = make_classification(2000, 5, n_redundant=0, random_state=0)
    >>> group = np.where(X[:, 0] + np.random.RandomState(0).randn(2000) > 0, "a", "b")
    >>> net = NeuralNetClassifier(
    ...     nn.Linear(5, 2), criterion=nn.CrossEntropyLoss, lr=0.1, max_epochs=20, verbose=0,
    ...     train_split=None, iterator_train__shuffle=True,
    ... )
    >>> fair = AdversarialDebiasingClassifier(net, tolerance=0.02, random_state=0)
    >>> fair = fair.fit(X, y, sensitive_features=group)
    >>> fair.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "constraint": [StrOptions({"demographic_parity", "equal_opportunity", "equalized_odds"})],
        "sensitive_features": [str, Integral, list, None],
        "drop_sensitive": ["boolean"],
        "tolerance": [Interval(Real, 0, 1, closed="neither"), None],
        "alpha": [Interval(Real, 0, None, closed="left"), callable],
        "projection": ["boolean"],
        "adversary_steps": [Interval(Integral, 1, None, closed="left")],
        "adversary_hidden": ["array-like"],
        "adversary_lr": [Interval(Real, 0, None, closed="neither")],
        "balance": ["boolean"],
        "lr_decay": [StrOptions({"cosine"}), None],
        "groups": [StrOptions({"joint", "separate"})],
        "pos_label": [Real, str, "boolean", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        constraint="demographic_parity",
        *,
        sensitive_features=None,
        drop_sensitive=False,
        tolerance=0.01,
        alpha=1.0,
        projection=False,
        adversary_steps=5,
        adversary_hidden=(),
        adversary_lr=0.02,
        balance=True,
        lr_decay="cosine",
        groups="joint",
        pos_label=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.constraint = constraint
        self.sensitive_features = sensitive_features
        self.drop_sensitive = drop_sensitive
        self.tolerance = tolerance
        self.alpha = alpha
        self.projection = projection
        self.adversary_steps = adversary_steps
        self.adversary_hidden = adversary_hidden
        self.adversary_lr = adversary_lr
        self.balance = balance
        self.lr_decay = lr_decay
        self.groups = groups
        self.pos_label = pos_label
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sensitive_features=None, sample_weight=None):
        """Train the net against the adversary.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows. The net gets them in its own precision.
        y : array-like of shape (n_samples,)
            Labels of any kind.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, k), default=None
            In place of columns of `X`: names of groups, or numbers. Rows belong together by their
            place. Through pipelines and searches it comes by metadata routing, see
            `set_fit_request`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for net, adversary and gap.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If there are no sensitive features, or one group alone.
        """
        net = self.estimator
        net = net.estimator if isinstance(net, FrozenEstimator) else net
        if not is_net(net):
            raise TypeError(
                f"estimator={net!r} is no skorch net, and what is trained here against an "
                "adversary is a net; give a skorch classifier."
            )
        check_classifies(net)
        self._columns = None
        frame = self._sensitive(X, sensitive_features)
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], allow_nd=True)
        check_classification_targets(y)
        codes = self._encode(y, net)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        self._positive = self._positive_code()
        found = targets(frame, self.groups)
        seed = draw_seed(self.random_state)
        rows, labels = net_inputs(net, self._shown(X), codes)
        alpha = (
            Fixed(self.alpha) if self.tolerance is None else DualAscent(self.tolerance, self.alpha)
        )
        with seeded(seed):
            net = fresh_net(net)
            run = DebiasingRun(self, net, rows, labels, found, alpha, weight, seed)
            with run.hooks():
                net.fit(rows, labels)
        self.estimator_ = net
        self.history_ = {name: np.array(values) for name, values in run.history.items()}
        return self

    def _sensitive(self, X, given):
        """Give the sensitive features as a frame: given, or of columns of X."""
        named = self.sensitive_features
        if (given is None) == (named is None):
            which = "neither of them is" if given is None else "both are"
            raise ValueError(
                "sensitive_features come by fit(X, y, sensitive_features=...), or are columns of "
                f"X named by sensitive_features=... in the constructor; {which} given. No fair "
                "classifier is trained without them."
            )
        if given is not None:
            if self.drop_sensitive:
                raise ValueError(
                    "drop_sensitive=True hides columns of X, and sensitive_features were given "
                    "beside X; name the columns in the constructor, or use drop_sensitive=False."
                )
            self._hidden = None
            return as_frame(given, len(X))
        names = named if isinstance(named, list) else [named]
        columns = list(getattr(X, "columns", range(np.shape(X)[1])))
        missing = [name for name in names if name not in columns]
        if missing:
            raise ValueError(
                f"sensitive_features={named!r}: X has no column {missing[0]!r}; it has "
                f"{columns[:10]}."
            )
        places = [columns.index(name) for name in names]
        self._hidden = places if self.drop_sensitive else None
        part = X[names] if hasattr(X, "columns") else np.asarray(X)[:, places]
        return as_frame(part, len(X))

    def _shown(self, X):
        """Give the rows without the columns that are hidden."""
        return X if self._hidden is None else np.delete(X, self._hidden, axis=1)

    def _positive_code(self):
        if self.pos_label is None:
            return len(self.classes_) - 1
        places = np.flatnonzero(self.classes_ == self.pos_label)
        if len(places) == 0:
            raise ValueError(
                f"pos_label={self.pos_label!r} is not one of the labels, {self.classes_.tolist()}."
            )
        return int(places[0])
