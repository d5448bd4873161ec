"""What an audit found, as plain data, and as a table, JSON and a page made of them."""

import copy
import json
from functools import cache, cached_property
from pathlib import Path

import pandas as pd

from sklearn_privfair.audit._page import fragment, page

SCHEMA_VERSION = "1.2"
SCHEMA = Path(__file__).parent / "schema.json"
_COLUMNS = ["metric", "family", "method", "by", "group", "value", "low", "high", "n", "note"]


@cache
def _required():
    """Give the names of what every report has."""
    return frozenset(json.loads(SCHEMA.read_text("utf-8"))["required"])


class AuditReport:
    """What an audit of one model found.

    It is made by :meth:`ModelAudit.run`, or read by :meth:`from_json`. In a notebook it shows
    itself.

    Parameters
    ----------
    data : dict
        Plain data, as `to_dict` gives it.

    Attributes
    ----------
    metrics : dict of str to float or None
        The figures over all rows, by name; None where one could not be told.
    left_out : list of dict
        The steps that were not taken, or not in whole, with the reason in ``"why"``.

    See Also
    --------
    ModelAudit : Makes it.
    AuditComparison : Two of them, side by side.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.audit import ModelAudit
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X[::2], y[::2])
    >>> audit = ModelAudit(model, families=["privacy"], membership=["loss"], random_state=0)
    >>> report = audit.run(X[::2], y[::2], X[1::2], y[1::2])
    >>> report.to_frame().query("by == 'all' and method.isna()")["metric"].tolist()[:2]
    ['train_accuracy', 'accuracy']
    """

    def __init__(self, data):
        if not isinstance(data, dict) or "schema_version" not in data:
            raise ValueError(
                "The data are no report: they lack a schema_version; give what to_dict gives, or "
                "what to_json has written."
            )
        found = str(data["schema_version"])
        if found.split(".")[0] != SCHEMA_VERSION.split(".", maxsplit=1)[0]:
            raise ValueError(
                f"The data has schema_version={found!r}, and this version of sklearn_privfair "
                f"reads {SCHEMA_VERSION}; run the audit again, or read it with the version that "
                "wrote it."
            )
        missing = sorted(_required() - set(data))
        if missing:
            raise ValueError(f"The data are no whole report: they lack {', '.join(missing)}.")
        self._data = copy.deepcopy(data)

    @property
    def metrics(self):
        """The figures over all rows, by name."""
        chosen = (f for f in self._data["figures"] if f["by"] == "all" and f["method"] is None)
        return {figure["metric"]: figure["value"] for figure in chosen}

    @property
    def left_out(self):
        """The steps that were not taken, or not in whole."""
        return [copy.deepcopy(s) for s in self._data["steps"] if s["status"] != "done"]

    def to_dict(self):
        """Give all data: numbers, strings, lists and dicts.

        Returns
        -------
        data : dict
            As the JSON schema in ``sklearn_privfair/audit/schema.json`` says.
        """
        return copy.deepcopy(self._data)

    def to_frame(self):
        """Give one line for each figure.

        Returns
        -------
        frame : pandas.DataFrame
            Columns: the ``metric``; its ``family``; the ``method``, where a figure is that of one
            of several; ``by`` and ``group``, where it is that of a group; ``value``, ``low`` and
            ``high``, the bounds of its interval; the rows ``n`` that it rests on; a ``note``.
        """
        frame = pd.DataFrame(self._data["figures"], columns=_COLUMNS)
        return frame.astype(dict.fromkeys(("value", "low", "high"), float))

    def to_json(self, path=None):
        """Write all data as JSON.

        Parameters
        ----------
        path : str or pathlib.Path, default=None
            Where to write it. None: nowhere.

        Returns
        -------
        text : str
        """
        text = json.dumps(self._data, indent=1, allow_nan=False, ensure_ascii=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, path):
        """Read a report.

        Parameters
        ----------
        path : str or pathlib.Path
            What `to_json` has written.

        Returns
        -------
        report : AuditReport
        """
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def to_html(self, path=None):
        """Make one page that needs nothing else: no network, no script, pictures within.

        Parameters
        ----------
        path : str or pathlib.Path, default=None
            Where to write it. None: nowhere.

        Returns
        -------
        html : str
        """
        html = self._page
        if path is not None:
            Path(path).write_text(html, encoding="utf-8")
        return html

    @cached_property
    def _page(self):
        return page([self._data])

    def _repr_html_(self):
        return self._fragment

    @cached_property
    def _fragment(self):
        return fragment([self._data])

    def __repr__(self):
        shown = ("accuracy", "robust_accuracy", "membership_auc", "demographic_parity_difference")
        known = self.metrics
        figures = [f"{name}={known[name]:.3g}" for name in shown if known.get(name) is not None]
        return f"AuditReport({', '.join([repr(self._data['model']['name']), *figures])})"
