"""Where HopSkipJump starts: an adversarial point for each row, however far."""

import torch

from sklearn_privfair.attacks._evaluation import read
from sklearn_privfair.attacks._nested import ask_some
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._random import RowStreams

_GIVEN = 20  # given points that are tried for each row, at most
_DRAWN = 500  # random points tried, at most
_AHEAD = 16  # at once, at most


class Starts:
    """Points to start from: given ones, the nearest of a suitable class first, else random ones.

    Parameters
    ----------
    points : torch.Tensor of shape (n_starts, ...), default=None
        In the coordinates of rows.
    codes : int64 torch.Tensor of shape (n_starts,), default=None
        The classes for which the model takes them.
    """

    def __init__(self, points=None, codes=None):
        self.points, self.codes = points, codes

    @classmethod
    def of(cls, attack, job, points):
        """Give those of one evaluation.

        Parameters
        ----------
        attack : HopSkipJumpAttack
        job : Evaluation
        points : array-like or data frame of shape (n_starts, ...), or None
        """
        if points is None:
            if not is_box(job.lower, job.upper):
                raise ValueError(
                    f"{type(attack).__name__} starts from random points within the bounds, but "
                    f"with bounds={attack.bounds!r} not every feature has two. Give bounds, or "
                    "rows of other classes to start from, starts=X; or fit the attack on data and "
                    "say starts='data'."
                )
            return cls()
        points = read(attack, points)
        job.space.table.carry(points)
        numbers = job.space.encode(points)
        if numbers.shape[1:] != job.rows.shape[1:]:
            raise ValueError(
                f"starts are rows of shape {numbers.shape[1:]}, the rows attacked of shape "
                f"{job.rows.shape[1:]}."
            )
        codes = torch.as_tensor(job.victim.predict(job.space.decode(numbers, job._like())))
        unit = job.space.unit
        if unit is not None:
            numbers = (numbers.reshape(len(numbers), -1) / unit).reshape(numbers.shape)
        return cls(torch.as_tensor(numbers, dtype=job._dtype()), codes)

    def find(self, rows, spare):
        """Find an adversarial point for each row.

        Parameters
        ----------
        rows : Rows
        spare : int
            Questions that are to be left to each row.

        Returns
        -------
        x : torch.Tensor of shape (n, ...)
        ready : bool torch.Tensor of shape (n,)
            On the CPU: rows for which there is one.
        """
        x, ready = rows.x0, torch.zeros_like(rows.done)
        if self.points is not None:
            order, suits = self._order(rows, self.points)
            for turn in range(min(_GIVEN, order.shape[1])):
                nearest = rows._snapped(rows.clip(self.points.to(x)[order[:, turn]]))
                look = suits[:, turn].cpu() & ~ready & (rows.n_left > spare)
                x, ready = _take(rows, nearest[None], look, x, ready)
        if is_box(rows.lower, rows.upper):
            streams = RowStreams(rows.x0, rows.seed, 0)
            tried = 0
            while tried < _DRAWN and not (ready | rows.done).all():
                n = max(1, min(tried, _AHEAD))
                drawn = streams.uniform(n, *x.shape[1:]).unbind(1)
                wide = rows.upper - rows.lower
                points = [rows._snapped(rows.clip(rows.lower + u * wide)) for u in drawn]
                look = ~ready & (rows.n_left >= n + spare)
                x, ready = _take(rows, torch.stack(points), look, x, ready)
                tried += n
        return x, ready

    def _order(self, rows, points):
        """List the given points for each row: those of suitable classes, the nearest first."""
        points, codes = points.to(rows.x0), self.codes.to(rows.label.device)
        order, suits = [], []
        for number in range(len(rows)):  # row by row: all points, clipped to the row's own box
            row = slice(number, number + 1)
            inside = points
            if rows.lower is not None:
                low, high = (b if len(b) == 1 else b[row] for b in (rows.lower, rows.upper))
                inside = torch.clamp(points, low, high)
            fits = codes != rows.label[row]
            if rows.target is not None:
                fits = codes == rows.target[row]
            far = row_norm(inside - rows.x0[row], rows.norm)
            far = torch.where(fits & (far > 0), far, torch.inf)
            order.append(far.argsort(stable=True)[:_GIVEN])
            suits.append(far[order[-1]].isfinite())
        return torch.stack(order), torch.stack(suits)


def is_box(lower, upper):
    """Tell whether every feature has a lowest and a highest value."""
    if lower is None:
        return False
    return all(bool(torch.as_tensor(bound).isfinite().all()) for bound in (lower, upper))


def _take(rows, points, look, x, ready):
    """Ask about points of the rows in `look`, and keep the nearest that is adversarial."""
    if not look.any():
        return x, ready
    found = ask_some(rows, points, look)
    far = torch.stack([row_norm(point - rows.x0, rows.norm) for point in points])
    best = torch.where(found, far, torch.inf).argmin(0)
    got = found.any(0)
    nearest = points[best, torch.arange(len(x), device=x.device)]
    return torch.where(columns(got, x), nearest, x), ready | got.cpu()
