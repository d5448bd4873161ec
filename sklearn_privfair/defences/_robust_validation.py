"""Robust accuracy on rows held out, after every epoch; the best weights; when to stop.

Adversarial training overfits: robust accuracy on new rows falls while it rises on those trained on.
Rice, Wong & Kolter (2020), "Overfitting in adversarially robust deep learning".
"""

import copy

import numpy as np


class RobustValidation:
    """What is known of the epochs so far.

    Parameters
    ----------
    attack : BaseAttack
        Complete but for the model.
    X : ndarray of shape (n_train, ...)
        Rows on which the attack is fitted: what it learns, as bounds, it learns from these.
    X_val, y_val : ndarray
        Rows held out and their class codes.
    patience : int or None
        Epochs without a better one after which to stop; None: never.
    """

    def __init__(self, attack, X, X_val, y_val, patience):
        self.attack, self.X = attack, X
        self.X_val, self.y_val = X_val, y_val
        self.patience = patience
        self.best, self.best_epoch, self.best_state = -np.inf, None, None

    def judge(self, module, weights, epoch):
        """Judge the net after an epoch.

        Parameters
        ----------
        module : torch.nn.Module
            From raw rows to logits, frozen.
        weights : torch.nn.Module
            Whose weights are kept if this is the best epoch so far.
        epoch : int
            From 0.

        Returns
        -------
        accuracy, robust_accuracy : float
        """
        self.attack.set_params(estimator=module).fit(self.X)
        result = self.attack.generate(self.X_val, self.y_val)
        right = result.y_pred == self.y_val
        robust = float((right & ~result.success).mean())
        if robust > self.best:
            self.best, self.best_epoch = robust, epoch
            self.best_state = copy.deepcopy(weights.state_dict())
        return float(right.mean()), robust

    def enough(self, epoch):
        """Tell whether to stop after this epoch."""
        return self.patience is not None and epoch - self.best_epoch >= self.patience
