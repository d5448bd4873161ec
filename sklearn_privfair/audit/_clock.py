"""The time that a user gives an audit: who may take how much of it, and what did not fit in."""

import math
import time

PILOT = 64  # rows attacked first, to tell how long the others will take


class Clock:
    """Time spent and time left, shared out among the steps still to come by their weights.

    Parameters
    ----------
    seconds : float or None
        The budget. None: no limit.
    weights : dict of str to float
        By step, in their order.
    """

    def __init__(self, seconds, weights):
        self.seconds, self.waiting = seconds, dict(weights)
        self.start = self.now()

    @staticmethod
    def now():
        """Give the time, in seconds from some moment on."""
        return time.perf_counter()

    @property
    def limited(self):
        """Whether there is a budget."""
        return self.seconds is not None

    def spent(self):
        """Give the seconds since the beginning."""
        return self.now() - self.start

    def left(self):
        """Give the seconds left; infinite without a budget."""
        return math.inf if self.seconds is None else self.seconds - self.spent()

    def open(self, step):
        """Give the moment until which a step may run: its share of what is left."""
        whole = sum(self.waiting.values())
        weight = self.waiting.pop(step, 0.0)
        part = weight / whole if whole else 1.0
        return self.now() + self.left() * part if self.limited else math.inf

    def used_up(self):
        """Say that nothing is left, where that is so."""
        if self.left() > 0:
            return None
        return f"the time budget of {self.seconds:g} s was used up by the steps before"


def in_chunks(run, n, clock, until):
    """Run over as many of `n` rows as there is time for: a few first, to tell how long they take.

    Without a budget all rows run at once.

    Parameters
    ----------
    run : callable
        From the first row and the one after the last to a result.
    n : int
    clock : Clock
    until : float
        The moment to be done by.

    Returns
    -------
    results : list
    done : int
        How many rows ran.
    estimate : float or None
        The seconds that all rows would have taken, as the first ones had it.
    """
    results: list = []
    done, size, estimate = 0, (min(n, PILOT) if clock.limited else n), None
    while done < n and size > 0:
        before = clock.now()
        results.append(run(done, done + size))
        each = (clock.now() - before) / size
        done += size
        if not clock.limited:
            break
        estimate = each * n if estimate is None else estimate
        size = min(n - done, int((until - clock.now()) / each) if each > 0 else n)
    return results, done, estimate
