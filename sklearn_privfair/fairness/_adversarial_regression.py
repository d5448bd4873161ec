"""A fair regressor: a net trained against an adversary who guesses the sensitive features.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES:
section 3, continuous labels.
"""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin, _fit_context, is_regressor
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair._stored import StoredState
from sklearn_privfair.differentiable._seeds import generators_as_found
from sklearn_privfair.differentiable._skorch_training import net_inputs
from sklearn_privfair.fairness._base import BaseDebiasing
from sklearn_privfair.fairness._tasks import NumberTask


class AdversarialDebiasingRegressor(StoredState, RegressorMixin, BaseDebiasing):
    """Train a net to predict a number, and so that what is sensitive stays hidden.

    As :class:`AdversarialDebiasingClassifier`, whose docstring says more, for continuous y.

    Parameters
    ----------
    estimator : skorch regressor
        What is trained; its module gives one column.
    constraint : {"demographic_parity", "equalized_odds"}, default="demographic_parity"
        Whether predictions are to tell nothing of what is sensitive; or nothing beyond what the
        true y tells of it.
    sensitive_features : str, int, list of these or None, default=None
        Columns of `X` that are sensitive, by name or number. None: they are given to `fit`.
    drop_sensitive : bool, default=False
        Whether these columns are hidden from the net.
    continuous_features : "auto" or list of str and int, default="auto"
        Which sensitive features are numbers, by name or place among them; the others are groups.
        "auto": those that hold fractions.
    groups : {"joint", "separate"}, default="joint"
        Of several sensitive features: whether each combination is a group, or each feature has an
        adversary of its own. Numbers always have one each.
    method : {"adversary", "penalty"}, default="adversary"
        What the net is trained against. "penalty": the squared gap between the groups' mean
        predictions in the batch, or the squared covariance, and no adversary.
    tolerance : float or None, default=0.01
        In (0, 1). The gap that will do, on the training rows: the difference of the groups' mean
        predictions in standard deviations of y, or the absolute correlation with numbers; with
        equalized odds, of what is left of both after a line through y. None: `alpha` says how much
        the adversary counts.
    alpha : float or callable, default=1.0
        With `tolerance`: where to start. Without: how much the adversary counts, in units of the
        loss of a constant prediction, or a function of the epoch, from 0.
    warm_up : float, default=0.0
        In [0, 1]. Share of the training in which the adversary comes to count as much as `alpha`
        says, from 0, step by step: the net learns something before it is to hide something. Not
        with a function, nor in `partial_fit`.
    projection : bool, default=False
        Whether the part of the net's gradient that helps the adversary is taken out of it, as in
        the paper, over all weights as one vector.
    adversary : sequence of int or callable, default=()
        Units of the adversary's hidden layers; none: it is linear, and sees means and correlations
        only. Or what makes it, from ``(n_inputs, n_outputs)``.
    adversary_steps : int, default=5
        Steps of the adversary for each of the net; the paper has 1.
    adversary_optimizer : callable or None, default=None
        The adversary's optimizer, called as ``adversary_optimizer(weights, lr=adversary_lr)``.
        None: Adam with ``betas=(0.5, 0.9)``; with more memory it lags behind the net.
    adversary_lr : float or callable, default=0.02
        Its learning rate, or a function of the epoch.
    balance : bool, default=True
        Whether in the adversary's loss each group counts alike, however many rows it has.
    lr_decay : {"cosine"} or None, default="cosine"
        Whether the net's learning rate falls to 0 over the epochs; schedulers of its own are kept
        instead, if it has any.
    pretrain_epochs : int, default=0
        Epochs of the net alone, before its `max_epochs`.
    pretrain_adversary_epochs : int, default=0
        Epochs of the adversary alone, after these.
    early_stopping : bool, default=False
        Whether rows are held out, and the weights kept are those of the epoch that was best on
        them: within `tolerance` by the coefficient of determination, else by how far from it.
    validation_fraction : float, default=0.1
        In (0, 1). Share of the rows held out.
    n_iter_no_change : int or None, default=None
        Epochs without a better one after which training stops. None: it never does.
    random_state : int, RandomState instance or None, default=None
        Decides the net's weights, the batches, the adversary's weights and the rows held out.

    Attributes
    ----------
    estimator_ : skorch regressor
        The fitted net; it takes rows without hidden columns.
    adversaries_ : list of torch.nn.Module
        The adversaries, one for each feature or one for joint groups; none with "penalty".
    alpha_ : float
        How much the adversary counted in the end.
    history_ : dict of str to ndarray of shape (n_epochs,)
        As of the classifier; "valid_score" is the coefficient of determination.
    best_epoch_ : int
        With early stopping: the epoch, from 0, whose weights were kept.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where the data have names.

    See Also
    --------
    AdversarialDebiasingClassifier : The same for classes.
    sklearn_privfair.metrics.mean_prediction_difference : The gap between groups.
    sklearn_privfair.metrics.sensitive_correlation : That of numbers.

    References
    ----------
    B. H. Zhang, B. Lemoine, M. Mitchell, "Mitigating unwanted biases with adversarial learning",
    AIES 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skorch import NeuralNetRegressor
    >>> from torch import nn
    >>> from sklearn_privfair.fairness import AdversarialDebiasingRegressor
    >>> from sklearn_privfair.metrics import sensitive_correlation
    >>> rng = np.random.default_rng(0)
    >>> age = rng.normal(size=1000)
    >>> X = np.column_stack([age + rng.normal(size=1000), rng.normal(size=1000)])
    >>> y = X.sum(axis=1)
    >>> net = NeuralNetRegressor(
    ...     nn.Linear(2, 1),
    ...     lr=0.1,
    ...     max_epochs=20,
    ...     verbose=0,
    ...     train_split=None,
    ...     iterator_train__shuffle=True,
    ... )
    >>> fair = AdversarialDebiasingRegressor(net, random_state=0)
    >>> fair = fair.fit(X, y, sensitive_features=age)
    >>> plain = sensitive_correlation(y, y, sensitive_features=age)
    >>> sensitive_correlation(y, fair.predict(X), sensitive_features=age) < plain / 3
    True
    """

    _y_numeric = True

    _parameter_constraints: dict = BaseDebiasing._parameter_constraints | {
        "constraint": [StrOptions({"demographic_parity", "equalized_odds"})],
        "alpha": [Interval(Real, 0, None, closed="left"), callable],
    }

    def __init__(
        self,
        estimator,
        constraint="demographic_parity",
        *,
        sensitive_features=None,
        drop_sensitive=False,
        continuous_features="auto",
        groups="joint",
        method="adversary",
        tolerance=0.01,
        alpha=1.0,
        warm_up=0.0,
        projection=False,
        adversary=(),
        adversary_steps=5,
        adversary_optimizer=None,
        adversary_lr=0.02,
        balance=True,
        lr_decay="cosine",
        pretrain_epochs=0,
        pretrain_adversary_epochs=0,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.constraint = constraint
        self.sensitive_features = sensitive_features
        self.drop_sensitive = drop_sensitive
        self.continuous_features = continuous_features
        self.groups = groups
        self.method = method
        self.tolerance = tolerance
        self.alpha = alpha
        self.warm_up = warm_up
        self.projection = projection
        self.adversary = adversary
        self.adversary_steps = adversary_steps
        self.adversary_optimizer = adversary_optimizer
        self.adversary_lr = adversary_lr
        self.balance = balance
        self.lr_decay = lr_decay
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_adversary_epochs = pretrain_adversary_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, sensitive_features=None, sample_weight=None):
        """Train for one epoch on these rows, from where the last training ended.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Numbers. The first rows' mean and spread are the units of the adversary.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, k), default=None
            In place of columns of `X`. The first rows must have a row of each group.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As `fit`; if a group is new after the first call; with `early_stopping`.
        """
        return self._partial_fit(X, y, sensitive_features, sample_weight)

    def predict(self, X):
        """Predict numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        with generators_as_found(devices=False):  # skorch's data loaders draw a seed
            rows = net_inputs(self.estimator_, self._shown(X))
            return np.asarray(self.estimator_.predict(rows)).reshape(-1)

    def _check_net(self, net):
        if not is_regressor(net):
            raise TypeError(
                f"estimator is a {type(net).__name__}, which predicts no numbers; use "
                "skorch.NeuralNetRegressor."
            )

    def _labels(self, y, net, start, classes):
        return np.asarray(y, dtype=np.float64)

    def _net_rows(self, net, X, labels):
        X = net_inputs(net, X)
        return X, labels.astype(X.dtype)[:, None]

    def _make_task(self, labels, weight):
        return NumberTask(labels, self.constraint, weight)

    def _check_width(self, n_outputs):
        if n_outputs != 1:
            raise ValueError(
                f"The net's module gives an answer of {n_outputs} columns; give it one column, "
                "shape (n_samples, 1)."
            )
