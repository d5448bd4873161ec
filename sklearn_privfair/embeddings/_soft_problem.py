r"""The convex problem of soft debiasing, solved: in closed form, or else by ADMM.

Bolukbasi et al. (2016), section 6, step 2b: over A = T'T, positive semi-definite, minimise

    tr((A - I) C (A - I) C) + weight * tr(B' A G A B)

where C and G are the second moments of all vectors and of the neutral ones, and B spans the bias.

With S the root of C and Y = S A S the first term is the distance of Y from C, so that the problem
is as well conditioned as can be. Where the gradient is zero, Y depends on Z = Y S^-1 B alone, and Z
solves a linear system of n_features * n_components unknowns. If the Y that comes out is positive
semi-definite it is the solution. It always is if all words are neutral, since it solves a Lyapunov
equation then; else it may not be, and ADMM (Boyd et al. 2011) projects.
"""

import warnings

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from sklearn.exceptions import ConvergenceWarning

FLOOR = 1e-9  # of the largest eigenvalue of C, below which there are no vectors to speak of
TOL, MOST = 1e-11, 20_000


def solve_soft(moments, neutral, bias, weight):
    """Solve the problem for A.

    Parameters
    ----------
    moments, neutral : ndarray of shape (n_features, n_features)
        Second moments of all vectors and of the neutral ones.
    bias : ndarray of shape (n_components, n_features)
        Orthonormal.
    weight : float

    Returns
    -------
    A : ndarray of shape (n_features, n_features)
        Symmetric and positive semi-definite.
    n_iter : int
        Iterations of ADMM; 0 if there was a closed form.
    """
    values, vectors = np.linalg.eigh(moments)
    roots = np.sqrt(np.maximum(values, FLOOR * values[-1]))
    problem = _Scaled(
        np.diag(roots**2),
        vectors.T @ neutral @ vectors / np.outer(roots, roots),
        (vectors.T @ bias.T) / roots[:, None],
        weight,
    )
    Y, n_iter = problem.at_rest(), 0
    if np.linalg.eigvalsh(Y)[0] < -1e-12 * roots[-1] ** 2:
        Y, n_iter = problem.projected()
    return vectors @ (Y / np.outer(roots, roots)) @ vectors.T, n_iter


class _Scaled:
    """``|Y - C|^2 + weight * tr(B' Y G Y B)`` in the coordinates in which C is diagonal."""

    def __init__(self, C, G, B, weight):
        self.C, self.B, self.half = C, B, weight / 2
        self.G, self.GB = G, G @ B
        d, k = B.shape
        of_z = np.kron(G, B.T @ B) + np.einsum("ib,ja->iajb", B, self.GB).reshape(d * k, d * k)
        self.coupling = self.half * of_z

    def _factor(self, diagonal):
        return lu_factor(diagonal * np.eye(len(self.coupling)) + self.coupling), diagonal

    def _rest(self, factor, right):
        """Solve ``diagonal Y + weight / 2 (G Y BB' + BB' Y G) = right``."""
        lu, diagonal = factor
        Z = lu_solve(lu, (right @ self.B).ravel()).reshape(self.B.shape)
        one = self.half * (self.G @ Z) @ self.B.T
        return (right - one - one.T) / diagonal

    def at_rest(self):
        """Find where the gradient is zero."""
        return self._rest(self._factor(1.0), self.C)

    def projected(self):
        """Minimise over positive semi-definite matrices, to within rounding."""
        curvature = 1 + 2 * self.half * np.linalg.norm(self.B, 2) ** 2 * np.linalg.norm(self.G, 2)
        rho = np.sqrt(curvature)
        factor = self._factor(1 + rho)
        size = np.linalg.norm(self.C)
        V, dual = self.C, np.zeros_like(self.C)
        for n_iter in range(1, MOST + 1):
            Y = self._rest(factor, self.C + rho * (V - dual))
            before, V = V, _semidefinite(Y + dual)
            dual += Y - V
            if max(np.linalg.norm(Y - V), np.linalg.norm(V - before)) < TOL * size:
                return V, n_iter
        warnings.warn(
            f"SoftDebias did not converge in {MOST} iterations; bias_weight may be too large.",
            ConvergenceWarning,
            stacklevel=6,
        )
        return V, n_iter


def _semidefinite(Y):
    values, vectors = np.linalg.eigh((Y + Y.T) / 2)
    positive = values > 0
    return (vectors[:, positive] * values[positive]) @ vectors[:, positive].T
