"""SplineTransformer: B-splines as polynomials between knots, and their extrapolation."""

from math import factorial

import numpy as np
import torch
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._numbers import Numbers


class PiecewisePolynomials(Numbers):
    """Polynomials of each feature between breaks.

    Parameters
    ----------
    breaks : array of shape (n_features, n_pieces - 1)
        Where a piece ends and the next begins.
    origins : array of shape (n_features, n_pieces)
        Where the variable of each polynomial is 0.
    coefficients : array of shape (n_features, n_pieces, degree + 1, n_splines)
        Highest power first.
    ends : array of shape (2, n_features)
        The first and the last knot.
    extrapolation : str
        That of the transformer; what it means beyond the ends is in the pieces, but for "periodic"
        and "error".
    """

    def __init__(self, breaks, origins, coefficients, ends, extrapolation):
        super().__init__(breaks=breaks, origins=origins, coefficients=coefficients, ends=ends)
        self.extrapolation = extrapolation

    def forward(self, x):
        """Give the splines of rows `x`, feature after feature."""
        x = self.cast(x)
        first, last = self.ends
        if self.extrapolation == "periodic":
            x = first + torch.remainder(x - first, last - first)
        elif self.extrapolation == "error" and bool(((x < first) | (x > last)).any()):
            raise ValueError(
                "X contains values beyond the limits of the knots, which SplineTransformer("
                "extrapolation='error') refuses: keep X within them (bounds of an attack), or "
                "take another extrapolation."
            )
        piece = torch.searchsorted(self.breaks, x.detach().T.contiguous(), right=True).T
        features = torch.arange(x.shape[1], device=x.device)
        step = (x - self.origins[features, piece]).unsqueeze(2)
        pieces = self.coefficients[
            features, piece
        ]  # (n_samples, n_features, degree + 1, n_splines)
        splines = pieces[:, :, 0] + 0 * step
        for power in range(1, pieces.shape[2]):
            splines = splines * step + pieces[:, :, power]
        return splines.flatten(1)


def _pieces(spline, extrapolation):
    """Give breaks, origins, coefficients and ends of one feature."""
    degree = spline.k
    knots = spline.t[degree : len(spline.t) - degree]
    powers = range(degree, -1, -1)  # Taylor's polynomials, to the right of each knot
    inner = np.stack([spline(knots[:-1], nu=power) / factorial(power) for power in powers])
    breaks, origins = knots[1:-1], knots[:-1]
    if extrapolation in ("constant", "linear"):
        outer = np.zeros((degree + 1, 2, inner.shape[2]))
        outer[-1] = spline(knots[[0, -1]])
        if extrapolation == "linear":
            outer[-2] = spline(knots[[0, -1]], nu=1)
        inner = np.concatenate([outer[:, :1], inner, outer[:, 1:]], axis=1)
        breaks, origins = knots, np.concatenate([knots[:1], knots])
    return breaks, origins, inner.transpose(1, 0, 2), knots[[0, -1]]


@as_module.register(SplineTransformer)
def _(model):
    check_is_fitted(model)
    splines, extrapolation = model.bsplines_, model.extrapolation
    if model.degree == 0:
        raise NotDifferentiableError(model, "splines of degree 0 are steps")
    if model.degree == 1 and extrapolation == "linear" and len(splines) > 1:
        raise NotDifferentiableError(
            model,
            "of degree 1, scikit-learn extrapolates the second and later features from knots "
            "inside the range; take extrapolation='continue', which is the linear one here",
        )
    if any(len(np.unique(spline.t)) < len(spline.t) for spline in splines):
        raise NotDifferentiableError(
            model,
            "some of its knots coincide, so its splines jump; take knots='uniform', and leave out "
            "features that are constant",
        )
    breaks, origins, coefficients, ends = map(
        np.stack, zip(*(_pieces(spline, extrapolation) for spline in splines), strict=True)
    )
    if not model.include_bias:
        coefficients = coefficients[..., :-1]
    return PiecewisePolynomials(breaks, origins, coefficients, ends.T, extrapolation).eval()
