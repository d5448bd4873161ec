"""The engine: rows leave when they are done, passes are counted, neighbours do not matter."""

import threading

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.svm import SVC
from torch import nn

from sklearn_privfair.attacks import CWL2Attack, FGSMAttack, PGDAttack
from sklearn_privfair.attacks._threads import one_thread_per_batch
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._rowwise import round_up, row_quantum

from ._harness import blobs, cnn, image_rows, linear_distance, mlp, rows

# nets this small are at rest on many rows, where there is no gradient
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")


class OfItsOwn(nn.Module):
    """A user's module: nothing can be known of what its `forward` computes."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        z = self.net[:2](x)
        return self.net[2:](z * torch.sigmoid(1.7 * z) + z.abs().add(1e-3).pow(1.3))


NETS = {
    "mlp-relu": (mlp(), rows()),
    "mlp-silu": (mlp(nn.SiLU), rows()),
    "mlp-forward": (OfItsOwn(mlp()).eval(), rows()),
    "mlp-float64": (mlp(nn.Sigmoid).double(), rows(dtype=np.float64)),
    "cnn-relu": (cnn(), image_rows()),
    "cnn-sigmoid": (cnn(nn.Sigmoid), image_rows()),
}
PGD = PGDAttack(n_steps=5, momentum=0.7, n_restarts=2, random_state=0)
ATTACKS = {
    "pgd-linf": clone(PGD).set_params(eps=0.08),
    "pgd-l2": clone(PGD).set_params(norm=2, eps=0.4, bounds=None, step_schedule="cosine"),
    "pgd-l2-box": clone(PGD).set_params(norm=2, eps=0.4, loss="margin"),
    "pgd-l1-box": clone(PGD).set_params(norm=1, eps=1.5, quantile=0.8),
    "fgsm": FGSMAttack(norm=2, eps=0.4),
    "cw": CWL2Attack(n_steps=8, binary_search_steps=2),
}


def assert_same_rows(result, base, index=slice(None)):
    """Bit by bit; so is everything else that is told of the rows."""
    np.testing.assert_array_equal(result.X_adv, base.X_adv[index])
    np.testing.assert_array_equal(result.n_forward, base.n_forward[index])
    np.testing.assert_array_equal(result.n_backward, base.n_backward[index])
    np.testing.assert_array_equal(result.distance["l2"], base.distance["l2"][index])


def assert_neighbours_do_not_matter(attack, model, X):
    attack = clone(attack).fit(model)
    base = attack.generate(X)
    assert base.success.any()
    few = np.arange(0, len(X), 5)
    for batch_size in (1, 3):
        assert_same_rows(attack.set_params(batch_size=batch_size).generate(X[few]), base, few)
    for batch_size in (8, 64, 1000):
        assert_same_rows(attack.set_params(batch_size=batch_size).generate(X), base)
    order = np.random.default_rng(0).permutation(len(X))
    assert_same_rows(attack.generate(X[order]), base, order)
    for i in (0, len(X) - 1):
        assert_same_rows(attack.generate(X[i : i + 1]), base, slice(i, i + 1))
    assert_same_rows(attack.set_params(n_jobs=2, batch_size=16).generate(X), base)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("net", NETS)
def test_neighbours_do_not_matter(net, name):
    assert_neighbours_do_not_matter(ATTACKS[name], *NETS[net])


def _logistic_on_digits():
    X, y = load_digits(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(X[:300] / 4, y[:300]), X[:40] / 4


def _on_iris(*steps):
    X, y = load_iris(return_X_y=True)
    return make_pipeline(*steps).fit(X, y), X[::4]


MLP = MLPClassifier((7,), "logistic", solver="lbfgs", max_iter=2000, random_state=0)
SKLEARN = {
    "linear": _logistic_on_digits,
    "svc": lambda: _on_iris(StandardScaler(), SVC()),
    "power": lambda: _on_iris(PowerTransformer(), LogisticRegression()),
    "mlp": lambda: _on_iris(StandardScaler(), MLP),
}


@pytest.mark.parametrize("kind", SKLEARN)
@pytest.mark.parametrize("name", ["pgd-l2", "pgd-l1-box", "cw"])
def test_neighbours_do_not_matter_to_scikit_learn_models(kind, name):
    attack = clone(ATTACKS[name]).set_params(bounds=None)
    attack.set_params(**({"n_steps": 20} if name == "cw" else {"eps": 4 * attack.eps}))
    assert_neighbours_do_not_matter(attack, *SKLEARN[kind]())


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["pgd-linf", "pgd-l2", "cw"])
@pytest.mark.parametrize("net", ["mlp-silu", "cnn-relu"])
def test_threads_do_not_matter(two_threads, net, name):
    model, X = NETS[net]
    attack = clone(ATTACKS[name]).fit(model)
    with_two = attack.generate(X)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert_same_rows(attack.generate(X), with_two)
    assert torch.get_num_threads() == 1


def test_processes_do_not_matter():
    model, X = NETS["mlp-silu"]
    attack = clone(ATTACKS["pgd-l2"]).set_params(batch_size=16).fit(model)
    base = attack.generate(X)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert_same_rows(attack.generate(X), base)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert_same_rows(attack.generate(X), base)


def test_attacks_side_by_side_give_the_threads_back(two_threads):
    """Two users of the engine in threads of their own: the first to come is the first to go."""
    model, X = NETS["mlp-relu"]
    attack = clone(ATTACKS["pgd-l2"]).set_params(n_jobs=1).fit(model)
    base = attack.generate(X)
    results, left = {}, {}

    def work(name, repeat):
        before = torch.get_num_threads()
        results[name] = [attack.generate(X) for _ in range(repeat)]
        left[name] = before, torch.get_num_threads()

    threads = [threading.Thread(target=work, args=args) for args in (("a", 1), ("b", 4))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results["a"] + results["b"]:
        assert_same_rows(result, base)
    assert torch.get_num_threads() == 2
    fresh = threading.Thread(target=lambda: left.update(fresh=torch.get_num_threads()))
    fresh.start()
    fresh.join()
    assert left["fresh"] == 2


def test_a_thread_that_began_in_between_restores_what_the_process_had(two_threads):
    """It was told 1 when it first asked, as another user of the engine was at work."""
    told, free = threading.Event(), threading.Event()

    def work():
        torch.get_num_threads()
        told.set()
        free.wait()
        with one_thread_per_batch():
            pass

    late = threading.Thread(target=work)
    with one_thread_per_batch():
        late.start()
        told.wait()
    free.set()
    late.join()
    left = []
    fresh = threading.Thread(target=lambda: left.append(torch.get_num_threads()))
    fresh.start()
    fresh.join()
    assert left == [2]
    assert torch.get_num_threads() == 2


@pytest.fixture
def calls(monkeypatch):
    """A list to which the rows of every forward pass of an attack are added."""
    seen = []

    def counting(model):
        module = as_module(model)
        module.register_forward_hook(lambda m, args, out: seen.append(len(args[0])))
        return module

    monkeypatch.setattr("sklearn_privfair.differentiable._victim.as_module", counting)
    return seen


@pytest.mark.parametrize("batch_size", [50, 1000])
@pytest.mark.parametrize("name", ATTACKS)
def test_passes_are_what_the_module_saw(calls, name, batch_size):
    """No row is asked about after it is done, but to fill a batch up; none is asked in silence."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    model = LogisticRegression(max_iter=100).fit(X, y)  # proves by itself, not by the module
    attack = clone(ATTACKS[name]).set_params(batch_size=batch_size, n_jobs=1).fit(model)
    result = attack.generate(X, y)
    quantum = row_quantum(as_module(model))
    assert result.success.any()
    assert sum(calls) - (quantum - 1) * len(calls) <= result.n_forward.sum() <= sum(calls)
    # and the module is not asked at all when all rows are done
    assert all(n > 0 for n in calls)
    if batch_size == 1000:
        assert len(calls) == result.n_forward.max()


