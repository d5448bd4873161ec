"""Time is shared out and kept to; what does not fit in is told. The clock is the test's own."""

import math
from itertools import pairwise

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.audit import ModelAudit
from sklearn_privfair.audit._clock import PILOT, Clock, in_chunks
from sklearn_privfair.privacy import RMIA


@pytest.fixture
def time(monkeypatch):
    """A clock that only moves when it is told to."""
    moment = {"now": 100.0}
    monkeypatch.setattr(Clock, "now", staticmethod(lambda: moment["now"]))
    return moment


def test_shares_are_of_what_is_left(time):
    clock = Clock(60, {"a": 1, "b": 2, "c": 3})
    assert clock.open("a") == 110
    time["now"] += 20  # a took twice its share
    assert clock.left() == 40
    assert clock.open("b") == 120 + 40 * 2 / 5
    assert clock.used_up() is None
    time["now"] += 50
    assert clock.open("c") < time["now"]
    assert "time budget of 60 s" in clock.used_up()


def test_without_a_budget(time):
    clock = Clock(None, {"a": 1})
    assert clock.open("a") == math.inf
    time["now"] += 1e9
    assert clock.used_up() is None
    calls = []
    _, done, estimate = in_chunks(lambda a, b: calls.append((a, b)), 500, clock, math.inf)
    assert (calls, done, estimate) == ([(0, 500)], 500, None)


def _taking(time, seconds_a_row, calls):
    def run(start, stop):
        calls.append((start, stop))
        time["now"] += seconds_a_row * (stop - start)

    return run


def test_as_many_rows_as_there_is_time_for(time):
    clock, calls = Clock(100, {"a": 1}), []
    _, done, estimate = in_chunks(_taking(time, 0.5, calls), 1000, clock, clock.open("a"))
    assert calls[0] == (0, PILOT)
    assert all(before[1] == after[0] for before, after in pairwise(calls))
    assert done == 200
    assert estimate == 500
    assert time["now"] <= 200


def test_all_rows_where_there_is_time(time):
    clock, calls = Clock(100, {"a": 1}), []
    _, done, estimate = in_chunks(_taking(time, 0.01, calls), 1000, clock, clock.open("a"))
    assert (done, calls[-1][1]) == (1000, 1000)
    assert estimate == pytest.approx(10)


def test_the_first_rows_run_even_if_they_take_too_long(time):
    clock, calls = Clock(3, {"a": 1}), []
    _, done, _ = in_chunks(_taking(time, 1, calls), 1000, clock, clock.open("a"))
    assert (done, calls) == (PILOT, [(0, PILOT)])


def test_a_clock_too_coarse_to_tell(time):
    clock, calls = Clock(3, {"a": 1}), []
    assert in_chunks(_taking(time, 0, calls), 1000, clock, clock.open("a"))[1] == 1000


class _Slow(RMIA):
    """RMIA, for which a minute passes when it learns; `learned` counts how often it does."""

    moment: dict = {}
    learned: list = []

    def learn(self, game, seed):
        self.moment["now"] += 60
        self.learned.append(seed)
        super().learn(game, seed)


def test_shadow_models_are_not_trained_for_nothing(time):
    """The first method judges by them whatever it took, and learns once; the next are left out."""
    _Slow.moment, _Slow.learned = time, []
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X[::2], y[::2])
    audit = ModelAudit(
        model,
        families=["privacy"],
        membership=["loss", _Slow(), "lira"],
        n_shadow_models=4,
        time_budget=30,
        random_state=0,
    )
    report = audit.run(X[::2], y[::2], X[1::2], y[1::2])
    assert len(_Slow.learned) == 3  # one fit: of each half of its game, and of all
    (step,) = (s for s in report.left_out if s["name"] == "membership_shadows")
    assert step["status"] == "partial"
    assert step["why"] == "the time budget was used up before lira"
    frame = report.to_frame().query("metric == 'membership_auc' and by == 'all'")
    assert set(frame["method"].dropna()) == {"loss", "_Slow"}
