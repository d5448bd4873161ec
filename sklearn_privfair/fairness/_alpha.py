"""How much the adversary counts: a constant, a schedule, or more while a gap is too wide.

Nobody can choose such a weight; everybody can say what gap will do. Of numbers this is dual ascent,
and all that there is. Of classes it goes with multipliers of what is decided, whose swings the
adversary damps, and so never counts for less than at the start.
"""


class Rising:
    """A weight that grows by a factor after each epoch whose gap was too wide, else shrinks.

    Parameters
    ----------
    tolerance : float
    start : float
    factor : float, default=1.1
    least : float, default=0.0
        Below which it never falls.
    """

    def __init__(self, tolerance, start, factor=1.1, least=0.0):
        self.tolerance, self.factor, self.least = tolerance, factor, least
        self.value = start

    def __call__(self, epoch):
        return self.value

    def look(self, gap):
        """Take note of the gap of an epoch."""
        change = self.factor if gap > self.tolerance else 1 / self.factor
        self.value = max(self.value * change, self.least)


class Fixed:
    """A constant, or a function of the epoch, from 0; gaps change nothing.

    Parameters
    ----------
    alpha : float or callable
    """

    def __init__(self, alpha):
        self.alpha = alpha

    def __call__(self, epoch):
        return float(self.alpha(epoch)) if callable(self.alpha) else float(self.alpha)

    def look(self, gap):
        """Ignore the gap of an epoch."""
