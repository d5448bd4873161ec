"""Figures that would be wrong in silence: hidden gradients, stale parameters, impossible labels."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import CWL2Attack, GradientMaskingWarning, PGDAttack
from sklearn_privfair.differentiable import as_module

X, Y = load_digits(return_X_y=True)
X, Y = X[:200] / 16, Y[:200]
PGD = PGDAttack(eps=0.1, bounds=(0, 1), n_steps=10, random_state=0)


def trained(scale=1.0):
    """A torch net that knows the digits, its logits scaled."""
    model = LogisticRegression(max_iter=200).fit(X, Y)
    linear = nn.Linear(64, 10)
    with torch.no_grad():
        linear.weight.copy_(scale * torch.as_tensor(model.coef_))
        linear.bias.copy_(scale * torch.as_tensor(model.intercept_))
    return linear


class ByHand(nn.Module):
    """Ends in a softmax that nobody can see."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, x):
        z = self.logits(x)
        e = (z - z.amax(1, keepdim=True)).exp()
        return e / e.sum(1, keepdim=True)


@pytest.mark.parametrize("attack", [PGD, CWL2Attack(bounds=(0, 1), n_steps=10)])
def test_a_hidden_gradient_is_told(attack):
    with pytest.warns(
        GradientMaskingWarning, match=r"gradient of \d+ of \d+ rows attacked was zero"
    ):
        attack.fit(ByHand(trained(1000.0))).score(X, Y)


def test_no_warning_where_the_gradient_is_seen():
    """Saturated as much, but its softmax is seen; warnings are errors here."""
    seen = nn.Sequential(trained(1000.0), nn.Softmax(1))
    plain = PGD.fit(trained()).score(X, Y)
    assert PGD.fit(seen).score(X, Y) == pytest.approx(plain, abs=0.02)


ENDS = {
    "special": lambda z: torch.special.softmax(z, 1),
    "clamped": lambda z: z.softmax(1).clamp(1e-7, 1),
    "scaled": lambda z: z.softmax(1) * 1.0,
    "log": lambda z: nn.functional.softmax(z, dim=1).log(),
}


@pytest.mark.parametrize("name", ENDS)
def test_logits_are_reached_behind(name):
    class Ends(nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = trained(1000.0)

        def forward(self, x):
            return ENDS[name](self.logits(x))

    rows = torch.as_tensor(X, dtype=torch.float32)
    net = Ends()
    torch.testing.assert_close(as_module(net)(rows), net.logits(rows), rtol=1e-5, atol=1e-3)


def test_what_was_not_moved_is_not_counted():
    """float64 rows that a float32 net cannot hold exactly: l0 counts moves, not rounding."""
    rows = X + 1e-9 * np.arange(64) * (X < 0.9)
    coarse = rows.astype(np.float32)
    attack = PGDAttack(norm=1, eps=2.0, bounds=(0, 1), random_start=False, n_steps=10)
    fine = attack.fit(trained()).generate(rows, Y)
    same = attack.fit(trained()).generate(coarse, Y)
    both = fine.success & same.success
    assert both.sum() > 50
    np.testing.assert_array_equal(fine.distance["l0"][both], same.distance["l0"][both])
    assert np.median(fine.distance["l0"][both]) < 30


def test_labels_beyond_the_outputs():
    with pytest.raises(ValueError, match="y holds 10, but the net has 10 outputs"):
        PGD.fit(trained()).score(X, Y + 1)


def test_parameters_set_after_fit_are_checked_and_used():
    attack = PGDAttack(eps=0.1, bounds=(0, 1), random_state=0).fit(trained())
    before = attack.score(X, Y)
    with pytest.raises(ValueError, match="'eps' parameter"):
        attack.set_params(eps=-1.0).score(X, Y)
    with pytest.raises(ValueError, match="outside bounds"):
        attack.set_params(eps=0.1, bounds=(0, 0.5)).score(X, Y)
    attack.set_params(bounds=None)
    assert attack.score(X, Y) > before


@pytest.mark.parametrize("model", [LinearRegression(), KMeans(3, n_init=1, random_state=0)])
def test_only_classifiers(model):
    with pytest.raises(TypeError, match="no classifier"):
        PGD.fit(model.fit(X, Y))


def test_a_column_called_predict_is_data():
    frame = pd.DataFrame(X[:, :3], columns=["a", "predict", "c"])
    attack = PGDAttack(LogisticRegression(), eps=0.1, random_state=0)
    assert attack.fit(frame, Y).transform(frame).shape == (200, 3)


def test_text_columns_are_named():
    frame = pd.DataFrame({"size": X[:, 20], "colour": np.where(Y > 4, "red", "blue")})
    numbers = LogisticRegression().fit(frame[["size"]], Y)
    with pytest.raises(ValueError, match=r"Columns \['colour'\] of X hold no numbers"):
        PGD.fit(numbers).transform(frame)


def test_a_pipeline_is_told_how_to_keep_a_model():
    model = LogisticRegression(max_iter=200).fit(X, Y)
    with pytest.raises(ValueError, match=r"estimator=FrozenEstimator\(model\)"):
        make_pipeline(PGD.fit(model), LogisticRegression()).fit(X, Y)
    attack = PGDAttack(FrozenEstimator(model), eps=0.1, bounds=(0, 1), random_state=0)
    hardened = make_pipeline(attack, LogisticRegression(max_iter=200)).fit(X, Y)
    np.testing.assert_array_equal(hardened[0].transform(X), attack.fit(model).transform(X))


def net():
    return NeuralNetClassifier(
        nn.Sequential(nn.Linear(64, 10)),
        criterion=nn.CrossEntropyLoss,
        max_epochs=2,
        lr=0.5,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


@pytest.mark.parametrize("piped", [False, True])
def test_a_net_is_fitted_on_data_as_its_user_would(piped):
    """float64 rows, one seed for all, and no trace in the global generators."""
    estimator = make_pipeline(StandardScaler(), net()) if piped else net()
    attack = PGDAttack(estimator, eps=0.1, random_state=0, n_steps=5)
    state = torch.random.get_rng_state()
    scores = {attack.fit(X, Y).score(X, Y) for _ in range(2)}
    assert len(scores) == 1
    assert torch.equal(torch.random.get_rng_state(), state)
    with pytest.raises(ValueError, match="the labels of a net are the numbers"):
        attack.fit(X, Y.astype(str))
