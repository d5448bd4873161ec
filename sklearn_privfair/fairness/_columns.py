"""Where sensitive features come from: beside X, or columns of X, which a net may see or not."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _num_samples,
    check_array,
    check_X_y,
    validate_data,
)

from sklearn_privfair.fairness._sensitive import as_frame, places_of

FLOATS = {"dtype": [np.float64, np.float32], "allow_nd": True}


class SensitiveColumnsMixin:
    """Reads `sensitive_features` and `drop_sensitive`."""

    sensitive_features: Any
    drop_sensitive: bool
    _y_numeric = False
    _hidden: Any

    def _check_given(self, given):
        """Raise unless the sensitive features come by one way."""
        named = self.sensitive_features
        if (given is None) == (named is None):
            which = "neither of them is" if given is None else "both are"
            remedy = (
                ""
                if given is None
                else " Where metadata routing passes them on to scorers alone, "
                "set_fit_request(sensitive_features=False) keeps them from here."
            )
            raise ValueError(
                "sensitive_features come by fit(X, y, sensitive_features=...), or are columns of "
                f"X named by sensitive_features=... in the constructor; {which} given. No fair "
                f"model is trained without them.{remedy}"
            )
        if given is not None and self.drop_sensitive:
            raise ValueError(
                "drop_sensitive=True hides columns of X, and sensitive_features were given "
                "beside X; name the columns in the constructor, or use drop_sensitive=False."
            )

    def _take_apart(self, X, y, given, reset):
        """Give rows as an array, without hidden columns, y, and the sensitive features as a frame.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
        y : ndarray of shape (n_samples,)
        frame : DataFrame of shape (n_samples, k)
        """
        self._check_given(given)
        options = FLOATS | ({"y_numeric": True} if self._y_numeric else {})
        if given is not None:
            self._hidden = None
            X, y = validate_data(self, X, y, reset=reset, **options)
            return X, y, as_frame(given, len(X))
        if not self.drop_sensitive:
            self._refuse_words(X)
            raw = X if hasattr(X, "columns") else None
            X, y = validate_data(self, X, y, reset=reset, **options)
            self._hidden = None
            return X, y, self._named(X if raw is None else raw)
        X = X if hasattr(X, "columns") else np.asarray(X)
        if np.ndim(X) != 2:
            raise ValueError(
                f"drop_sensitive=True hides columns of a table, and X has {np.ndim(X)} dimensions."
            )
        _check_feature_names(self, X, reset=reset)
        _check_n_features(self, X, reset=reset)
        frame = self._named(X)
        self._hidden = places_of(self.sensitive_features, X)
        X, y = check_X_y(self._visible(X), y, estimator=self, **options)
        return X, y, frame

    def _named(self, X):
        places = places_of(self.sensitive_features, X)
        part = X.iloc[:, places] if hasattr(X, "columns") else X[:, places]
        if not hasattr(X, "columns"):  # named as they are chosen
            part = pd.DataFrame(part, columns=[f"column {i}" for i in places])
        return as_frame(part, _num_samples(X))

    def _refuse_words(self, X):
        """Raise if a sensitive column that the net is to see holds no numbers."""
        if not hasattr(X, "columns"):
            return
        for place in places_of(self.sensitive_features, X):
            if X.dtypes.iloc[place].kind not in "fiub":
                raise ValueError(
                    f"The sensitive column {X.columns[place]!r} holds no numbers, and the net "
                    "would see it; hide it by drop_sensitive=True, or encode it."
                )

    def _visible(self, X):
        """Leave the hidden columns out."""
        if hasattr(X, "columns"):
            return X.drop(columns=X.columns[self._hidden])
        return np.delete(X, self._hidden, axis=1)

    def _shown(self, X):
        """Check rows to be predicted; a data frame may lack the hidden columns."""
        if self._hidden is None:
            return validate_data(self, X, reset=False, **FLOATS)
        names = getattr(self, "feature_names_in_", None)
        if hasattr(X, "columns") and names is not None:
            rest = np.delete(names, self._hidden)
            if list(X.columns) == list(rest):
                return check_array(X, estimator=self, input_name="X", **FLOATS)
        X = X if hasattr(X, "columns") else np.asarray(X)
        if np.ndim(X) != 2:
            raise ValueError(f"X has {np.ndim(X)} dimensions, and a table is expected.")
        _check_feature_names(self, X, reset=False)
        _check_n_features(self, X, reset=False)
        return check_array(self._visible(X), estimator=self, input_name="X", **FLOATS)
