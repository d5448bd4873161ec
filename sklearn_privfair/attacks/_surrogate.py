"""A model that stands in for another: trained on its answers, and seen in its labels.

Papernot et al. (2017), "Practical black-box attacks against machine learning".
"""

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._rowwise import declare_exact
from sklearn_privfair.differentiable._skorch_training import fit_on_data, is_net
from sklearn_privfair.differentiable._victim import last_step


def default_surrogate():
    """Give the surrogate that is trained where none is given."""
    return make_pipeline(StandardScaler(), MLPClassifier((100, 100), max_iter=500))


def is_fitted(model):
    """Tell whether a surrogate can be used as it is."""
    if isinstance(model, (FrozenEstimator, nn.Module)):
        return True
    try:
        last = last_step(model)
        if is_net(last):
            return bool(last.initialized_)
        check_is_fitted(model)
    except (NotFittedError, AttributeError):
        return False
    return True


def extract(surrogate, victim, X, y, seed, coordinates=None):
    """Train a surrogate on the victim's own predictions.

    Parameters
    ----------
    surrogate : classifier
        Not fitted; a clone is trained.
    victim : Victim
    X : array-like or data frame of shape (n_samples, ...)
    y : array-like of shape (n_samples,), or None
        Labels, which are used if the victim predicts a single class.
    seed : int
    coordinates : ndarray of shape (n_samples, width), default=None
        What the surrogate is given instead of X.

    Returns
    -------
    fitted : classifier
        Of the victim's labels; a net of their numbers.
    """
    codes = victim.predict(X)
    if len(np.unique(codes)) < 2 and y is not None:
        codes = victim.encode(y)
    if len(np.unique(codes)) < 2:
        raise ValueError(
            f"The model takes all {len(codes)} rows of X for one class, so that no surrogate can "
            "be trained on its predictions; give more rows, or surrogate=FrozenEstimator(model)."
        )
    net = is_net(last_step(surrogate)) or victim.classes_ is None
    X = X if coordinates is None else coordinates
    return fit_on_data(surrogate, X, codes if net else victim.decode(codes), seed)


@declare_exact
class InPlace(nn.Module):
    """A surrogate's logits in the columns, and on the device, of the victim's.

    Parameters
    ----------
    module : torch.nn.Module
        From the victim's coordinates to the surrogate's logits.
    surrogate : Victim
    labels : ndarray of shape (n_classes,)
        The victim's.
    """

    def __init__(self, module, surrogate, labels):
        super().__init__()
        self.module = module
        self.device, self.dtype = surrogate.device, surrogate.dtype
        self.known, self.labels = surrogate.classes_, labels

    def forward(self, x):
        """Give logits, the lowest of all for classes of which the surrogate knows nothing."""
        logits = self.module(x.to(self.device, self.dtype)).to(x)
        places = torch.as_tensor(self._places(logits.shape[1]), device=x.device)
        unknown = logits.detach().amin(1, keepdim=True) - 1
        return torch.cat([logits, unknown], dim=1)[:, places]

    def _places(self, n_outputs):
        """Give the surrogate's column of each label; the one behind the last where it has none."""
        if self.known is None and n_outputs == len(self.labels):
            return np.arange(n_outputs)  # a net, whose outputs have no names
        known = np.arange(n_outputs) if self.known is None else self.known
        same = np.asarray(self.labels, dtype=object)[:, None] == np.asarray(known, dtype=object)
        if not same.any():
            raise ValueError(
                f"surrogate knows the classes {known.tolist()}, of which the model that is "
                f"attacked, with {self.labels.tolist()}, has none; train it on the model's labels."
            )
        return np.where(same.any(axis=1), same.argmax(axis=1), n_outputs)
