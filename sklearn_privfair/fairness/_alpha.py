"""How much the adversary counts: a constant, a schedule, or what meets a tolerance.

By a tolerance the constraint is kept as by dual ascent: its multiplier rises while the gap is too
wide, and falls while it is not. Nobody can choose a multiplier; everybody can say what gap will do.
"""


class DualAscent:
    """A multiplier that grows by a factor after each epoch whose gap was too wide, else shrinks.

    Parameters
    ----------
    tolerance : float
    start : float, default=1.0
    factor : float, default=1.2
    """

    def __init__(self, tolerance, start=1.0, factor=1.2):
        self.tolerance, self.factor = tolerance, factor
        self.value = start

    def __call__(self, epoch):
        return self.value

    def look(self, gap):
        """Take note of the gap of an epoch."""
        self.value *= self.factor if gap > self.tolerance else 1 / self.factor


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
