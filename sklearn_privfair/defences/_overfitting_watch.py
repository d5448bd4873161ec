"""A watch on trainings by single steps, which may come to resist these alone.

Wong, Rice & Kolter (2020), section 5.4: a full attack on some rows after every epoch tells.
"""

import copy
import warnings


class CatastrophicOverfittingWarning(UserWarning):
    """A net trained by single steps resists these, and nothing else any more.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_privfair.defences import CatastrophicOverfittingWarning
    >>> warnings.simplefilter("error", CatastrophicOverfittingWarning)  # in a search, be strict
    """


_GAP = 0.3  # between resisting single steps and all of them, as no sound training has


class OverfittingWatch:
    """Robust accuracy of rows of the training, after every epoch.

    Parameters
    ----------
    attack : BaseAttack
        Complete but for the model.
    X : ndarray
        All rows, from which the attack learns bounds.
    X_watched, y_watched : ndarray
        The rows attacked, and their class codes.
    on_overfitting : {"stop", "warn"}
    """

    def __init__(self, attack, X, X_watched, y_watched, on_overfitting):
        self.attack, self.X = attack, X
        self.X_watched, self.y_watched = X_watched, y_watched
        self.on_overfitting = on_overfitting
        self.seen = []
        self.overfitted, self.best_epoch, self.best_state = False, None, None

    @property
    def stops(self):
        """Whether training is to stop."""
        return self.overfitted and self.on_overfitting == "stop"

    def judge(self, module, weights, single):
        """Judge the net after an epoch.

        Parameters
        ----------
        module : torch.nn.Module
            From raw rows to logits, frozen.
        weights : torch.nn.Module
            Whose weights are kept if this is the best epoch so far.
        single : float
            Accuracy on the single steps of the epoch.
        """
        self.attack.set_params(estimator=module).fit(self.X)
        result = self.attack.generate(self.X_watched, self.y_watched)
        robust = float(((result.y_pred == self.y_watched) & ~result.success).mean())
        best = max(self.seen, default=0.0)
        # single steps are resisted, and all steps are not any more
        fallen = robust < 0.5 * best and single > robust + _GAP
        if fallen and not self.overfitted:
            self.overfitted = True
            warnings.warn(
                f"Catastrophic overfitting in epoch {len(self.seen) + 1}: of the rows watched "
                f"{robust:.1%} resist the whole attack, after {best:.1%}, while {single:.1%} "
                "resist the single steps of the training. More noise, a smaller step, grad_align, "
                "a smaller eps or AdversarialTrainingClassifier keep nets from it.",
                CatastrophicOverfittingWarning,
                stacklevel=2,
            )
        if not self.seen or robust > best:
            self.best_epoch = len(self.seen)
            self.best_state = copy.deepcopy(weights.state_dict())
        self.seen.append(robust)
