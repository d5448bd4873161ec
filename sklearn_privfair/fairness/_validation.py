"""Accuracy and gap on rows held out, after every epoch; the best weights; when to stop.

Epochs are ranked as Deb (2000) ranks candidates under a constraint: those within the tolerance by
their score, before all others, and these by how far they are from it.
"""

import copy

import numpy as np


class Validation:
    """What is known of the epochs so far.

    Parameters
    ----------
    rows : Rows
        Held out.
    tolerance : float or None
        None: epochs are ranked by score less gap.
    patience : int or None
        Epochs without a better one after which to stop; None: never.
    first : int
        Before this epoch nothing is kept, and none is counted: pretraining.
    """

    def __init__(self, rows, tolerance, patience, first):
        self.rows, self.tolerance, self.patience, self.first = rows, tolerance, patience, first
        self.best, self.best_epoch, self.best_state = (-1, -np.inf), None, None

    def judge(self, score, gap, module, epoch):
        """Judge an epoch, from 0, and keep its weights if it is the best so far."""
        if epoch < self.first:
            return
        if self.tolerance is None:
            rank = (0, score - gap)
        else:
            rank = (1, score) if gap <= self.tolerance else (0, -gap)
        if rank > self.best:
            self.best, self.best_epoch = rank, epoch
            self.best_state = copy.deepcopy(module.state_dict())

    def enough(self, epoch):
        """Tell whether to stop after this epoch."""
        if self.patience is None or self.best_epoch is None:
            return False
        return epoch - self.best_epoch >= self.patience
