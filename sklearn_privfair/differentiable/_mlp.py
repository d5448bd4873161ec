"""scikit-learn's own multi-layer perceptron."""

from sklearn.neural_network import MLPClassifier
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._linear_models import Linear, LinearLogits, refuse_multilabel

_ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


@as_module.register(MLPClassifier)
def _(model):
    check_is_fitted(model)
    refuse_multilabel(model)
    layers: list[nn.Module] = []
    for weight, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        layers += [Linear(weight.T, bias), _ACTIVATIONS[model.activation]()]
    # the output activation is softmax, or the logistic function of one value: logits come before
    layers.append(LinearLogits(model.coefs_[-1].T, model.intercepts_[-1]))
    return nn.Sequential(*layers).eval()
