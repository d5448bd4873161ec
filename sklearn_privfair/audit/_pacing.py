"""How much of an attack there is time for: fewer rows, and where that is not enough, fewer queries.

An attack that asks and asks again takes about as long for one row as for a batch of them, so that
fewer rows alone would save little.
"""

import copy

import numpy as np

from sklearn_privfair.audit._clock import PILOT, in_chunks
from sklearn_privfair.audit._steps import PARTIAL, LeaveOut, how_long

_TRIALS = 5, 20  # queries of two short runs, to tell what one costs apart from the beginning
_FEW = 50  # queries, the fewest that are worth anything
_MARGIN = 0.8  # of the time allowed, that a first batch may be expected to take


def attack_rows(run, step, rows, attack, take):
    """Attack as many rows as there is time for; write in the step what was cut.

    Parameters
    ----------
    run : Run
    step : Step
    rows : Rows
    attack : BaseAttack
        Fitted. Where it has to be weaker, it is a copy that is used.
    take : callable
        Given the places of the rows attacked and the result for them.

    Returns
    -------
    attack : BaseAttack
        The one that was used.
    done : int
        How many rows were attacked.
    """
    attack, asked = _with_time(run, step, rows, attack)

    def part(start, stop):
        index = np.arange(start, stop)
        take(index, rows.attack(attack, index))

    _, done, estimate = in_chunks(part, len(rows), run.clock, step.until)
    if step.estimated_seconds is None:
        step.estimated_seconds = estimate
    budget = run.clock.seconds
    if done < len(rows):
        why = f"all would have taken about {step.estimated_seconds:.0f} s, more than the step's "
        step.cut(done, len(rows), "rows attacked", f"{why}share of the time budget of {budget:g} s")
    step.n_rows, step.n_rows_asked = done, len(rows)
    if asked is not None:
        fewer = f"{_queries(attack):,} of {asked:,} questions about each row"
        step.why = f"{fewer}; {step.why}" if step.why else f"{fewer}: the time budget"
        step.status = PARTIAL
    return attack, done


def _with_time(run, step, rows, attack):
    """Give the attack, with fewer queries if a first batch would take too long; and how many.

    Without a budget of time it is the attack itself, and whoever listens is told how long it takes.
    """
    asked = _queries(attack)
    watched = run.clock.limited or run.audit.verbose
    if not watched or asked is None or asked <= _FEW:
        return attack, None
    first = min(len(rows), PILOT)
    moments = [run.clock.now()]
    for n_queries in _TRIALS:
        rows.attack(_with_queries(attack, n_queries), np.arange(first))
        moments.append(run.clock.now())
    short, long = np.diff(moments)
    each = (long - short) / (_TRIALS[1] - _TRIALS[0])
    start = max(long - each * _TRIALS[1], 0.0) if each > 0 else 0.0
    each = each if each > 0 else long / _TRIALS[1]
    seconds = float(start + each * asked)
    step.estimated_seconds = seconds * len(rows) / first
    if not run.clock.limited:
        run.say(f", {how_long(step.estimated_seconds)}")
        return attack, None
    allowed = _MARGIN * max(step.until - run.clock.now(), 0.0)
    if seconds <= allowed:
        return attack, None
    fewer = int((allowed - start) / each)
    if fewer < _FEW:
        raise LeaveOut(
            f"{asked:,} questions about each of {first} rows would have taken about "
            f"{seconds:.0f} s, and {allowed:.1f} s of the time budget of {run.clock.seconds:g} s "
            "were left for them"
        )
    return _with_queries(attack, fewer), asked


def _queries(attack):
    """Give an attack's limit of queries; None if it follows gradients alone."""
    inner = getattr(attack, "attack", None)
    return getattr(attack if inner is None else inner, "n_queries", None)


def _with_queries(attack, n_queries):
    twin = copy.copy(attack)  # with what was learned
    if getattr(twin, "attack", None) is None:
        return twin.set_params(n_queries=n_queries)
    twin.attack = copy.copy(twin.attack).set_params(n_queries=n_queries)
    return twin
