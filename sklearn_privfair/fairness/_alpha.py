"""How much the adversary counts: a constant, a schedule, or more while a gap is too wide.

Nobody can choose such a weight; everybody can say what gap will do. What is decided the multipliers
see to; the adversary grows with them, because it alone damps their swings.
"""


class Rising:
    """A weight that grows by a factor after each epoch whose gap was too wide, else shrinks.

    Parameters
    ----------
    tolerance : float
    start : float
        Below which it never falls.
    factor : float, default=1.1
    """

    def __init__(self, tolerance, start, factor=1.1):
        self.tolerance, self.start, self.factor = tolerance, start, factor
        self.value = start

    def __call__(self, epoch):
        return self.value

    def look(self, gap):
        """Take note of the gap of an epoch."""
        change = self.factor if gap > self.tolerance else 1 / self.factor
        self.value = max(self.value * change, self.start)


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
