"""What is asked of every library alike: a norm, a budget, a number of steps."""

from dataclasses import dataclass

import numpy as np
from _data import EPS


@dataclass(frozen=True)
class Task:
    """One attack to compare; `eps` None asks for the least distance.

    `n_steps` are steps, or queries of an attack that sees no gradient.
    """

    name: str
    norm: float
    eps: float | None = None
    n_steps: int | None = None

    @property
    def step_size(self):
        """2.5 eps / n_steps, Madry et al.'s rule: the ball can be crossed and left again."""
        return 2.5 * self.eps / self.n_steps


def tasks(dataset):
    """Give the tasks of a data set by name."""
    eps = EPS[dataset]
    return {
        "pgd_linf": Task("pgd_linf", np.inf, eps[np.inf], 40),
        "pgd_l2": Task("pgd_l2", 2, eps[2], 40),
        "cw_l2": Task("cw_l2", 2),
        "min_l2": Task("min_l2", 2),
        "min_linf": Task("min_linf", np.inf),
        "min_l1": Task("min_l1", 1),
        "min_l0": Task("min_l0", 0),
        "apgd_linf": Task("apgd_linf", np.inf, eps[np.inf], 100),
        "apgd_l2": Task("apgd_l2", 2, eps[2], 100),
        "square_linf": Task("square_linf", np.inf, eps[np.inf], 1000),
        "square_l2": Task("square_l2", 2, eps[2], 1000),
        "hopskipjump_l2": Task("hopskipjump_l2", 2),
        "hopskipjump_linf": Task("hopskipjump_linf", np.inf),
        "autoattack_linf": Task("autoattack_linf", np.inf, eps[np.inf], 100),
        "autoattack_l2": Task("autoattack_l2", 2, eps[2], 100),
        "autoattack_l1": Task("autoattack_l1", 1, eps[1], 100),
    }
