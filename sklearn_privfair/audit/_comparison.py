"""Audits of two models, or of one before and after, side by side."""

from pathlib import Path

import pandas as pd

from sklearn_privfair.audit._page import fragment, page

_KEYS = ["metric", "family", "method", "by", "group"]


class AuditComparison:
    """Reports side by side: the same figures of two models, and their curves in one picture.

    Parameters
    ----------
    first, second : AuditReport
        Of two models, best on the same rows.
    names : pair of str, default=None
        What to call them. None: by the names of the models, numbered if these are the same.

    Attributes
    ----------
    differences : list of str
        What else differs, data or parameters, so that figures may not be comparable.

    See Also
    --------
    ModelAudit : Makes the reports.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_privfair.audit import AuditComparison, ModelAudit
    >>> X, y = load_iris(return_X_y=True)
    >>> reports = []
    >>> for model in (LogisticRegression(max_iter=1000), DecisionTreeClassifier(random_state=0)):
    ...     audit = ModelAudit(
    ...         model.fit(X[::2], y[::2]), families=["privacy"], membership=["loss"], random_state=0
    ...     )
    ...     reports.append(audit.run(X[::2], y[::2], X[1::2], y[1::2]))
    >>> both = AuditComparison(*reports).to_frame()
    >>> both.columns[-3:].tolist()
    ['LogisticRegression', 'DecisionTreeClassifier', 'difference']
    """

    def __init__(self, first, second, *, names=None):
        self.first, self.second, self.names = first, second, names
        self._data = [first.to_dict(), second.to_dict()]
        given = [data["model"]["name"] for data in self._data] if names is None else list(names)
        if len(given) != 2:
            raise ValueError(f"names={names!r} must be two, one for each report.")
        if given[0] == given[1]:
            given = [f"{given[0]} (1)", f"{given[1]} (2)"]
        for data, name in zip(self._data, given, strict=True):
            data["model"]["name"] = name
        self._given = given

    @property
    def differences(self):
        """What else differs between the two audits."""
        a, b = self._data
        found = [
            f"{what}: {a['data'][key]} and {b['data'][key]}"
            for key, what in (("n_train", "training rows"), ("n_test", "test rows"))
            if a["data"][key] != b["data"][key]
        ]
        found += [
            f"the {what}, though there are as many"
            for part, what in (("train", "training rows"), ("test", "test rows"))
            if a["data"][f"n_{part}"] == b["data"][f"n_{part}"] and _differ(a, b, f"hash_{part}")
        ]
        if a["data"]["class_counts"] != b["data"]["class_counts"]:
            found.append("the classes, or their counts")
        if a["data"]["groups"] != b["data"]["groups"]:
            found.append("the groups, or their counts")
        names = [n for n in a["parameters"] if n not in ("name", "shadow_estimator")]
        found += [
            f"{name}: {a['parameters'][name]!r} and {b['parameters'].get(name)!r}"
            for name in names
            if a["parameters"][name] != b["parameters"].get(name)
        ]
        versions = a["environment"]["packages"], b["environment"]["packages"]
        found += [
            f"version of {name}: {versions[0][name]} and {versions[1].get(name)}"
            for name in versions[0]
            if versions[0][name] != versions[1].get(name)
        ]
        return found

    def to_frame(self):
        """Give one line for each figure that either has.

        Returns
        -------
        frame : pandas.DataFrame
            What tells the figure, as :meth:`AuditReport.to_frame` has it; its value for each model,
            by name; and the ``difference``, the second's less the first's.
        """
        frames = [
            report.to_frame()[[*_KEYS, "value"]].rename(columns={"value": name})
            for report, name in zip((self.first, self.second), self._given, strict=True)
        ]
        both = pd.merge(*frames, on=_KEYS, how="outer", sort=False)
        both["difference"] = both[self._given[1]] - both[self._given[0]]
        return both

    def to_html(self, path=None):
        """Make one page that needs nothing else.

        Parameters
        ----------
        path : str or pathlib.Path, default=None
            Where to write it. None: nowhere.

        Returns
        -------
        html : str
        """
        html = page(self._data, self.differences)
        if path is not None:
            Path(path).write_text(html, encoding="utf-8")
        return html

    def _repr_html_(self):
        return fragment(self._data, self.differences)

    def __repr__(self):
        return f"AuditComparison({self._given[0]!r}, {self._given[1]!r})"


def _differ(a, b, key):
    """Tell whether both have a hash, which reports before version 1.2 have not, and another one."""
    hashes = {part["data"].get(key) for part in (a, b)}
    return len(hashes) == 2 and None not in hashes
