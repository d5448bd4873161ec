"""What is said of a table before anything moves: that it breaks the rules, or cannot be moved."""

import warnings

import numpy as np


def check_rules(space, rows):
    """Raise if rows break the rules as they came.

    Parameters
    ----------
    space : Space
    rows : ndarray of shape (n, ...)
        Coordinates.

    Raises
    ------
    ValueError
        Naming the rule, the feature, the row and the value.
    """
    flat = rows.reshape(len(rows), space.width)
    name = space.table.name
    for i in np.flatnonzero(space.integer):
        broken = flat[:, i] != np.round(flat[:, i])
        if broken.any():
            raise ValueError(
                f"constraints: feature {name(space.feature[i])} is to stay a whole number, but "
                f"row {broken.argmax()} of X holds {flat[broken, i][0]:g}."
            )
    for i, (low, high) in space.rules.ranges.items():
        at = space.start[i]
        size = max(abs(end) for end in (low, high, 0) if np.isfinite(end))
        slack = 8 * np.finfo(flat.dtype).eps * size  # what scalers leave
        broken = (flat[:, at] < low - slack) | (flat[:, at] > high + slack)
        broken &= ~np.broadcast_to(space.missing(rows), rows.shape).reshape(flat.shape)[:, at]
        if broken.any():
            raise ValueError(
                f"constraints: row {broken.argmax()} of X holds {flat[broken, at][0]:g} in feature "
                f"{name(i)}, outside ranges[{name(i)}] = ({low:g}, {high:g}); widen the range, or "
                "leave such rows out."
            )
    for group in space.groups[: len(space.rules.one_hot)]:
        block = flat[:, group]
        broken = ~((block == 0) | (block == 1)).all(axis=1) | (block.sum(axis=1) != 1)
        if broken.any():
            members = ", ".join(name(i) for i in space.feature[group])
            raise ValueError(
                f"constraints: row {broken.argmax()} of X does not have exactly one 1, and 0 "
                f"otherwise, in the one_hot group [{members}]."
            )


def check_complete(space):
    """Raise if numbers are missing: a gradient needs all of them.

    Parameters
    ----------
    space : Space

    Raises
    ------
    ValueError
        Naming the features.
    """
    gone = [space.table.name(i) for i in np.flatnonzero(space.table.missing)]
    if gone:
        raise ValueError(
            f"X contains NaN, in features {', '.join(gone[:5])}, and attacks that follow gradients "
            "need every number; impute them before, or use an attack that needs no gradient, as "
            "SquareAttack or HopSkipJumpAttack, which leaves missing cells missing."
        )


def warn_if_too_dear(space, eps, norm):
    """Warn of features that cannot move at all, one whole step being longer than the budget.

    Parameters
    ----------
    space : Space
    eps : float or None
    norm : {0, 1, 2, inf}
    """
    dear = too_dear(space, eps, norm)
    if dear:
        names = ", ".join(f"{space.table.name(i)} ({p:.3g})" for i, p in list(dear.items())[:8])
        warnings.warn(
            f"eps={eps:g} is less than a single step of some features costs, so that they cannot "
            f"move: {names}. Raise eps, make their scale in Constraints(scale=...) larger, or list "
            "them in immutable.",
            UserWarning,
            stacklevel=4,
        )


def too_dear(space, eps, norm):
    """Give what a single step costs, by feature, of those that the budget does not let move."""
    if eps is None or norm == 0:
        return {}
    prices = {i: space.price(i) for i in space.table.categories}
    for group in space.rules.one_hot:
        unit = np.ones(2) if space.unit is None else np.sort(space.unit[space.start[group]])[-2:]
        prices |= dict.fromkeys(map(int, group), np.linalg.norm(1 / unit, ord=norm))
    for i in np.flatnonzero(space.integer[space.start]):
        prices[i] = 1.0 if space.unit is None else 1 / space.unit[space.start[i]]
    dear = {i: p for i, p in prices.items() if p > eps * (1 + 1e-9)}
    return {i: p for i, p in dear.items() if not space.frozen[space.start[i]]}
