"""Randomized smoothing: the class that wins under Gaussian noise, with a radius that is certain.

Cohen, Rosenfeld & Kolter (2019), "Certified adversarial robustness via randomized smoothing".
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted

from sklearn_privfair._stored import StoredState
from sklearn_privfair.defences._certification import (
    CertificationResult,
    certified_radius,
    is_ahead,
    lower_confidence_bound,
)
from sklearn_privfair.defences._noise_table import read, resolve_scale
from sklearn_privfair.defences._noise_training import bare, n_outputs, net_in, train
from sklearn_privfair.defences._noise_votes import count_votes
from sklearn_privfair.differentiable import Victim
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._skorch_training import check_classifies, is_net, net_inputs

_PREDICT, _SELECT, _CERTIFY = range(3)  # each has noise of its own


class RandomizedSmoothingClassifier(
    StoredState, MetaEstimatorMixin, ClassifierMixin, BaseEstimator
):
    """Predict the class that a classifier gives most often to noisy copies of a row.

    How far ahead that class is bounds how far the row can be moved, in l2, before another class
    wins: the only defence here whose robustness is proven, and not measured by attacks that fail.

    Parameters
    ----------
    estimator : classifier
        Any classifier with `predict`: a skorch net, a pipeline, a forest. A clone is trained; one
        in a `FrozenEstimator` is taken as it is, with its own labels.
    sigma : float, default=0.25
        Standard deviation of the noise, in units of the features (see `scale`). More noise makes
        larger radii possible, and costs accuracy. The largest radius that can be certified is
        ``sigma * norm.ppf(alpha ** (1 / n_samples))``.
    scale : None, "std" or array-like of shape (n_features, ...), default=None
        The unit of each feature. None: 1, so that noise and radii are in the units of `X`.
        ``"std"``: the standard deviation of each feature in the training data, as suits tables.
        Certified radii are then those of ``(x' - x) / scale``. A feature whose unit is 0 gets no
        noise, and what is certified says nothing about changes of it.
    n_samples : int, default=1000
        Noisy copies of a row that vote: the paper's n.
    n_samples_selection : int, default=100
        In `certify`, noisy copies that say beforehand which class is to be certified: the paper's
        n0.
    alpha : float, default=0.001
        In (0, 1). Probability, for each row, that what `certify` or an abstaining `predict` says
        is wrong.
    abstain_label : None, str, int or float, default=None
        What `predict` gives where the vote is too close for a test at level `alpha`: of the kind
        of the labels, and not one of them. None: it never abstains, and gives the class that has
        most votes.
    noise_augmentation : bool, default=True
        Whether to train on noisy rows. A classifier that has not seen noise mostly cannot be
        smoothed.
    n_copies : int, default=10
        Noisy copies of each training row. A skorch net does not need them: it gets fresh noise in
        every batch, also in a pipeline, where the noise comes before the first step, if the
        other steps can be differentiated.
    batch_size : int, default=1024
        Noisy copies about which the classifier is asked at once, which bounds the memory needed.
    n_jobs : int, default=None
        Shares of the rows that are worked on side by side, by joblib: in threads for a net, which
        takes as many as torch has if it is None, else in processes.
    random_state : int, RandomState instance or None, default=None
        Seed of training and noise. It is drawn from in `fit` only, so that a fitted classifier
        always says the same of the same row.
    verbose : int, default=0
        Whether to show progress.

    Attributes
    ----------
    estimator_ : classifier
        The classifier that votes.
    classes_ : ndarray of shape (n_classes,)
        The labels. Those of a frozen net are the numbers of its outputs.
    scale_ : float ndarray of shape (n_features, ...)
        The unit of each feature; 0 for columns of a data frame that hold no numbers.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    sklearn_privfair.inspection.CertifiedAccuracyDisplay : Certified accuracy against the radius.
    AdversarialTrainingClassifier : Withstands more, as far as attacks can tell, and proves nothing.

    Notes
    -----
    `sigma`, `alpha`, `n_samples` and all that is not about training can be set after `fit`.

    The noise of a row depends on the seed and on the row's content, not on its neighbours,
    `batch_size` or `n_jobs`. What is certified is the class that would win among infinitely many
    copies; votes among `n_samples` of them are an estimate of it, so that an attack may turn the
    `predict` of a row that is certified, where the vote is close there.

    Data frames reach the estimator as data frames. Their columns that hold no numbers (booleans
    and categories among them) get no noise; the certificate is for changes of the others.

    To scikit-learn's scorers an abstention is a class that never is true: wrong, for the accuracy.
    Scores that average over classes count that class, and scores of two classes
    refuse a third: use them, and attacks, with ``abstain_label=None``. To attacks the classifier
    has no gradient; those that ask for decisions or scores can attack it.

    References
    ----------
    J. Cohen, E. Rosenfeld, J. Z. Kolter, "Certified adversarial robustness via randomized
    smoothing", ICML 2019: theorem 1, PREDICT and CERTIFY of section 3.2.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.defences import RandomizedSmoothingClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> smooth = RandomizedSmoothingClassifier(
    ...     forest, sigma=0.5, scale="std", n_samples=500, random_state=0
    ... )
    >>> result = smooth.fit(X[100:], y[100:]).certify(X[:100])
    >>> bool(((result.label == y[:100]) & (result.radius > 0.25)).mean() > 0.8)
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "scale": [None, StrOptions({"std"}), "array-like"],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_samples_selection": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "abstain_label": [None, str, Interval(Real, None, None, closed="neither")],
        "noise_augmentation": ["boolean"],
        "n_copies": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        *,
        sigma=0.25,
        scale=None,
        n_samples=1000,
        n_samples_selection=100,
        alpha=0.001,
        abstain_label=None,
        noise_augmentation=True,
        n_copies=10,
        batch_size=1024,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.sigma = sigma
        self.scale = scale
        self.n_samples = n_samples
        self.n_samples_selection = n_samples_selection
        self.alpha = alpha
        self.abstain_label = abstain_label
        self.noise_augmentation = noise_augmentation
        self.n_copies = n_copies
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Train the classifier on noisy rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Rows. A net gets them in its own precision.
        y : array-like of shape (n_samples,), default=None
            Labels of any kind. Not needed for a `FrozenEstimator`.

        Returns
        -------
        self : object
        """
        frozen = isinstance(self.estimator, FrozenEstimator)
        net = net_in(self.estimator)
        if net is not None:
            check_classifies(net)
        self._dtype = np.float64 if net is None else net_inputs(net, np.zeros((1, 1))).dtype
        table = self._read(X, reset=True)
        self.scale_ = resolve_scale(self.scale, table, self.n_features_in_)
        if y is not None:
            y = _check_y(y, estimator=self)
            check_consistent_length(table.values, y)
        elif not frozen:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        self._seed = draw_seed(self.random_state)
        if frozen:
            self._take(table, y)
        else:
            self._train(table, y, net)
        self._check_abstain_label()
        return self

    def _read(self, X, reset=False):
        allow_nan = self.__sklearn_tags__().input_tags.allow_nan
        return read(self, X, self._dtype, is_net(bare(self.estimator)), allow_nan, reset)

    def _std(self, table):
        """Give the standard deviation of the noise in each number."""
        unit = self.scale_ if table.numeric is None else self.scale_[table.numeric]
        return self.sigma * unit

    def _take(self, table, y):
        """Take a fitted classifier as it is, with its own labels."""
        self.estimator_ = bare(self.estimator)
        victim = Victim(self.estimator_)  # raises if it is not fitted
        own = victim.classes_
        self.classes_ = np.arange(n_outputs(victim, table)) if own is None else own
        self._check_classes()
        if y is not None and victim.encode(y).max() >= len(self.classes_):
            raise ValueError(
                f"y holds {y.max()}, but the labels of the frozen net are the numbers of its "
                f"outputs, 0 to {len(self.classes_) - 1}; give those, or no y."
            )

    def _train(self, table, y, net):
        check_classification_targets(y)
        # the net's own `classes`, where given (to skorch [] says: none), say which there are
        named = getattr(net, "classes", None)
        encoder = LabelEncoder().fit(y if named is None or not len(named) else np.asarray(named))
        self.classes_ = encoder.classes_
        self._check_classes()
        if net is not None:
            y = net_inputs(net, np.zeros((1, 1)), encoder.transform(y))[1]
        std = self._std(table) if self.noise_augmentation else None
        self.estimator_ = train(self.estimator, table, y, std, self.n_copies, self._seed)
        n = len(self.classes_) if net is None else n_outputs(Victim(self.estimator_), table)
        if n != len(self.classes_):
            raise ValueError(
                f"The net has {n} outputs for {len(self.classes_)} classes; give its module as "
                "many outputs as there are classes, or name all classes, classes=[...], in the "
                "net."
            )

    def _check_classes(self):
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes; there is only one class, "
                f"{self.classes_.tolist()[0]!r}."
            )

    def predict(self, X):
        """Predict the class that most noisy copies of each row are given.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels; `abstain_label`, if that is not None, where the two-sided binomial test does
            not tell the first class from the second at level `alpha`.
        """
        votes = self._votes(self._checked(X), self.n_samples, _PREDICT)
        second, first = np.sort(votes, axis=1)[:, -2:].T
        return self._labels(votes.argmax(axis=1), ~is_ahead(first, second, self.alpha))

    def predict_proba(self, X):
        """Give the share of the votes that each class gets, those by which `predict` decides.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`.
        """
        return self._votes(self._checked(X), self.n_samples, _PREDICT) / self.n_samples

    def certify(self, X):
        """Certify the class of each row within a radius.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Rows.

        Returns
        -------
        result : CertificationResult
            Labels, l2 radii in the units of ``X / scale_``, bounds and abstentions. Each row is
            certified by itself: what is said of it is wrong with probability `alpha` at most.
        """
        table = self._checked(X)
        codes = self._votes(table, self.n_samples_selection, _SELECT).argmax(axis=1)
        hits = self._votes(table, self.n_samples, _CERTIFY)[np.arange(len(codes)), codes]
        p_lower = lower_confidence_bound(hits, self.n_samples, self.alpha)
        abstains = p_lower <= 0.5
        return CertificationResult(
            X=X,
            label=self._labels(codes, abstains),
            radius=certified_radius(p_lower, self.sigma),
            p_lower=p_lower,
            abstains=abstains,
            n_forward=np.full(len(codes), self.n_samples_selection + self.n_samples),
        )

    def _checked(self, X):
        check_is_fitted(self)
        self._validate_params()  # they may have been set after fit
        self._check_abstain_label()
        return self._read(X)

    def _votes(self, table, n, stage):
        return count_votes(
            Victim(self.estimator_),
            table,
            len(self.classes_),
            n,
            self._std(table),
            self._seed,
            stage,
            batch_size=self.batch_size,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def _labels(self, codes, abstains):
        labels = self.classes_[codes]
        if self.abstain_label is None:
            return labels
        return np.where(abstains, np.asarray(self.abstain_label), labels)

    def _check_abstain_label(self):
        label, classes = self.abstain_label, self.classes_.tolist()
        if label is None:
            return
        if isinstance(label, str) != isinstance(classes[0], str):
            raise ValueError(
                f"abstain_label={label!r} is of another kind than the classes, {classes}; give a "
                "string where they are strings, as 'abstain', else a number, as -1."
            )
        if label in classes:
            raise ValueError(
                f"abstain_label={label!r} is one of the classes, {classes}; give a label that is "
                "not, or None, to never abstain."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        tags.target_tags.required = not isinstance(self.estimator, FrozenEstimator)
        return tags
