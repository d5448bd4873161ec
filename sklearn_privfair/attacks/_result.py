"""What an attack found, row by row."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass
class AttackResult:
    """Adversarial rows, whether they are adversarial, how far they are, and what they cost.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, ...)
        The rows as given.
    X_adv : array-like or data frame of shape (n_samples, ...)
        The adversarial rows, in the container of `X`; equal to `X` where the attack failed.
    y : ndarray of shape (n_samples,)
        The labels attacked: those given, else the model's predictions.
    y_pred, y_pred_adv : ndarray of shape (n_samples,)
        What the model predicts for `X` and for `X_adv`.
    attacked : bool ndarray of shape (n_samples,)
        Rows on which the attack ran: those the model classifies correctly, less those whose label
        is the target.
    success : bool ndarray of shape (n_samples,)
        Rows attacked whose adversarial row the model's own `predict` gets wrong (or, targeted,
        takes for the target).
    distance : dict of str to ndarray of shape (n_samples,)
        ``"l0"`` (features changed), ``"l1"``, ``"l2"`` and ``"linf"``, in the units of `X`: from
        `X` to `X_adv` where the attack succeeded, 0 for rows that the model gets wrong as they
        are, and infinite where the attack failed.
    n_forward, n_backward : int ndarray of shape (n_samples,)
        Passes through the model spent on each row.
    found_by : ndarray of str of shape (n_samples,), or None
        Of an ensemble, the attack that turned each row; "" where none did.
    members : tuple of str, default=()
        The attacks that ran, in order.
    trace : dict of str to ndarray of shape (n_samples, n_recorded_steps), or None
        ``"loss"`` (what the attack raises; for ``loss="ce"`` the log-odds of the other classes)
        and ``"distance"`` (in the attack's norm) at each step, NaN once the row is
        finished.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import CWL2Attack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> result = CWL2Attack(bounds=(0, 10)).fit(model).generate(X, y)
    >>> int(result.success.sum()), int(result.attacked.sum())
    (146, 146)
    >>> result.to_frame().columns[5:9].tolist()
    ['l0', 'l1', 'l2', 'linf']
    """

    X: object
    X_adv: object
    y: np.ndarray
    y_pred: np.ndarray
    y_pred_adv: np.ndarray
    attacked: np.ndarray
    success: np.ndarray
    distance: dict
    n_forward: np.ndarray
    n_backward: np.ndarray
    found_by: np.ndarray | None = field(default=None, repr=False)
    members: tuple = field(default=(), repr=False)
    trace: dict | None = field(default=None, repr=False)

    def to_frame(self):
        """Give one line per row: labels, success, distances, passes.

        Returns
        -------
        frame : pandas.DataFrame
            With the index of `X` if that is a data frame.
        """
        names = ("y", "y_pred", "y_pred_adv", "attacked", "success")
        table = {name: getattr(self, name) for name in names}
        table |= self.distance
        table |= {"n_forward": self.n_forward, "n_backward": self.n_backward}
        if self.found_by is not None:
            table["found_by"] = self.found_by
        return pd.DataFrame(table, index=getattr(self.X, "index", None))

    def __repr__(self):
        n, done = int(self.attacked.sum()), int(self.success.sum())
        near = np.median(self.distance["l2"][self.success]) if done else np.nan
        return (
            f"AttackResult({done} of {n} rows attacked are adversarial, median l2 {near:.4g}, "
            f"{self.n_forward.mean() if len(self.n_forward) else 0:.0f} forward and "
            f"{self.n_backward.mean() if len(self.n_backward) else 0:.0f} backward passes a row)"
        )
