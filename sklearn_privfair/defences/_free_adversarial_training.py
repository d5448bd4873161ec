"""Free adversarial training: one backward pass moves the weights and the rows.

Shafahi et al. (2019), "Adversarial training for free!", algorithm 1.
"""

from numbers import Integral

import torch
from sklearn.utils._param_validation import Interval

from sklearn_privfair.defences._adversarial_trainer import AdversarialTrainer
from sklearn_privfair.defences._robust_losses import check_own_step


class FreeAdversarialTrainingClassifier(AdversarialTrainer):
    """Adversarial training at the cost of plain training: each batch is replayed.

    In each replay one backward pass gives the gradient of the weights, which take a step, and that
    of the rows, which do too; what the rows have been moved by is the start on the next batch.
    With m replays an epoch costs m plain epochs, and takes m steps for each batch: train for 1/m of
    the epochs.

    Parameters
    ----------
    estimator : skorch.NeuralNet or Pipeline
        See :class:`AdversarialTrainingClassifier`.
    attack : attack estimator
        The threat: its `norm`, `eps`, `bounds` and `constraints`; it attacks the rows held out
        with `early_stopping`, and nothing else.
    n_replays : int, default=4
        Replays of each batch.
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
        Seed of weights, batches and attacks.

    Attributes
    ----------
    estimator_ : skorch.NeuralNet or Pipeline
        The trained net.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    history_ : dict of str to ndarray of shape (n_epochs,)
        See :class:`AdversarialTrainingClassifier`.
    best_epoch_ : int
        With `early_stopping`, the epoch, from 0, whose weights were kept.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    FastAdversarialTrainingClassifier : A fresh step for each batch, at twice the cost.
    AdversarialTrainingClassifier : All steps of the attack in each batch.

    References
    ----------
    A. Shafahi, M. Najibi, A. Ghiasi, Z. Xu, J. Dickerson, C. Studer, L. Davis, G. Taylor,
    T. Goldstein, "Adversarial training for free!", NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.attacks import PGDAttack
    >>> from sklearn_privfair.defences import FreeAdversarialTrainingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> _ = torch.manual_seed(0)
    >>> net = NeuralNetClassifier(
    ...     nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    ...     criterion=nn.CrossEntropyLoss,
    ...     max_epochs=5,
    ...     lr=0.5,
    ...     iterator_train__shuffle=True,
    ...     verbose=0,
    ... )
    >>> attack = PGDAttack(eps=0.15, bounds=(0, 1), random_state=0)
    >>> defended = FreeAdversarialTrainingClassifier(net, attack, random_state=0).fit(X / 16, y)
    >>> net = net.fit((X / 16).astype("float32"), y)
    >>> attack.fit(defended).score(X / 16, y) < attack.fit(net).score(X / 16, y)
    True
    """

    _parameter_constraints: dict = {
        **AdversarialTrainer._parameter_constraints,
        "n_replays": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        attack,
        *,
        n_replays=4,
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
        self.n_replays = n_replays
        self.averaging = averaging
        self.ema_decay = ema_decay
        self.swa_start = swa_start
        self.early_stopping = early_stopping
        self.validation_attack = validation_attack
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.fine_tune = fine_tune
        self.random_state = random_state

    def _repeats(self):
        return self.n_replays

    def _step(self, run):
        check_own_step(type(self).__name__, run.net)
        if self.attack.target is not None:
            raise ValueError(
                f"attack.target={self.attack.target!r}, but {type(self).__name__} follows the "
                "gradient of the training loss, which leaves the label; use target=None."
            )
        net, moved = run.net, None

        def step(x, y, **fit_params):
            nonlocal moved
            if moved is None:
                moved = torch.zeros_like(x)
            if len(moved) < len(x):
                moved = torch.cat([moved, torch.zeros_like(x)[len(moved) :]])
            x_adv = run.step_up(x, x + moved[: len(x)], None).requires_grad_()
            net._set_training(True)
            answer = net.infer(x_adv, **fit_params)
            loss = net.get_loss(answer, y, X=x_adv, training=True)
            loss.backward()
            gradient, x_adv = x_adv.grad, x_adv.detach()
            further = run.step_up(x, x_adv, gradient)
            moved = torch.cat([further - x, moved[len(x) :]])
            return {"loss": loss.detach(), "y_pred": answer.detach()}

        return step
