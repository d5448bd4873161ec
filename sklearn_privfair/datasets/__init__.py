"""Real data sets, fetched as scikit-learn fetches its own."""

from ._adult import fetch_adult
from ._cifar10 import fetch_cifar10
from ._compas import fetch_compas
from ._mnist import fetch_mnist

__all__ = ["fetch_adult", "fetch_cifar10", "fetch_compas", "fetch_mnist"]
