"""PCA and its kin, PolynomialFeatures."""

from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.preprocessing import PolynomialFeatures
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from ._harness import contract


@contract(
    PCA(3),
    PCA(),
    PCA(3, whiten=True),
    IncrementalPCA(3, whiten=True),
    TruncatedSVD(3),
    GaussianRandomProjection(4, random_state=0),
    SparseRandomProjection(4, random_state=0),
    PolynomialFeatures(),
    PolynomialFeatures(3, include_bias=False),
    PolynomialFeatures(3, interaction_only=True),
    PolynomialFeatures((2, 3)),
)
def test_projection(case, check):
    check(case)
