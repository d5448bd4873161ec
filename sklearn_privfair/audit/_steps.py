"""What one run of an audit gathers: steps, each with time, warnings and reasons; figures."""

import math
import warnings
from contextlib import contextmanager

import numpy as np

DONE, PARTIAL, LEFT_OUT = "done", "partial", "left_out"
_FEW = 20  # different warnings that a step keeps


class LeaveOut(Exception):
    """Raised within a step that is not to be taken; the message says why."""


class Step:
    """The record of one step.

    Parameters
    ----------
    name : str
    family : str
    title : str
        What a reader calls it.
    """

    def __init__(self, name, family, title):
        self.name, self.family, self.title = name, family, title
        self.status, self.why = DONE, None
        self.seconds, self.estimated_seconds = 0.0, None
        self.n_rows, self.n_rows_asked = None, None
        self.seed: int | None = None
        self.parameters: dict = {}
        self.warnings: list = []
        self.reproduce: str | None = None
        self.until = math.inf  # the moment to be done by

    def cut(self, done, asked, what, why):
        """Say how much was done of what was asked; less is partial."""
        self.n_rows, self.n_rows_asked = int(done), int(asked)
        if done < asked:
            self.status, self.why = PARTIAL, f"{done:,} of {asked:,} {what}: {why}"

    def to_dict(self):
        """Give the record as plain data."""
        return {name: value for name, value in vars(self).items() if name != "until"}


class Run:
    """One run: the model, the data, the time, and what was found so far.

    Parameters
    ----------
    audit : ModelAudit
    data : AuditData
    clock : Clock
    seeds : dict of str to int
        By family.
    progress : CallbackContext
    """

    def __init__(self, audit, data, clock, seeds, progress):
        self.audit, self.data, self.clock, self.seeds = audit, data, clock, seeds
        self.progress = progress
        self.steps: list = []
        self.figures: list = []
        self.budgets = [float(eps) for eps in np.atleast_1d(audit.eps)]

    @contextmanager
    def step(self, name, family, title):
        """Take a step: keep its time and its warnings, and go on where it is left out.

        Yields
        ------
        step : Step
        """
        step = Step(name, family, title)
        step.seed = self.seeds.get(family)
        self.steps.append(step)
        start = self.clock.now()
        self.say(f"[audit] {title}")
        task = self.progress.subcontext(task_name=title)
        task.call_on_fit_task_begin(estimator=self.audit)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                step.until = self.clock.open(name)
                yield step
            except LeaveOut as reason:
                step.status, step.why = LEFT_OUT, str(reason)
            except Exception as error:
                if self.audit.on_error == "raise":
                    self.say("\n")
                    raise
                step.status, step.why = LEFT_OUT, f"{type(error).__name__}: {error}"
        step.seconds = self.clock.now() - start
        step.warnings = _distinct(caught)
        task.call_on_fit_task_end(estimator=self.audit)
        why = "" if step.why is None else f": {step.why}"
        self.say(f": {step.status.replace('_', ' ')}, {step.seconds:.1f} s{why}\n")

    def say(self, text):
        """Write on, on the line of the step that is being taken, if anybody listens."""
        if self.audit.verbose:
            print(text, end="", flush=True)

    def need_time(self):
        """Leave the step out if the time is used up."""
        reason = self.clock.used_up()
        if reason is not None:
            raise LeaveOut(reason)

    def figure(self, metric, family, values, *, n, method=None, by="all", group=None, note=None):
        """Keep a figure: a value with the bounds of its interval, NaN where there is none."""
        value, low, high = (_plain(number) for number in values)
        self.figures.append(
            {
                "metric": metric,
                "family": family,
                "method": method,
                "by": by,
                "group": group,
                "value": value,
                "low": low,
                "high": high,
                "n": None if n is None else int(n),
                "note": note,
            }
        )

    def value(self, metric):
        """Give the value of a figure over all rows, kept before; None where there is none."""
        for figure in self.figures:
            if figure["metric"] == metric and figure["by"] == "all" and figure["method"] is None:
                return figure["value"]
        return None


def how_long(seconds):
    """Say about how long something takes, in a unit that suits it."""
    for size, unit in ((7200, "h"), (120, "min")):
        if seconds >= size:
            return f"about {seconds / (size / 2):.0f} {unit}"
    return f"about {max(seconds, 1):.0f} s"


def _plain(number):
    """Give a Python float; None where JSON has no number."""
    return float(number) if number is not None and np.isfinite(number) else None


def _distinct(caught):
    """Give each warning once, in order, with how often it came."""
    counts: dict = {}
    for warning in caught:
        text = f"{warning.category.__name__}: {warning.message}"
        counts[text] = counts.get(text, 0) + 1
    lines = [text if n == 1 else f"{text} ({n} times)" for text, n in counts.items()]
    return lines[:_FEW] + ([f"and {len(lines) - _FEW} more"] if len(lines) > _FEW else [])
