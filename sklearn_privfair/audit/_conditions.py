"""Conditions such as "robust_accuracy<0.5": read by a pattern, never evaluated as code."""

import math
import operator
import re
from dataclasses import dataclass

from sklearn_privfair.audit._names import INFINITE

_OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PATTERN = re.compile(
    r"\s*(?P<metric>[a-z_]+)(?:@(?P<at>[0-9.]+(?:e[-+]?[0-9]+)?))?(?:\.(?P<part>low|high))?\s*"
    r"(?P<operator><=|>=|<|>)\s*(?P<limit>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*"
)


@dataclass(frozen=True)
class Condition:
    """A metric, or a bound of its interval, compared with a number.

    Parameters
    ----------
    text : str
        As it was given.
    metric : str
    part : {"value", "low", "high"}
    operator : str
    limit : float
    """

    text: str
    metric: str
    part: str
    operator: str
    limit: float

    def holds(self, figures):
        """Tell whether it holds; None where the metric was not measured.

        Parameters
        ----------
        figures : list of dict
            Those of a report.
        """
        for figure in figures:
            told = figure["by"] == "all" and figure["method"] is None
            if told and figure["metric"] == self.metric:
                value = figure[self.part]
                if value is None and figure["note"] == INFINITE and self.part != "low":
                    value = math.inf
                return None if value is None else _OPERATORS[self.operator](value, self.limit)
        return None


def read_condition(text, known):
    """Read a condition.

    Parameters
    ----------
    text : str
        ``metric<number``, or ``metric.low<number``, with <, <=, > or >=.
    known : list of str
        The metrics that there are.

    Returns
    -------
    condition : Condition

    Raises
    ------
    ValueError
        If it cannot be read, or names a metric that is not known.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"the condition {text!r} cannot be read; write a metric, one of <, <=, >, >=, and a "
            'number, as in "robust_accuracy<0.5" or "membership_auc.low>0.6"'
        )
    metric = match["metric"]
    if match["at"] is not None:
        metric += f"@{_number(match['at'], text):g}"
    if metric not in known:
        raise ValueError(
            f"the condition {text!r} names {metric!r}, which this audit does not measure; "
            f"the metrics are {', '.join(sorted(known))}"
        )
    limit = float(match["limit"])
    return Condition(text, metric, match["part"] or "value", match["operator"], limit)


def _number(written, text):
    try:
        return float(written)
    except ValueError as error:
        raise ValueError(f"the condition {text!r}: {written!r} is no number") from error
