"""Seeds, from whatever scikit-learn takes as a random state."""

import numpy as np
from sklearn.utils import check_random_state


def draw_seed(random_state):
    """Draw one seed; without a `random_state` from fresh entropy, never numpy's global generator.

    Parameters
    ----------
    random_state : int, RandomState instance or None

    Returns
    -------
    seed : int
        In [0, 2**31 - 1).
    """
    limit = np.iinfo(np.int32).max
    if random_state is None:
        return int(np.random.default_rng().integers(limit))
    return int(check_random_state(random_state).randint(limit))
