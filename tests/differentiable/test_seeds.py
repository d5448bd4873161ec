"""Global generators are left as they were found, in one thread and in several."""

from threading import Barrier, Thread

import numpy as np
import pytest
import torch

from sklearn_privfair.differentiable._seeds import generators_as_found
from sklearn_privfair.differentiable._skorch_training import seeded


def states():
    return np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002


def draws():
    return np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_nested_contexts_each_put_back_what_they_found():
    before = states()
    with seeded(1):
        first = draws()
        with seeded(2):
            draws()
        second = draws()
    assert states() == before
    with seeded(1):
        assert (draws(), draws()) == (first, second)


def test_threads_that_leave_in_the_order_of_entering():
    before, both_are_in, first_is_out = states(), Barrier(2), Barrier(2)

    def first():
        with seeded(1):
            both_are_in.wait(20)
            draws()
        first_is_out.wait(20)

    def second():
        with seeded(2):
            both_are_in.wait(20)
            first_is_out.wait(20)
            draws()

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert states() == before


def fails():
    draws()
    raise ZeroDivisionError


def test_after_an_error():
    before = states()
    with pytest.raises(ZeroDivisionError), generators_as_found():
        fails()
    assert states() == before
    with generators_as_found():
        draws()
    assert states() == before
