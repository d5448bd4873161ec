"""What may move, and how: the rules of a table that an adversarial row has to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

_LISTS = ("immutable", "increasing", "decreasing", "integer", "categorical")


@dataclass(frozen=True, kw_only=True, eq=False)
class Constraints:
    """What an attack may do to each feature, by every attack kept on every row.

    Features are named by their column, where the rows are a data frame, or by their number; those
    of images by the number of the pixel in the flattened row, or by a mask of the row's shape.

    A data frame that has columns without numbers, or that is attacked with constraints, keeps its
    dtypes: columns of integers and booleans move in whole steps, and columns that hold names are
    categorical, without being listed. Dates, durations and objects that are neither numbers nor
    names stay as they are, unless they are listed.

    Parameters
    ----------
    immutable : list or bool ndarray, default=()
        Features that stay as they are.
    increasing : list or bool ndarray, default=()
        Features that may only grow.
    decreasing : list or bool ndarray, default=()
        Features that may only shrink.
    integer : list or bool ndarray, default=()
        Features that stay whole numbers.
    categorical : list or bool ndarray, default=()
        Features whose values are names, though they may look like numbers; they move from any
        category to any other. A gradient through a code says nothing: attacks that follow
        gradients ask the model about every change of one category, and follow the gradient of the
        other features from there.
    one_hot : list of lists, default=()
        Groups of features of which exactly one is 1 and the others are 0.
    ranges : dict of feature to (low, high), default=None
        The range of single features: within the `bounds` that an attack is given, and instead of
        those that it learns ("auto").
    categories : dict of feature to list, default=None
        The values that a categorical feature may take. Those not named take the values seen in the
        data that the attack was fitted on; fitted on a model, the categories of their pandas dtype.
    scale : "std", "range", array-like of shape (n_features,), dict or None, default=None
        What counts as one unit of each feature: distances and `eps` are those of
        ``(x' - x) / scale``. So ``eps=0.5, scale="std"`` lets each feature move by half its
        standard deviation. "std" and "range" are learned when the attack is fitted on data, for
        all but categorical and one-hot features, which have 1; features that do not vary there
        may not move. In a dict, features not named have 1. A change of category has the length
        ``1 / scale`` in every norm: 1, unless a dict or an array says otherwise. A change within a
        one-hot group is one of two features, of length 2 in l1 and sqrt(2) in l2. What a budget
        does not pay for cannot move: ``eps=0.3`` changes no category, and an attack warns.

    See Also
    --------
    SquareAttack : For models that have scores but no gradient.
    HopSkipJumpAttack : For models of which only decisions are known.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import Constraints, PGDAttack
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> rules = Constraints(
    ...     immutable=["petal width (cm)"], increasing=["petal length (cm)"], scale="std"
    ... )
    >>> model = LogisticRegression(max_iter=1000)
    >>> attack = PGDAttack(model, eps=0.5, constraints=rules, random_state=0).fit(X, y)
    >>> moved = (attack.transform(X, y) - X).round(1)
    >>> moved.agg(["min", "max"])
         sepal length (cm)  sepal width (cm)  petal length (cm)  petal width (cm)
    min               -0.4              -0.2                0.0               0.0
    max                0.4               0.2                0.9               0.0
    """

    immutable: Sequence = ()
    increasing: Sequence = ()
    decreasing: Sequence = ()
    integer: Sequence = ()
    categorical: Sequence = ()
    one_hot: Sequence = ()
    ranges: Mapping | None = None
    categories: Mapping | None = None
    scale: object = None

    def __eq__(self, other):
        if not isinstance(other, Constraints):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def resolve(self, n_features, names=None):
        """Give the same constraints with features by number.

        Parameters
        ----------
        n_features : int
            Of a flattened row.
        names : list of str, default=None
            Of the columns, where there are such.

        Returns
        -------
        constraints : Constraints
            With lists as sorted int ndarrays, groups as a list of them, dicts by number, and
            `scale` None, a string or a float64 ndarray.

        Raises
        ------
        ValueError
            If a feature does not exist, or two rules contradict each other.
        """

        def number(key, rule):
            return _number(key, rule, n_features, names)

        given: dict = {}
        for rule in _LISTS:
            given[rule] = _numbers(getattr(self, rule), rule, n_features, names)
        given["one_hot"] = [_numbers(g, "one_hot", n_features, names) for g in self.one_hot]
        for rule in ("ranges", "categories"):
            mapping = getattr(self, rule) or {}
            given[rule] = {number(key, rule): value for key, value in mapping.items()}
        given["scale"] = self.scale
        if isinstance(self.scale, Mapping):
            given["scale"] = np.ones(n_features)
            for key, value in self.scale.items():
                given["scale"][number(key, "scale")] = value
        elif not (self.scale is None or isinstance(self.scale, str)):
            given["scale"] = np.asarray(self.scale, dtype=np.float64).ravel()
        _check(given, n_features, names)
        return Constraints(**given)


def _same(a, b):
    """Tell whether two rules say the same, whatever containers they are in."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    lists = [hasattr(v, "__len__") and not isinstance(v, (str, Mapping)) for v in (a, b)]
    if all(lists):
        return len(a) == len(b) and all(_same(*pair) for pair in zip(a, b, strict=True))
    return not any(lists) and bool(a == b)


def _numbers(keys, rule, n_features, names):
    keys = np.asarray(keys, dtype=object if _holds_names(keys) else None)
    if keys.dtype == bool:
        if keys.size != n_features:
            raise ValueError(
                f"constraints: {rule} is a mask of {keys.size} features, the rows have "
                f"{n_features}."
            )
        return np.flatnonzero(keys)
    found = [_number(key, rule, n_features, names) for key in keys.ravel().tolist()]
    return np.unique(np.asarray(found, dtype=np.int64))


def _holds_names(keys):
    return any(isinstance(key, str) for key in np.ravel(np.asarray(keys, dtype=object)))


def _number(key, rule, n_features, names):
    if names is not None and key in names:
        if list(names).count(key) > 1:
            raise ValueError(
                f"constraints: {rule} names the feature {key!r}, and several columns have that "
                "name; rename them, or give their numbers."
            )
        return list(names).index(key)
    if isinstance(key, (int, np.integer)) and -n_features <= key < n_features:
        return int(key) % n_features
    known = f"the columns are {list(names)[:10]}" if names is not None else "the rows have no names"
    raise ValueError(
        f"constraints: {rule} names the feature {key!r}, which is not there; {known}, and there "
        f"are {n_features} features."
    )


def _check(given, n_features, names):
    def name(i):
        return repr(names[i] if names is not None else int(i))

    both = set(given["increasing"]) & set(given["decreasing"])
    if both:
        raise ValueError(
            f"constraints: feature {name(min(both))} is both increasing and decreasing; to keep "
            "it as it is, list it in immutable."
        )
    named = set(given["categorical"].tolist())
    for rule in ("increasing", "decreasing", "integer", "ranges"):
        both = named & set(given[rule])
        if both:
            raise ValueError(
                f"constraints: feature {name(min(both))} is categorical, and has no order: it "
                f"cannot be in {rule}."
            )
    members = [int(i) for group in given["one_hot"] for i in group]
    if len(members) != len(set(members)) or named & set(members):
        raise ValueError("constraints: a feature is in more than one group of one_hot/categorical.")
    for i, limits in given["ranges"].items():
        if np.shape(limits) != (2,) or not limits[0] <= limits[1]:
            raise ValueError(f"constraints: ranges[{name(i)}] = {limits!r} is no (low, high).")
    scale = given["scale"]
    if isinstance(scale, str) and scale not in ("std", "range"):
        raise ValueError(f"constraints: scale={scale!r}; say 'std', 'range' or numbers.")
    if isinstance(scale, np.ndarray):
        if scale.size != n_features:
            raise ValueError(
                f"constraints: scale holds {scale.size} features, the rows {n_features}."
            )
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError("constraints: scale must be positive and finite; see immutable.")
