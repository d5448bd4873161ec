"""Gaussian discriminants and naive Bayes: logits are log joint densities."""

import numpy as np
import torch
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._compose import as_transformer
from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._linear_models import Linear
from sklearn_privfair.differentiable._numbers import Numbers, binary_columns


class QuadraticLogits(Numbers):
    """The log density of one Gaussian for each class, plus what does not depend on the row."""

    def __init__(self, whiteners, offsets):
        super().__init__(offsets=offsets)
        self.whiteners = nn.ModuleList(whiteners)

    def forward(self, x):
        """Give the logits of rows `x`."""
        whitened = [whiten(x) for whiten in self.whiteners]
        norms = torch.stack([(w * w).sum(dim=1) for w in whitened], dim=1)
        logits = self.offsets - 0.5 * norms
        return binary_columns(logits[:, 1] - logits[:, 0]) if logits.shape[1] == 2 else logits


@as_module.register(QuadraticDiscriminantAnalysis)
def _(model):
    check_is_fitted(model)
    whiteners, offsets = [], []
    for mean, rotation, scaling, prior in zip(
        model.means_, model.rotations_, model.scalings_, model.priors_, strict=True
    ):
        whiteners.append(Linear((rotation * scaling**-0.5).T, center=mean))
        offsets.append(np.log(prior) - 0.5 * np.log(scaling).sum())
    return QuadraticLogits(whiteners, offsets).eval()


@as_transformer.register(LinearDiscriminantAnalysis)
def _(step):
    check_is_fitted(step)
    if step.solver == "lsqr":
        raise NotDifferentiableError(step, "it has no transform with solver='lsqr'")
    center = step.xbar_ if step.solver == "svd" else None
    return Linear(step.scalings_[:, : step._max_components].T, center=center).eval()


class NaiveBayesLogits(Numbers):
    """The log joint density of independent Gaussian features, for each class."""

    def forward(self, x):
        """Give the logits of rows `x`."""
        away = self.cast(x).unsqueeze(1) - self.means
        return self.offsets - 0.5 * (away * away / self.variances).sum(dim=2)


@as_module.register(GaussianNB)
def _(model):
    check_is_fitted(model)
    offsets = np.log(model.class_prior_) - 0.5 * np.log(2 * np.pi * model.var_).sum(axis=1)
    return NaiveBayesLogits(means=model.theta_, variances=model.var_, offsets=offsets).eval()
