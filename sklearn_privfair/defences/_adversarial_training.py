"""Adversarial training: every batch is attacked with the weights of the moment.

Madry, Makelov, Schmidt, Tsipras & Vladu (2018), "Towards deep learning models resistant to
adversarial attacks".
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_privfair.defences._adversarial_trainer import AdversarialTrainer
from sklearn_privfair.defences._robust_losses import ROBUST_LOSSES, check_loss
from sklearn_privfair.defences._weight_perturbation import perturbed_weights


class AdversarialTrainingClassifier(AdversarialTrainer):
    """Adversarial training of a skorch net: Madry's, TRADES or MART.

    Each batch is attacked with the net's weights of the moment, so that training minimises the
    loss at the worst point within the attack's budget. All else is the net's own loop: its
    callbacks, schedulers, early stopping, history and splits go on working; its training loss is
    that on adversarial rows, its validation loss that on rows as they are.

    Parameters
    ----------
    estimator : skorch.NeuralNet or Pipeline
        The net to train, or a pipeline that ends in one: its other steps are fitted on the rows as
        they are, and the attack moves rows in front of them, in raw units. In a `FrozenEstimator`
        it is fitted, and `fine_tune` goes on from it; without `fine_tune` it is trained anew. Give
        the net's module as a class, or as an instance that was not trained: skorch trains an
        instance in place, and clones it, as searches do, with its weights.
    attack : attack estimator
        One of :mod:`sklearn_privfair.attacks` that follows gradients; its own estimator, if any,
        is not used. With a budget `eps` all its steps are taken, whether or not a row is
        adversarial already; an attack without one (such as `CWL2Attack`) gives the nearest
        adversarial rows. Its `constraints` are kept on every row; one-hot groups stay as they are.
    loss : {"madry", "trades", "mart"}, default="madry"
        "madry": the net's own criterion at the adversarial rows. "trades": the criterion at the
        rows as they are, plus `beta` times the Kullback-Leibler divergence of the net's answer at
        the attacked rows, the attack driving that divergence; rows of label -1 have no label and
        count in the second term alone. "mart": a boosted cross-entropy at the adversarial rows,
        plus `beta` times the divergence, weighted by how wrong the net is before the attack.
    beta : float, default=6.0
        The weight of the second term of "trades" and "mart": accuracy against robustness.
    awp_gamma : float, default=0.0
        Adversarial weight perturbation: each weight matrix is moved by this share of its length up
        the loss while a step is computed. The paper has 0.01 ("madry") and 0.005 ("trades"). 0:
        none. It costs one more pass.
    awp_warmup : int, default=0
        Epochs before weights are perturbed.
    clean_share : float, default=0.0
        In [0, 1). Share of each batch, drawn at random, that is left as it is; not with "trades".
    eps_warmup : int, default=0
        Epochs over which the attack's `eps` grows evenly from 0. Nets that do not learn at the
        full budget from the start often do with a few.
    averaging : {"ema", "swa"} or None, default=None
        Whether what is kept are averages of the weights: exponential, over all steps, or plain,
        over the ends of the later epochs. They take the place of weights that a callback loads.
    ema_decay : float, default=0.999
        In [0, 1). What an exponential average keeps at each step; less in the first steps.
    swa_start : float, default=0.5
        In [0, 1]. Share of the epochs after which "swa" begins.
    early_stopping : bool, default=False
        Whether rows are held out and attacked after every epoch, and the weights (averaged, if so)
        of the epoch of highest robust accuracy on them are kept. Adversarial training overfits:
        robust accuracy on new rows falls long before accuracy does. It goes beside the net's own
        `train_split`, which holds out rows too unless it is None.
    validation_attack : attack estimator, default=None
        What attacks the rows held out, stopping at success. None: `attack`.
    validation_fraction : float, default=0.1
        Share of the rows held out, stratified by label.
    n_iter_no_change : int or None, default=10
        Epochs without a better one after which training stops. None: it never does.
    fine_tune : bool, default=False
        Whether to go on from a plainly trained net (that of a `FrozenEstimator`, else one is
        trained first) instead of training from scratch.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, batches and attacks.

    Attributes
    ----------
    estimator_ : skorch.NeuralNet or Pipeline
        The trained net, behind the fitted steps of its pipeline; its labels are numbers, in the
        order of `classes_`.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    history_ : dict of str to ndarray of shape (n_epochs,)
        By epoch: "train_loss"; "train_robust_accuracy", that of the training steps on the rows
        they were given; "valid_accuracy" and "valid_robust_accuracy", on the rows held out, NaN
        where there are none.
    best_epoch_ : int
        With `early_stopping`, the epoch, from 0, whose weights were kept.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    FastAdversarialTrainingClassifier : One step per batch, watched.
    FreeAdversarialTrainingClassifier : Gradients used twice.
    AdversarialAugmentationClassifier : Cheaper, and weaker: attacks a plain net once.

    Notes
    -----
    The attack sees the net in eval mode: batch normalisation by its running statistics, no
    dropout. With ``bounds="auto"`` the bounds are those of the training data.

    Rows without a label are drawn beside those that have one, as many in each batch; -1 stands for
    no label where there are at least two other labels, and only with ``loss="trades"``; also
    beside strings, in an array of objects, as in scikit-learn. The other steps of a pipeline are
    fitted on the rows that have labels. To `score`, -1 is a wrong label: leave such rows out of it.

    References
    ----------
    A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, "Towards deep learning models resistant
    to adversarial attacks", ICLR 2018.

    H. Zhang, Y. Yu, J. Jiao, E. Xing, L. El Ghaoui, M. Jordan, "Theoretically principled trade-off
    between robustness and accuracy", ICML 2019.

    Y. Wang, D. Zou, J. Yi, J. Bailey, X. Ma, Q. Gu, "Improving adversarial robustness requires
    revisiting misclassified examples", ICLR 2020.

    D. Wu, S.-T. Xia, Y. Wang, "Adversarial weight perturbation helps robust generalization",
    NeurIPS 2020.

    L. Rice, E. Wong, Z. Kolter, "Overfitting in adversarially robust deep learning", ICML 2020.

    J.-B. Alayrac, J. Uesato, P.-S. Huang, A. Fawzi, R. Stanforth, P. Kohli, "Are labels required
    for improving adversarial robustness?", NeurIPS 2019.

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

    _needs_eps = False

    _parameter_constraints: dict = {
        **AdversarialTrainer._parameter_constraints,
        "loss": [StrOptions(set(ROBUST_LOSSES))],
        "beta": [Interval(Real, 0, None, closed="left")],
        "awp_gamma": [Interval(Real, 0, None, closed="left")],
        "awp_warmup": [Interval(Integral, 0, None, closed="left")],
        "clean_share": [Interval(Real, 0, 1, closed="left")],
        "eps_warmup": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        attack,
        *,
        loss="madry",
        beta=6.0,
        awp_gamma=0.0,
        awp_warmup=0,
        clean_share=0.0,
        eps_warmup=0,
        averaging=None,
        ema_decay=0.999,
        swa_start=0.5,
        early_stopping=False,
        validation_attack=None,
        validation_fraction=0.1,
        n_iter_no_change=10,
        fine_tune=False,
        random_state=None,
    ):
        self.estimator = estimator
        self.attack = attack
        self.loss = loss
        self.beta = beta
        self.awp_gamma = awp_gamma
        self.awp_warmup = awp_warmup
        self.clean_share = clean_share
        self.eps_warmup = eps_warmup
        self.averaging = averaging
        self.ema_decay = ema_decay
        self.swa_start = swa_start
        self.early_stopping = early_stopping
        self.validation_attack = validation_attack
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.fine_tune = fine_tune
        self.random_state = random_state

    def _train(self, X, codes, seed, progress):
        if self._net is not None:
            check_loss(self.loss, self._net)
        if self.loss == "trades":
            self._check_trades()
        return super()._train(X, codes, seed, progress)

    def _check_trades(self):
        if self.attack.eps is None or not getattr(self.attack, "random_start", False):
            raise ValueError(
                f"loss='trades' drives the net's answer away from that at the row itself, where it "
                f"has no slope yet: it needs an attack with a budget and a random start, and "
                f"attack={self.attack!r} has not both; use PGDAttack(random_start=True)."
            )
        if self.attack.target is not None or self.clean_share:
            raise ValueError(
                f"loss='trades' has a term of its own for clean rows, and follows no label: "
                f"attack.target={self.attack.target!r} must be None, and "
                f"clean_share={self.clean_share!r} must be 0."
            )

    def _unlabelled(self, y):
        """Rows of label -1, by scikit-learn's convention, where the loss can use them."""
        y = np.asarray(y)
        if y.dtype.kind not in "ifO" or (self.loss != "trades" and y.dtype != object):
            return None
        unlabelled = np.array([label == -1 for label in y.tolist()], dtype=bool)
        # of two classes -1 and 1 both are labels
        if not unlabelled.any() or len({*y[~unlabelled].tolist()}) < 2:
            return None
        if self.loss != "trades":
            if any(isinstance(label, str) for label in y):
                raise ValueError(
                    "y holds -1, for rows without a label, beside strings: loss='trades' uses such "
                    f"rows, and loss={self.loss!r} does not; leave them out."
                )
            return None
        return unlabelled

    def _step(self, run):
        loss, net = ROBUST_LOSSES[self.loss], run.net
        others = _Others(self._without_label, run) if self._without_label is not None else None

        def step(x, y, **fit_params):
            rows = x if others is None else torch.cat([x, others.draw(len(x))])
            labels = y if others is None else torch.cat([y, y.new_zeros(len(rows) - len(y))])
            x_adv = run.adversarial(rows, labels, diverging=self.loss == "trades")
            if self.clean_share:
                x_adv = torch.where(run.clean_part(x, self.clean_share), x, x_adv)

            def of_batch():
                return loss(net, rows, x_adv, y, self.beta)

            net._set_training(True)
            gamma = self.awp_gamma if run.epoch >= self.awp_warmup else 0.0
            with perturbed_weights(net.module_, lambda: of_batch()[0], gamma):
                if self.loss == "madry":  # the net's own step, whatever it is
                    return type(net).train_step_single(net, (x_adv, y), **fit_params)
                value, answer = of_batch()
                value.backward()
            return {"loss": value, "y_pred": answer}

        return step


class _Others:
    """Rows without a label, as many in each batch as have one, in an order of their own."""

    def __init__(self, X, run):
        self.X, self.run = torch.as_tensor(X), run
        self.order = torch.empty(0, dtype=torch.int64)

    def draw(self, n):
        while len(self.order) < n:
            more = torch.randperm(len(self.X), generator=self.run.generator)
            self.order = torch.cat([self.order, more])
        chosen, self.order = self.order[:n], self.order[n:]
        return self.X[chosen].to(self.run.net.device)