def test_found_at_step_k_is_charged_k_passes():
    """On a linear model the sign never changes: the step at which a row crosses is known."""
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    distance = linear_distance(model, X, np.inf)
    step, n_steps = 0.1, 12
    attack = PGDAttack(
        eps=step * n_steps,
        step_size=step,
        n_steps=n_steps,
        step_schedule="constant",
        random_start=False,
        bounds=None,
    )
    result = attack.fit(model).generate(X)
    crossing = np.floor(distance / step) + 1  # steps until it is beyond
    found = crossing <= n_steps
    assert found.any()
    assert not found.all()
    np.testing.assert_array_equal(result.success, found)
    # the first pass is at the row itself, the last only looks
    np.testing.assert_array_equal(result.n_forward, np.where(found, crossing + 1, n_steps + 1))
    np.testing.assert_array_equal(result.n_backward, np.where(crossing < n_steps, crossing + 1, 12))
    again = attack.set_params(n_restarts=3).generate(X)
    kept = found & (crossing < n_steps)
    np.testing.assert_array_equal(again.n_forward[kept], result.n_forward[kept])
    assert (again.n_forward[~found] == 3 * (n_steps + 1)).all()
    np.testing.assert_array_equal(again.X_adv[kept], result.X_adv[kept])


def test_fgsm_is_two_passes():
    X, y = blobs()
    model = LogisticRegression().fit(X, y)
    result = FGSMAttack(bounds=None).fit(model).generate(X, y)
    np.testing.assert_array_equal(result.n_forward, 2 * result.attacked)
    np.testing.assert_array_equal(result.n_backward, result.attacked)


def test_nothing_is_asked_once_all_rows_are_found(calls):
    """All found at the first look: no second one."""
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    near = np.argsort(np.abs(model.decision_function(X)))[:20]
    attack = PGDAttack(eps=30, step_size=30, random_start=False, bounds=None).fit(model)
    result = attack.generate(X[near])
    assert result.success.all()
    assert sum(calls) == 2 * round_up(20, row_quantum(as_module(model)))


def test_rounding_quantum():
    """Where everything is exact small batches will do, and a user's own module may do anything."""
    assert row_quantum(as_module(cnn())) == row_quantum(as_module(mlp())) == 8
    for activation in (nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.Softplus):
        assert row_quantum(as_module(mlp(activation))) == 32
    assert row_quantum(as_module(OfItsOwn(mlp()))) == 32
