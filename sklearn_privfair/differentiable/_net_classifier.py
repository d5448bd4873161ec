"""What classifiers that train a net have in common: labels, answers, outputs."""

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_privfair._stored import StoredState
from sklearn_privfair.differentiable._seeds import generators_as_found
from sklearn_privfair.differentiable._skorch_training import is_net, net_inputs
from sklearn_privfair.differentiable._victim import last_step


class NetClassifierMixin(StoredState, ClassifierMixin):
    """A classifier whose fitted `estimator_`, a net or any other, answers in codes of classes.

    `_columns` holds the columns' names where data frames are wanted by the steps before a net.
    """

    def _encode(self, y, net):
        """Turn labels into codes; the net's own `classes`, where given, say which there are."""
        classes = getattr(net, "classes", None)
        named = classes is not None and len(classes) > 0  # to skorch [] says: none
        encoder = LabelEncoder().fit(np.asarray(classes) if named else y)
        self.classes_ = encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes; y holds only one class, "
                f"{self.classes_.tolist()[0]!r}."
            )
        return encoder.transform(y).astype(np.int64)

    def _check_outputs(self, n_outputs):
        """Raise if a net's outputs are not the classes."""
        if n_outputs != len(self.classes_):
            raise ValueError(
                f"The net has {n_outputs} outputs for {len(self.classes_)} classes; give its "
                "module as many outputs as there are classes, or name all classes, "
                "classes=[...], in the net."
            )

    def _table(self, X):
        """Give rows as steps before a net want them: as a frame, if that is what came."""
        return X if self._columns is None else pd.DataFrame(X, columns=self._columns)

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        codes = self._ask("predict", X)
        return self.classes_[codes.astype(np.int64)]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`.
        """
        return self._ask("predict_proba", X)

    def _ask(self, method, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], allow_nd=True, reset=False)
        last = last_step(self.estimator_)
        if is_net(last):
            X = net_inputs(last, X)
            X = self._table(X) if isinstance(self.estimator_, Pipeline) else X
        with generators_as_found(devices=False):  # skorch's data loaders draw a seed
            return np.asarray(getattr(self.estimator_, method)(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
