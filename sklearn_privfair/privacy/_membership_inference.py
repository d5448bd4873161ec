"""Membership inference: telling the records that a model was trained on from others."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone
from sklearn.metrics import roc_auc_score
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair._stored import StoredState
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.privacy._answers import ask
from sklearn_privfair.privacy._attacker_inputs import (
    all_labels,
    check_audit,
    check_augmentations,
    check_records,
    check_several,
    encode,
    victim_is_fitted,
)
from sklearn_privfair.privacy._calibration import MembershipCalibration, play
from sklearn_privfair.privacy._game_making import make_game
from sklearn_privfair.privacy._gathering import gather
from sklearn_privfair.privacy._method import MembershipMethod
from sklearn_privfair.privacy._methods import METHODS
from sklearn_privfair.privacy._records import Records, join
from sklearn_privfair.privacy._shadow_design import draw_members
from sklearn_privfair.privacy._shadow_training import fit_anew

STAND_IN = 2**20  # added to the seed: shadow models take those from 0 on


class MembershipInferenceClassifier(StoredState, MetaEstimatorMixin, BaseEstimator):
    """Tell which records were in the training set of a model.

    Shadow models, trained as the victim was but on data of the attacker's own, show how such
    models answer to records that they were trained on and to others; a method judges the victim's
    answers by them. `fit` takes the attacker's data and never the victim's members; the victim is
    asked for probabilities alone (for classes, if it has no `predict_proba`).

    With ``fit(X, y, audit=(X_audit, y_audit))`` the records to be judged are in the shadow models'
    training too, in every second one each: the attack is *online*, and stronger. It is what an
    auditor does, and what an attacker can do who knows, before training shadow models, the records
    in question.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module
        The victim, fitted; in a `FrozenEstimator`, it stays so in clones. Not fitted, it only says
        what to train, and there is `score` but no `predict`.
    shadow_estimator : classifier, default=None
        What shadow models are; any kind. None: unfitted clones of `estimator`.
    method : str or MembershipMethod, default="learned"
        How answers are judged: a method such as ``LiRA(variance="global")``, or the name of one
        with its defaults: "learned" (:class:`LearnedAttack`), "rmia" (:class:`RMIA`), "lira"
        (:class:`LiRA`), "attack_r" (:class:`AttackR`), "shadow" (:class:`ShadowAttack`), "loss",
        "entropy" or "modified_entropy" (:class:`ThresholdAttack`), "correctness"
        (:class:`CorrectnessAttack`). :class:`LabelOnlyAttack` takes an attack, and has no name.
    n_shadow_models : int, default=8
        How many; even where there is an audit, for they come in pairs. A method that needs none
        trains none.
    shadow_size : float or int, default=0.5
        What share of the records a shadow model is trained on, or how many; of each class alike.
        Best as many as the victim was.
    shadow_strategy : {"train", "finetune", "reuse"}, default="train"
        "train": from scratch. "finetune": a copy of the victim goes on training, by `partial_fit`.
        "reuse": the victim itself, as it is, stands for a model trained on half of the records.
        The latter two know the victim from within (white box).
    augmentations : sequence of callable, default=()
        From rows to rows: what else models are asked about each record, such as a mirrored image.
    clip : float or "auto", default="auto"
        In (0, 0.5). What probabilities are kept away from, at 0 and 1, before logarithms. "auto":
        half of the least distance seen where shadow models give exactly 0 or 1, as forests do.
    memory : None, str or joblib.Memory, default=None
        Where trained shadow models are kept, one by one: another fit on the same records goes on
        where one was cut off, and another method, or other augmentations, take the same models.
    precision : {None, "bfloat16"}, default=None
        In what skorch nets are trained as shadows: "bfloat16" takes half the time in wide layers.
    n_jobs : int or None, default=None
        Shadow models at a time, by joblib.
    random_state : int, RandomState instance or None, default=None
        Decides the halves, the shadow models and what methods draw.
    verbose : int, default=0
        Passed to joblib: from 1 on, it tells how many shadow models are done.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        0, not a member, and 1, a member.
    labels_ : ndarray of shape (n_labels,)
        The victim's classes.
    shadow_models_ : list of classifier
        The fitted shadow models.
    shadow_members_ : bool ndarray of shape (n_shadow_models, n_records)
        On which records each was trained, of `X` and then of those in `audit` that `X` has not.
    method_ : MembershipMethod
        What judges, with what it has learned.
    game_auc_ : float
        Area under the ROC curve in games with known outcome, in which each shadow model plays the
        victim; learned on other records than judged. Online, what the attacker may expect. Offline
        it promises too much: models in a game share records, and so the judge knows more of each
        other than of a victim with records of its own; up to what an online attack reaches. There
        `score`, on records held back from `fit`, is what to expect. NaN: no games.
    n_features_in_ : int
        Number of features of the records.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where the data have names.

    See Also
    --------
    sklearn_privfair.metrics.tpr_at_fpr : What an attack finds at few false alarms.
    sklearn_privfair.metrics.membership_report : Figures by class and group.
    DPSGDClassifier : Training that bounds what any such attack can find.

    References
    ----------
    R. Shokri, M. Stronati, C. Song, V. Shmatikov, "Membership inference attacks against machine
    learning models", IEEE S&P 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.metrics import roc_auc_score
    >>> from sklearn_privfair.privacy import MembershipInferenceClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> victim = RandomForestClassifier(20, random_state=0).fit(X[:500], y[:500])
    >>> attack = MembershipInferenceClassifier(
    ...     FrozenEstimator(victim), method="rmia", n_shadow_models=4, random_state=0
    ... )
    >>> attack = attack.fit(X[1000:], y[1000:], audit=(X[:1000], y[:1000]))
    >>> score = attack.decision_function(X[:1000], y[:1000])
    >>> bool(roc_auc_score(np.arange(1000) < 500, score) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), nn.Module],
        "shadow_estimator": [HasMethods(["fit", "predict"]), None],
        "method": [StrOptions(set(METHODS)), MembershipMethod],
        "n_shadow_models": [Interval(Integral, 1, None, closed="left")],
        "shadow_size": [
            Interval(RealNotInt, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "shadow_strategy": [StrOptions({"train", "finetune", "reuse"})],
        "augmentations": ["array-like", list, tuple],
        "clip": [Interval(Real, 0, 0.5, closed="neither"), StrOptions({"auto"})],
        "memory": [None, str, HasMethods(["cache"])],
        "precision": [None, StrOptions({"bfloat16"})],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        shadow_estimator=None,
        *,
        method="learned",
        n_shadow_models=8,
        shadow_size=0.5,
        shadow_strategy="train",
        augmentations=(),
        clip="auto",
        memory=None,
        precision=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.shadow_estimator = shadow_estimator
        self.method = method
        self.n_shadow_models = n_shadow_models
        self.shadow_size = shadow_size
        self.shadow_strategy = shadow_strategy
        self.augmentations = augmentations
        self.clip = clip
        self.memory = memory
        self.precision = precision
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, audit=None):
        """Train shadow models, and learn to judge by them.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            The attacker's records, of the kind that the victim was trained on.
        y : array-like of shape (n_samples,)
            Their class labels: of the victim's classes.
        audit : tuple of (array-like, array-like), default=None
            Records to be judged, and their class labels; half of them, with members and others
            unknown, in the training of each shadow model. Afterwards only these can be judged.

        Returns
        -------
        self : object
        """
        check_augmentations(self.augmentations)
        y = check_records(self, X, y, reset=True)
        self._seed = draw_seed(self.random_state)
        self.classes_ = np.array([0, 1])
        self.labels_ = all_labels(self, X, y)
        check_several(self.labels_)
        codes, judged = encode(self.labels_, y), None
        if audit is not None:
            X_audit, y_audit = check_audit(audit)
            y_audit = check_records(self, X_audit, y_audit, reset=False)
            judged = Records(X_audit, encode(self.labels_, y_audit, "audit"))
        records, audited = join(Records(X, codes), judged)
        self.method_ = clone(METHODS[self.method] if isinstance(self.method, str) else self.method)
        self.method_._validate_params()
        if self.shadow_strategy != "train":
            victim_is_fitted(self)
        self._game = make_game(self, records, audited)
        self.shadow_models_, self.shadow_members_ = self._game.models, self._game.members
        self._learn()
        return self

    def _learn(self):
        """Let the method learn, and turn its scores into probabilities."""
        self._calibration, self.game_auc_ = None, np.nan
        if not self.method_.uses_shadows:
            return
        score, truth = play(self.method_, self._game, self._seed)
        if len(np.unique(truth)) == 2:
            self.game_auc_ = float(roc_auc_score(truth, score))
            self._calibration = MembershipCalibration(score, truth)
        self.method_.learn(self._game, self._seed)

    @available_if(victim_is_fitted)
    def decision_function(self, X, y):
        """Give the method's score for each record.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Records.
        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            The higher, the likelier a member. In the method's own units.
        """
        check_is_fitted(self)
        return self._judge(self.estimator, X, check_records(self, X, y, reset=False))

    @available_if(victim_is_fitted)
    def predict_proba(self, X, y):
        """Give the probability of membership, were as many records members as not.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Records.
        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            Of not being a member, and of being one.
        """
        score = self.decision_function(X, y)
        member = self._calibration(score) if self._calibration else np.clip(score, 0, 1)
        return np.column_stack([1 - member, member])

    @available_if(victim_is_fitted)
    def predict(self, X, y):
        """Tell members from others.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Records.
        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        membership : ndarray of shape (n_samples,)
            1 for a member, 0 for others.
        """
        return self.classes_[(self.predict_proba(X, y)[:, 1] > 0.5).astype(int)]

    def judge_stand_in(self, X, y):
        """Attack a model that stands in for the victim, so that the members are known.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Records, new to the attack unless it was fitted with an audit.
        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        membership : bool ndarray of shape (n_samples,)
            The half of each class on which the model was trained.
        score : ndarray of shape (n_samples,)
            As `decision_function` gives it.
        """
        check_is_fitted(self)
        if isinstance(self.estimator, nn.Module):
            raise TypeError(
                "estimator is a torch module, which says nothing of how it was trained, so that "
                "none can stand in for it; give a skorch net around it to have a score."
            )
        y = check_records(self, X, y, reset=False)
        codes = encode(self.labels_, y)
        seed = self._seed + STAND_IN
        members = draw_members(codes, np.zeros(len(codes), dtype=bool), 1, len(codes) / 2, seed)[0]
        chosen = _safe_indexing(X, np.flatnonzero(members))
        model = fit_anew(self.estimator, chosen, codes[members], self.labels_, seed, self.precision)
        return members, self._judge(model, X, y)

    def score(self, X, y):
        """Give the area under the ROC curve against a model that stands in for the victim.

        It takes no knowledge of the victim's members, and so an attacker can search by it.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Records, on half of which the model is trained.
        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        auc : float
            In [0, 1].
        """
        return float(roc_auc_score(*self.judge_stand_in(X, y)))

    def _judge(self, model, X, y):
        return self.method_.judge(self._gather(model, X, y))

    def _gather(self, model, X, y):
        asks = partial(ask, labels=self.labels_, augmentations=self.augmentations)
        return gather(
            self._game, self.method_, model, X, encode(self.labels_, y), asks, self.n_jobs
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags
