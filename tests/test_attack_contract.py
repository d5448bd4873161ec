"""What every attack owes, whatever its update rule: run over all that are found by walking."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from _instances import make_instance, set_eps
from _victims import KINDS, make_case
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils import check_random_state

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.differentiable import Victim

# enough to find rows, where there are such
STEPS = {"n_steps": 20, "binary_search_steps": 5, "n_queries": 400}
NORMS = {"l0": 0, "l1": 1, "l2": 2, "linf": np.inf}


@pytest.fixture(params=KINDS, scope="module")
def case(request):
    return make_case(request.param)


@pytest.fixture(params=public_estimators(BaseAttack), ids=lambda cls: cls.__name__, scope="module")
def cls(request):
    return request.param


def make_attack(cls, case, **params):
    known = make_instance(cls).get_params()
    steps = {name: n for name, n in STEPS.items() if name in known}
    if "surrogate" in known:  # the best there is
        steps |= {"surrogate": case.model, "attack": PGDAttack(n_steps=20)}
    return make_instance(cls, **{"estimator": None, "bounds": case.bounds} | steps | params)


@pytest.fixture
def attack(cls, case):
    return make_attack(cls, case).fit(case.model)


@pytest.fixture(scope="module")
def found(cls, case):
    """A result in which some rows were turned."""
    attack = make_attack(cls, case).fit(case.model)
    result = attack.generate(case.X, case.y)
    assert result.success.sum() >= 3
    return result


def predict(case, X):
    return Victim(case.model).decode(Victim(case.model).predict(X))


def assert_same(result, other):
    """Two results say the same, bit by bit."""
    np.testing.assert_array_equal(result.X_adv, other.X_adv)
    pd.testing.assert_frame_equal(result.to_frame(), other.to_frame(), check_exact=True)


def test_success_is_what_the_model_says(case, found):
    clean, adversarial = predict(case, case.X), predict(case, found.X_adv)
    np.testing.assert_array_equal(found.y, case.y)
    np.testing.assert_array_equal(found.y_pred, clean)
    np.testing.assert_array_equal(found.y_pred_adv, adversarial)
    np.testing.assert_array_equal(found.attacked, clean == case.y)
    np.testing.assert_array_equal(found.success, (clean == case.y) & (adversarial != case.y))


def test_rows_not_turned_come_back_unchanged(case, found):
    assert (~found.attacked).any()
    np.testing.assert_array_equal(found.X_adv[~found.success], case.X[~found.success])


def test_nothing_is_claimed_where_nothing_can_be_found(case, attack):
    row = case.X[predict(case, case.X) == case.y][0]
    label = predict(case, row[None])
    attack.set_params(bounds=(np.nextafter(row, -np.inf), np.nextafter(row, np.inf)))
    result = attack.fit(case.model).generate(np.stack([row] * 3), np.repeat(label, 3))
    np.testing.assert_array_equal(result.attacked, True)
    np.testing.assert_array_equal(result.success, False)
    np.testing.assert_array_equal(result.X_adv, np.stack([row] * 3))
    np.testing.assert_array_equal([result.distance[name] for name in NORMS], np.inf)


def test_distances(case, found):
    delta = found.X_adv.astype(np.float64) - case.X
    for name, norm in NORMS.items():
        expected = np.linalg.norm(delta, ord=norm, axis=1)
        np.testing.assert_allclose(found.distance[name][found.success], expected[found.success])
        np.testing.assert_array_equal(found.distance[name][~found.attacked], 0)
        np.testing.assert_array_equal(found.distance[name][found.attacked & ~found.success], np.inf)


def test_passes_are_counted_for_attacked_rows_alone(found):
    for passes in (found.n_forward, found.n_backward):
        np.testing.assert_array_equal(passes[~found.attacked], 0)
    assert (found.n_forward[found.attacked] >= 1).all()


def test_within_budget(case, attack):
    if getattr(attack, "eps", None) is None:
        pytest.skip("no budget")
    for eps in (0.1, 0.7):
        X_adv = set_eps(attack, eps).fit(case.model).transform(case.X)
        delta = X_adv.astype(np.float64) - case.X
        length = np.linalg.norm(delta, ord=attack.norm, axis=1)
        assert 0 < length.max() <= eps


def test_within_bounds(case, attack):
    if getattr(attack, "eps", None) is not None:
        set_eps(attack, 1e4)  # so that the bounds bind
    attack.fit(case.model)
    X_adv = attack.transform(case.X).astype(np.float64)
    assert (X_adv != case.X).any()
    assert (X_adv >= case.bounds[0]).all()
    assert (X_adv <= case.bounds[1]).all()
    with pytest.raises(ValueError, match="outside bounds"):
        attack.transform(case.X + case.X.std(axis=0))


# cut to whole numbers, some rows lie where a small net is flat, and an ensemble says so
@pytest.mark.filterwarnings("ignore:Attacks that see no gradient")
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_dtype(case, attack, dtype):
    X = case.X.astype(dtype)
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    attack = attack.set_params(bounds=(low, high)).fit(case.model)
    X_adv = attack.transform(X)
    assert X_adv.dtype == (np.float64 if dtype == np.int64 else dtype)
    assert X_adv.shape == X.shape
    np.testing.assert_array_equal(attack.transform(X.tolist()), attack.transform(X.astype(float)))
    assert (X_adv != X).any()


def test_data_frame(case, attack, found):
    names = ["a", "b", "c", "d"]
    X = pd.DataFrame(case.X, columns=names, index=np.arange(len(case.X)) + 100)
    model = copy.deepcopy(case.model)
    if hasattr(model, "n_features_in_"):  # one that learns names; nets take any frame
        first = model[0] if hasattr(model, "steps") else model
        first.feature_names_in_ = np.array(names, dtype=object)
    attack.fit(model)
    X_adv = attack.transform(X, case.y)
    assert isinstance(X_adv, pd.DataFrame)
    pd.testing.assert_index_equal(X_adv.index, X.index)
    assert list(X_adv.columns) == names
    assert (X_adv.dtypes == case.X.dtype).all()
    np.testing.assert_array_equal(X_adv.to_numpy(), found.X_adv)
    np.testing.assert_array_equal(attack.generate(X).to_frame().index, X.index)


def test_set_output(case, attack, found):
    out = attack.set_output(transform="pandas").transform(case.X, case.y)
    assert isinstance(out, pd.DataFrame)
    np.testing.assert_array_equal(out.to_numpy(), found.X_adv)
    names = ["a", "b", "c", "d"]
    np.testing.assert_array_equal(attack.get_feature_names_out(names), names)


def test_input_is_not_written_to(case, attack):
    X = case.X.copy()
    X.setflags(write=False)
    attack.transform(X)
    np.testing.assert_array_equal(X, case.X)


def test_deterministic(case, attack, found):
    assert_same(attack.generate(case.X, case.y), found)
    assert_same(attack.generate(case.X, case.y), found)
    assert_same(clone(attack).fit(case.model).generate(case.X, case.y), found)


def test_global_generators_are_left_alone(case, attack):
    torch.manual_seed(5)
    before = torch.get_rng_state(), pickle.dumps(check_random_state(None))
    attack.set_params(random_state=7).transform(case.X)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert pickle.dumps(check_random_state(None)) == before[1]


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batch_size_does_not_matter(case, attack, found, batch_size):
    n = 10 if batch_size == 1 else None  # one by one is slow
    X_adv = attack.set_params(batch_size=batch_size).transform(case.X[:n], case.y[:n])
    np.testing.assert_array_equal(X_adv, found.X_adv[:n])


def test_neighbours_do_not_matter(case, attack, found):
    order = np.random.default_rng(0).permutation(len(case.X))
    shuffled = attack.generate(case.X[order], case.y[order])
    np.testing.assert_array_equal(shuffled.X_adv, found.X_adv[order])
    few = order[:5]
    np.testing.assert_array_equal(attack.transform(case.X[few], case.y[few]), found.X_adv[few])


def test_n_jobs_does_not_matter(case, attack, found):
    assert_same(attack.set_params(n_jobs=2, batch_size=16).generate(case.X, case.y), found)


@pytest.mark.parametrize("training", [True, False])
def test_model_is_not_touched(case, attack, training):
    net = case.net
    if net is None:
        before = pickle.dumps(case.model)
        attack.transform(case.X)
        assert pickle.dumps(case.model) == before
        return
    net.train(training)
    net.zero_grad()
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    learns = [(p.requires_grad, p.grad) for p in net.parameters()]
    attack.fit(case.model).transform(case.X)
    for name, value in net.state_dict().items():
        assert torch.equal(value, weights[name]), name
    for parameter, (requires_grad, grad) in zip(net.parameters(), learns, strict=True):
        assert parameter.requires_grad == requires_grad
        assert parameter.grad is grad
    assert all(part.training == training for part in net.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_without_labels_the_prediction_is_attacked(case, attack):
    result = attack.generate(case.X)
    predicted = predict(case, case.X)
    np.testing.assert_array_equal(result.y, predicted)
    assert result.attacked.all()
    np.testing.assert_array_equal(result.success, predict(case, result.X_adv) != predicted)


def test_score_is_the_success_rate(case, attack, found):
    assert attack.score(case.X, case.y) == found.success.sum() / found.attacked.sum()


def test_target(case, attack):
    goal = predict(case, case.X)[0]
    if getattr(attack, "eps", None) is not None:
        set_eps(attack, 2.0)
    result = attack.set_params(target=goal).fit(case.model).generate(case.X, case.y)
    assert not result.attacked[case.y == goal].any()
    assert result.success.any()
    np.testing.assert_array_equal(predict(case, result.X_adv[result.success]), goal)
    each = attack.set_params(target=np.full(len(case.X), goal)).fit(case.model)
    assert_same(each.generate(case.X, case.y), result)


def test_unknown_labels(case, attack):
    y = np.full(len(case.X), "no such label", dtype=object)
    with pytest.raises(ValueError, match="no such label"):
        attack.transform(case.X, y)


def test_pickle(case, attack, found):
    assert_same(pickle.loads(pickle.dumps(attack)).generate(case.X, case.y), found)


def test_clone_keeps_the_model(case, attack, found):
    if isinstance(case.model, torch.nn.Module):
        pytest.skip("FrozenEstimator is for estimators")
    twin = clone(attack)
    assert isinstance(twin.estimator, FrozenEstimator)
    twin.fit(case.X, case.y[::-1])  # a stranger trained on these labels would be another
    assert_same(twin.generate(case.X, case.y), found)


def test_search(case, cls):
    if isinstance(case.model, torch.nn.Module):
        pytest.skip("FrozenEstimator is for estimators")
    attack = make_attack(cls, case, estimator=FrozenEstimator(case.model))
    search = GridSearchCV(attack, {"batch_size": [16, 32]}, cv=2).fit(case.X, case.y)
    attack.fit(case.X, case.y)
    halves = [search.cv_results_[f"split{i}_test_score"] for i in range(2)]
    np.testing.assert_array_equal(np.ptp(halves, axis=1), 0)
    assert_same(search.best_estimator_.generate(case.X, case.y), attack.generate(case.X, case.y))
    assert 0 < np.mean(halves) <= 1


def test_frame(case, found):
    frame = found.to_frame()
    assert len(frame) == len(case.X)
    names = {"y", "y_pred", "y_pred_adv", "attacked", "success", *NORMS, "n_forward", "n_backward"}
    assert names <= set(frame.columns)
    np.testing.assert_array_equal(frame["success"], found.success)
    np.testing.assert_array_equal(frame["l2"], found.distance["l2"])


def test_trace(case, attack, found):
    result = attack.generate(case.X, case.y, return_trace=True)
    assert_same(result, found)
    assert {"loss", "distance"} <= set(result.trace)
    for values in result.trace.values():
        assert values.shape[0] == len(case.X)
        assert np.isnan(values[~result.attacked]).all()
    recorded = np.isfinite(result.trace["distance"]).any(axis=1)
    np.testing.assert_array_equal(recorded, result.attacked)


def test_verbose(case, attack, capsys):
    attack.transform(case.X)
    assert capsys.readouterr() == ("", "")
    attack.set_params(verbose=1).transform(case.X)
    printed = capsys.readouterr()
    assert type(attack).__name__ in printed.out + printed.err


def test_fitted_on_data(cls, case):
    if case.net is not None:
        pytest.skip("a new model is fitted, whatever the case; one case is enough")
    attack = make_instance(cls, estimator=LogisticRegression(max_iter=5000))
    attack.fit(case.X / 1000, case.y)
    low, high = attack.bounds_
    np.testing.assert_array_equal(low.ravel(), (case.X / 1000).min(axis=0))
    np.testing.assert_array_equal(high.ravel(), (case.X / 1000).max(axis=0))
    with pytest.raises(ValueError, match="no model to attack"):
        make_instance(cls, estimator=None).fit(case.X, case.y)
