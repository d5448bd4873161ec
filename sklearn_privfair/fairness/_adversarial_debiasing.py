"""A fair classifier: a net trained against an adversary who guesses the sensitive features.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES.
"""

from numbers import Real

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._net_answers import log_proba
from sklearn_privfair.differentiable._net_classifier import NetClassifierMixin
from sklearn_privfair.differentiable._seeds import generators_as_found
from sklearn_privfair.differentiable._skorch_training import check_classifies, net_inputs
from sklearn_privfair.fairness._base import BaseDebiasing
from sklearn_privfair.fairness._tasks import ClassTask, in_batches


class AdversarialDebiasingClassifier(NetClassifierMixin, BaseDebiasing):
    """Train a net to predict well what is wanted, and so that what is sensitive stays hidden.

    Beside the net an adversary learns to guess the sensitive features from its predictions, and
    the net learns to predict while making the adversary err. What the adversary sees decides what
    is made fair: predictions alone (demographic parity), those of one class (equal opportunity), or
    predictions and labels (equalized odds).

    Parameters
    ----------
    estimator : skorch classifier
        What is trained: module, criterion, optimizer, `lr`, `max_epochs`, `batch_size`, callbacks
        and device are honoured, and so is `train_split`, which by skorch's default keeps a fifth
        of the rows from training.
    constraint : {"demographic_parity", "equal_opportunity", "equalized_odds"}, \
default="demographic_parity"
        What is to be equal between groups: rates of predictions; rates of right predictions for
        the positive class; or rates of predictions for each true class.
    sensitive_features : str, int, list of these or None, default=None
        Columns of `X` that are sensitive, by name or number. None: they are given to `fit`.
    drop_sensitive : bool, default=False
        Whether these columns are hidden from the net. Hidden, they may hold anything, and a data
        frame to be predicted may lack them.
    continuous_features : "auto" or list of str and int, default="auto"
        Which sensitive features are numbers, by name or place among them; the others are groups.
        "auto": those that hold fractions. Ages in full years are groups unless named here.
    groups : {"joint", "separate"}, default="joint"
        Of several sensitive features: whether each combination is a group, or each feature has an
        adversary of its own. Numbers always have one each.
    pos_label : int, float, bool or str, default=None
        The positive class of equal opportunity. None: the last of two classes; of more it must be
        given.
    method : {"adversary", "penalty"}, default="adversary"
        What the net is trained against. "penalty": in place of an adversary the squared gap between
        the groups' mean probabilities in the batch, which needs large batches.
    tolerance : float or None, default=0.01
        In (0, 1). The gap between groups that will do, in what is predicted for the training rows.
        While it is wider, the adversary counts more after each epoch, and Lagrange multipliers rise
        after each batch, which push the groups' rates together. None: the adversary is alone, and
        `alpha` says how much it counts.
    alpha : float, callable or None, default=None
        How much the adversary counts: with a `tolerance` at least, else all along. Without
        tolerance it may be a function of the epoch, from 0. None: 1, and 5 for the penalty.
    warm_up : float, default=0.25
        In [0, 1]. Share of the training in which the adversary comes to count as much as `alpha`
        says, from 0, step by step: the net learns something before it is to hide something. Not
        with a function, nor in `partial_fit`.
    projection : bool, default=False
        Whether the part of the net's gradient that helps the adversary is taken out of it, as in
        the paper, over all weights as one vector.
    adversary : sequence of int or callable, default=()
        Units of the adversary's hidden layers; none: it is linear, as in the paper. Or what makes
        it, as a module's class does, from ``(n_inputs, n_outputs)``.
    adversary_steps : int, default=5
        Steps of the adversary for each of the net; the paper has 1.
    adversary_optimizer : callable or None, default=None
        The adversary's optimizer, called as ``adversary_optimizer(weights, lr=adversary_lr)``.
        None: Adam with ``betas=(0.5, 0.9)``; with more memory it lags behind the net.
    adversary_lr : float or callable, default=0.1
        Its learning rate, or a function of the epoch.
    balance : bool, default=True
        Whether in the adversary's loss each group counts alike (with equalized odds each group in
        each class), however many rows it has.
    lr_decay : {"cosine"} or None, default="cosine"
        Whether the net's learning rate falls to 0 over the epochs; schedulers of its own are kept
        instead, if it has any.
    pretrain_epochs : int, default=0
        Epochs of the net alone, before its `max_epochs`.
    pretrain_adversary_epochs : int, default=0
        Epochs of the adversary alone, after these.
    early_stopping : bool, default=False
        Whether rows are held out, and the weights kept are those of the epoch that was best on
        them: within `tolerance` by accuracy, else by how far from it; without `tolerance` by
        accuracy less gap.
    validation_fraction : float, default=0.1
        In (0, 1). Share of the rows held out, of each class alike.
    n_iter_no_change : int or None, default=None
        Epochs without a better one after which training stops. None: it never does, and the best
        epoch is kept.
    random_state : int, RandomState instance or None, default=None
        Decides the net's weights, the batches, the adversary's weights and the rows held out. A
        module that is given as an instance, not as a class, keeps the weights that it has.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    estimator_ : skorch classifier
        The fitted net; it takes rows without hidden columns, and gives codes of classes.
    adversaries_ : list of torch.nn.Module
        The adversaries, one for each feature or one for joint groups; none with "penalty".
    alpha_ : float
        How much the adversary counted in the end.
    history_ : dict of str to ndarray of shape (n_epochs,)
        "predictor_loss", "adversary_loss" ("penalty" in its place), "gap" (on training rows, of
        predicted labels) and "alpha" (of which a warm-up takes a share); with a `tolerance`
        "multiplier", the largest; with early stopping "valid_score", the accuracy, and "valid_gap".
        In pretraining there is no adversary's loss, NaN.
    best_epoch_ : int
        With early stopping: the epoch, from 0, whose weights were kept.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where the data have names.

    See Also
    --------
    AdversarialDebiasingRegressor : The same for numbers.
    sklearn_privfair.metrics.make_fairness_scorer : Scorers that get the sensitive features, too.
    sklearn_privfair.inspection.DebiasingHistoryDisplay : Draws `history_`.

    Notes
    -----
    The paper's recipe is ``projection=True, adversary_steps=1, balance=False, tolerance=None,
    lr_decay=None, warm_up=0.0, adversary_optimizer=torch.optim.Adam``, with an `alpha` that has to
    be found for each data set. It was measured to be unstable: between seeds the gap varies by more
    than what is won, and some collapse. The default is not the paper's: no projection; several
    large steps of the adversary for each of the net, and little memory of earlier ones, so that the
    net faces one that is nearly optimal; a loss in which a small group counts as a large one; an
    adversary who comes up slowly; and a learning rate that ends at 0, without which the last epoch
    is one of a cycle. It was measured on Adult (32,561 rows, and 10,000 of them) and on COMPAS
    (3,694), ten seeds or splits each, without a collapse.

    The adversary sees ``s = sigmoid((1 + |c|) * logit)`` with a learnt `c`, as in the paper, and of
    more than two classes the softmax of as many. With equalized odds it sees `s`, `s` times each
    label, and beyond the paper the label itself.

    An adversary makes scores alike, and what is decided by them can still differ: however much it
    counts, equalized odds on Adult stay .03 apart. The multipliers rise by the gaps of decisions,
    while the net follows the gaps of scores twice as sharp (Cotter et al. 2019); the adversary
    damps their swings, and alone, with ``alpha=0``, they do swing.

    The gap of `tolerance` is that of predicted labels on the training rows. On new rows it is as
    wide but for chance, whose size depends on how many rows a group has.

    References
    ----------
    B. H. Zhang, B. Lemoine, M. Mitchell, "Mitigating unwanted biases with adversarial learning",
    AIES 2018.

    A. Cotter, H. Jiang, K. Sridharan, "Two-player games for efficient non-convex constrained
    optimization", ALT 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.fairness import AdversarialDebiasingClassifier
    >>> from sklearn_privfair.metrics import demographic_parity_difference
    >>> X, y = make_classification(2000, 5, n_redundant=0, random_state=0)
    >>> group = np.where(X[:, 0] + np.random.RandomState(0).randn(2000) > 0, "a", "b")
    >>> net = NeuralNetClassifier(
    ...     nn.Linear(5, 2),
    ...     criterion=nn.CrossEntropyLoss,
    ...     lr=0.1,
    ...     max_epochs=20,
    ...     verbose=0,
    ...     train_split=None,
    ...     iterator_train__shuffle=True,
    ... )
    >>> fair = AdversarialDebiasingClassifier(net, tolerance=0.02, random_state=0)
    >>> fair = fair.fit(X, y, sensitive_features=group)
    >>> demographic_parity_difference(y, fair.predict(X), sensitive_features=group) < 0.04
    True
    """

    _parameter_constraints: dict = BaseDebiasing._parameter_constraints | {
        "constraint": [StrOptions({"demographic_parity", "equal_opportunity", "equalized_odds"})],
        "pos_label": [Real, str, "boolean", None],
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
        pos_label=None,
        method="adversary",
        tolerance=0.01,
        alpha=None,
        warm_up=0.25,
        projection=False,
        adversary=(),
        adversary_steps=5,
        adversary_optimizer=None,
        adversary_lr=0.1,
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
        self.pos_label = pos_label
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
    def partial_fit(self, X, y, classes=None, sensitive_features=None, sample_weight=None):
        """Train for one epoch on these rows, from where the last training ended.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels; needed in the first call, unless `y` holds them all.
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
            As `fit`; if a label or group is new after the first call; with `early_stopping`.
        """
        return self._partial_fit(X, y, sensitive_features, sample_weight, classes)

    def decision_function(self, X):
        """Score how sure each prediction is.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes the log-odds of the second, 0 where `predict` turns; of more the
            logarithms of their probabilities.
        """
        net = self._fitted_net()
        threshold = getattr(net, "threshold", 0.5)  # of skorch's binary classifiers
        turn = float(np.log(threshold / (1 - threshold))) if 0 < threshold < 1 else 0.0

        def read(answer):
            log_p = log_proba(net, answer)
            return log_p[:, 1] - log_p[:, 0] - turn if log_p.shape[1] == 2 else log_p

        with generators_as_found(devices=False):
            return in_batches(net, net_inputs(net, self._shown(X)), read)

    def _fitted_net(self):
        check_is_fitted(self)
        return self.estimator_

    def _ask(self, method, X):
        net = self._fitted_net()
        with generators_as_found(devices=False):  # skorch's data loaders draw a seed
            return np.asarray(getattr(net, method)(net_inputs(net, self._shown(X))))

    def _check_net(self, net):
        check_classifies(net)

    def _labels(self, y, net, start, classes):
        check_classification_targets(y)
        named = getattr(net, "classes", None)
        if start and (classes is None or (named is not None and len(named) > 0)):
            return self._encode(y, net)
        if start:
            self.classes_ = np.unique(classes)
        places = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if not (self.classes_[places] == y).all():
            new = y[self.classes_[places] != y].tolist()[0]
            raise ValueError(
                f"y holds {new!r}, which is none of the classes, {self.classes_.tolist()}; name "
                "them all in the first call of partial_fit, classes=[...]."
            )
        return places.astype(np.int64)

    def _net_rows(self, net, X, labels):
        return net_inputs(net, X, labels)

    def _make_task(self, labels, weight):
        return ClassTask(len(self.classes_), self.constraint, self._positive_code())

    def _positive_code(self):
        classes = self.classes_.tolist()
        if self.pos_label is None:
            if self.constraint == "equal_opportunity" and len(classes) > 2:
                raise ValueError(
                    f"pos_label is None, and of the classes {classes} none is known to be the one "
                    f"that equal opportunity speaks of; pass it, as pos_label={classes[-1]!r}."
                )
            return len(classes) - 1
        if self.pos_label not in classes:
            raise ValueError(f"pos_label={self.pos_label!r} is not one of the labels, {classes}.")
        return classes.index(self.pos_label)

    def _check_width(self, n_outputs):
        self._check_outputs(n_outputs)


class _Rest(nn.Module):
    """Leave columns out."""

    def __init__(self, kept):
        super().__init__()
        self.register_buffer("kept", torch.as_tensor(kept))

    def forward(self, X):
        return X.index_select(1, self.kept)


@as_module.register(AdversarialDebiasingClassifier)
def _(model):
    check_is_fitted(model)
    module = as_module(model.estimator_)
    if model._hidden is None:
        return module
    kept = np.delete(np.arange(model.n_features_in_), model._hidden)
    return nn.Sequential(_Rest(kept), module).eval()
