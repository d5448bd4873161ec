"""Fast adversarial training: one step of the attack for each batch, and a watch kept on it.

Wong, Rice & Kolter (2020), "Fast is better than free"; the noise of de Jorge et al. (2022),
"Make some noise"; the alignment of gradients of Andriushchenko & Flammarion (2020).
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

from sklearn_privfair.attacks._losses import log_odds
from sklearn_privfair.attacks._norms import columns, random_in_ball, steepest
from sklearn_privfair.defences._adversarial_trainer import AdversarialTrainer
from sklearn_privfair.defences._overfitting_watch import OverfittingWatch
from sklearn_privfair.defences._robust_losses import check_own_step


class FastAdversarialTrainingClassifier(AdversarialTrainer):
    """Adversarial training by one noisy step for each batch, watched by a full attack.

    A step costs two passes instead of the k + 1 of k steps. Nets trained so are prone to
    catastrophic overfitting: from one epoch to the next they come to resist single steps alone.
    More noise, not cut to the ball, puts it off (de Jorge et al., 2022); so does a gradient that
    is the same all over the ball (`grad_align`). After each epoch `attack` itself, with all its
    steps, is run on rows of the training; where its success leaps, training stops, and the weights
    of the best epoch so far are kept.

    Parameters
    ----------
    estimator : skorch.NeuralNet or Pipeline
        See :class:`AdversarialTrainingClassifier`.
    attack : attack estimator
        The threat: its `norm`, `eps`, `bounds` and `constraints` are those of the single step, and
        it keeps the watch; one of :mod:`sklearn_privfair.attacks` with a budget.
    noise : float, default=2.0
        Where a step begins: at a point drawn evenly from a ball around the row of this many `eps`
        (for ``norm=2`` too). The paper's N-FGSM has 1 to 2; 0: at the row (FGSM).
    step_size : float, default=1.0
        Length of the step, in `eps`. "Fast is better than free" has 1.25, with ``noise=1`` and
        ``project=True``.
    project : bool, default=False
        Whether what the step reaches is put back into the ball.
    grad_align : float, default=0.0
        Weight of a term of the loss, one minus the cosine between the gradients at the row and at
        a random point of its ball, in the attack's units. It costs four more passes. 0: none.
    on_overfitting : {"stop", "warn"}, default="stop"
        What to do when the watch finds that the net has overfitted; "warn": train on.
    watch_rows : int or float, default=256
        How many rows of the training the watch attacks; a float below 1: what share of them.
    eps_warmup : int, default=0
        Epochs over which `eps` grows evenly from 0.
    averaging : {"ema", "swa"} or None, default=None
        Whether what is kept are averages of the weights: exponential, over all steps, or plain,
        over the ends of the later epochs.
    ema_decay : float, default=0.999
        In [0, 1). What an exponential average keeps at each step; less in the first steps.
    swa_start : float, default=0.5
        In [0, 1]. Share of the epochs after which "swa" begins.
    early_stopping : bool, default=False
        Whether rows are held out and attacked after every epoch, and the weights of the epoch of
        highest robust accuracy on them are kept.
    validation_attack : attack estimator, default=None
        What attacks the rows held out, stopping at success. None: `attack`.
    validation_fraction : float, default=0.1
        Share of the rows held out, stratified by label.
    n_iter_no_change : int or None, default=10
        Epochs without a better one after which training stops. None: it never does.
    fine_tune : bool, default=False
        Whether to go on from a plainly trained net instead of training from scratch.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, batches, noise and attacks.

    Attributes
    ----------
    estimator_ : skorch.NeuralNet or Pipeline
        The trained net.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    history_ : dict of str to ndarray of shape (n_epochs,)
        See :class:`AdversarialTrainingClassifier`; and "watched_robust_accuracy", on the rows that
        are watched.
    overfitted_ : bool
        Whether the watch found that the net had overfitted.
    best_epoch_ : int
        The epoch whose weights were kept, where one was chosen.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    Warns
    -----
    CatastrophicOverfittingWarning
        If the net has overfitted.

    See Also
    --------
    AdversarialTrainingClassifier : All steps of the attack in each batch.

    References
    ----------
    E. Wong, L. Rice, J. Z. Kolter, "Fast is better than free: revisiting adversarial training",
    ICLR 2020.

    M. Andriushchenko, N. Flammarion, "Understanding and improving fast adversarial training",
    NeurIPS 2020.

    P. de Jorge, A. Bibi, R. Volpi, A. Sanyal, P. Torr, G. Rogez, P. Dokania, "Make some noise:
    reliable and efficient single-step adversarial training", NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.attacks import PGDAttack
    >>> from sklearn_privfair.defences import FastAdversarialTrainingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = NeuralNetClassifier(
    ...     nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    ...     criterion=nn.CrossEntropyLoss,
    ...     max_epochs=10,
    ...     lr=0.5,
    ...     iterator_train__shuffle=True,
    ...     verbose=0,
    ... )
    >>> attack = PGDAttack(eps=0.15, n_steps=10, bounds=(0, 1), random_state=0)
    >>> defended = FastAdversarialTrainingClassifier(net, attack, random_state=0).fit(X / 16, y)
    >>> defended.overfitted_
    False
    """

    _parameter_constraints: dict = {
        **AdversarialTrainer._parameter_constraints,
        "noise": [Interval(Real, 0, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "project": ["boolean"],
        "grad_align": [Interval(Real, 0, None, closed="left")],
        "on_overfitting": [StrOptions({"stop", "warn"})],
        "watch_rows": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
        ],
        "eps_warmup": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        attack,
        *,
        noise=2.0,
        step_size=1.0,
        project=False,
        grad_align=0.0,
        on_overfitting="stop",
        watch_rows=256,
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
        self.noise = noise
        self.step_size = step_size
        self.project = project
        self.grad_align = grad_align
        self.on_overfitting = on_overfitting
        self.watch_rows = watch_rows
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

    def _step(self, run):
        if self.grad_align:
            check_own_step(f"grad_align={self.grad_align}", run.net)
        net, single = run.net, _SingleStep(self, run.attack)

        def step(x, y, **fit_params):
            x_adv = run.adversarial(x, y, attack=single)
            if not self.grad_align:
                return type(net).train_step_single(net, (x_adv, y), **fit_params)
            net._set_training(True)
            answer = net.infer(x_adv)
            loss = net.get_loss(answer, y, X=x_adv, training=True)
            loss = loss + self.grad_align * self._misalignment(run, x, y)
            loss.backward()
            return {"loss": loss, "y_pred": answer}

        return step

    def _misalignment(self, run, x, y):
        """Give one minus the cosine between gradients at the rows and near them.

        Andriushchenko & Flammarion (2020), equation 5.
        """
        near = run.adversarial(x, y, attack=_SingleStep(self, run.attack, only_noise=True))
        directions = []
        for rows in (x, near):
            rows = rows.detach().requires_grad_()
            # of each row by itself: that of the mean over the batch may underflow
            loss = len(x) * run.net.get_loss(run.net.infer(rows), y, X=rows, training=True)
            gradient = run.around.in_units(torch.autograd.grad(loss, rows, create_graph=True)[0], x)
            gradient = gradient.flatten(1)
            largest = gradient.detach().abs().amax(1, keepdim=True)
            some = largest > torch.finfo(gradient.dtype).tiny ** 0.5  # below, slopes overflow
            gradient = gradient / torch.where(some, largest, 1.0)
            length = gradient.square().sum(1, keepdim=True).clamp_min(1e-12).sqrt()
            directions.append((gradient / length, some.squeeze(1)))
        (first, told), (second, also) = directions
        both = (told & also).to(first.dtype)  # a row without a gradient says nothing
        return ((1 - (first * second).sum(1)) * both).sum() / both.sum().clamp_min(1)

    def _watch(self, run, X, codes, seed):
        whole = isinstance(self.watch_rows, Integral)
        n = self.watch_rows if whole else self.watch_rows * len(X)
        chosen = np.random.RandomState(seed).permutation(len(X))[: max(1, round(n))]
        return OverfittingWatch(
            run.judging_attack(self.attack, seed), X, X[chosen], codes[chosen], self.on_overfitting
        )

    def _close(self, run):
        self.history_["watched_robust_accuracy"] = np.array(run.watch.seen)
        self.overfitted_ = run.watch.overfitted
        if run.watch.overfitted and self.on_overfitting == "stop" and run.validation is None:
            self.best_epoch_ = run.watch.best_epoch


class _SingleStep:
    """One step from a noisy start, as an attack that training can run."""

    asks, target, n_restarts, confidence = "gradient", None, 1, 0.0

    def __init__(self, defence, attack, only_noise=False):
        self.defence, self.attack, self.only_noise = defence, attack, only_noise
        self.norm = attack.norm

    @property
    def eps(self):
        """The budget of the moment."""
        return self.attack.eps

    def _attack(self, rows):
        noise = 1.0 if self.only_noise else self.defence.noise
        start = noise * random_in_ball(rows.random, rows.x0, rows.eps, rows.norm)
        rows.x = rows.clip(rows.x0 + start)
        if self.only_noise:
            return
        gradient = rows.ask(rows.x, log_odds).gradient
        length = columns(self.defence.step_size * rows.eps, gradient)
        moved = rows.x + length * steepest(rows, gradient, getattr(self.attack, "quantile", 0.99))
        rows.x = rows.project(moved) if self.defence.project else rows.clip(moved)
