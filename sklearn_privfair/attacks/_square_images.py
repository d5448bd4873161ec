"""The squares that the Square attack draws on images, for all rows of a batch at once.

Andriushchenko, Croce, Flammarion & Hein (2020), "Square Attack: a query-efficient black-box
adversarial attack via random search", algorithms 2 and 3; for l1 Croce & Hein (2021), "Mind the
box: l1-APGD for sparse adversarial attacks on image classifiers", appendix.
"""

import math
from functools import lru_cache

import numpy as np
import torch

from sklearn_privfair.attacks._norms import columns, row_norm

_TINY = 1e-12
_TILES = 5  # of the first point, along the height, for l1 and l2
_PER_WINDOW = 3  # numbers drawn for the place of a window


class SquareMoves:
    """Random squares of images: one in each row, each at a place of its own.

    Parameters
    ----------
    rows : Rows
        Of shape (n, channels, height, width) or (n, height, width), before the first step. Their
        `x` is the best point of each.

    Attributes
    ----------
    n_numbers : int
        Random numbers that a step of one row needs.
    """

    def __init__(self, rows):
        shape = rows.x0.shape[1:]
        self.shape = (1, *shape) if len(shape) == 2 else tuple(shape)
        self.n_numbers = 2 * _PER_WINDOW + 1 + self.shape[0]
        if rows.norm == np.inf:
            far = 2 * columns(rows.eps, rows.x0)
            ends = (rows._snapped(rows.project(rows.x0 + step)) for step in (-far, far))
            rows.state["low"], rows.state["high"] = ends
            free = rows.state["low"] < rows.state["high"]
        elif rows.lower is None:
            free = torch.ones_like(rows.x0, dtype=torch.bool)
        else:
            free = (rows.lower < rows.upper).expand_as(rows.x0)
        rows.state["free"] = self._images(free.clone())

    def movable(self, rows):
        """Tell which rows have a pixel that can move: bool (n,)."""
        return rows.state["free"].flatten(1).any(1)

    def start(self, rows):
        """Give the first point: vertical stripes for linf, signed tiles for l1 and l2."""
        channels, height, width = self.shape
        if rows.norm == np.inf:
            up = rows.random.uniform(channels, 1, width) < 0.5
            return self._rows(rows, torch.where(up, *self._ends(rows)))
        side = max(1, height // _TILES)
        down, across = height // side, max(1, width // side)
        draws = rows.random.uniform(down * across, 1 + channels)
        tiles = self._pyramids(rows, side)[(draws[..., 0] < 0.5).long()]  # (n, tiles, side, side)
        sign = 1 - 2 * (draws[..., 1:] < 0.5).to(tiles.dtype)
        tiles = tiles[:, :, None] * sign[..., None, None]
        tiles = tiles.unflatten(1, (down, across)).permute(0, 3, 1, 4, 2, 5)
        delta = torch.zeros_like(self._images(rows.x0))
        tall, wide = down * side, min(across * side, width)
        top, left = (height - tall) // 2, (width - wide) // 2
        painted = tiles.flatten(2, 3).flatten(3, 4)[..., :wide]
        delta[:, :, top : top + tall, left : left + wide] = painted
        delta = delta * rows.state["free"]
        length = row_norm(delta, rows.norm).clamp_min(_TINY)
        stretch = rows.eps / length
        if rows.norm == 1:  # longer than the budget, it becomes sparse when it is projected
            stretch = stretch.clamp_min(1)
        return self._within(rows, delta * columns(stretch, delta))

    def propose(self, rows, numbers, share):
        """Give points near the best: one square of each image drawn anew.

        Parameters
        ----------
        rows : Rows
        numbers : torch.Tensor of shape (n, n_numbers)
            In [0, 1).
        share : float
            Of the image's pixels that the square holds.

        Returns
        -------
        x : torch.Tensor of shape (n, ...)
        """
        if rows.norm == np.inf:
            return self._paint(rows, numbers, share)
        x = self._move_mass(rows, numbers, share)
        same = (x == rows.x).flatten(1).all(1)
        if bool(same.any()):  # few pixels can move: the other signs
            signs = 2 * _PER_WINDOW + 1
            numbers = torch.cat([numbers[:, :signs], 1 - numbers[:, signs:]], dim=1)
            x = torch.where(columns(same, x), self._move_mass(rows, numbers, share), x)
        return x

    def _paint(self, rows, numbers, share):
        """Put one square of each channel to one end of its interval."""
        _, height, width = self.shape
        side = min(max(round(math.sqrt(share * height * width)), 1), height, width)
        top, left = self._place(rows, numbers[:, :_PER_WINDOW], side)
        inside = (
            _range(top, side, height)[:, None, :, None] & _range(left, side, width)[:, None, None]
        )
        up = (numbers[:, 2 * _PER_WINDOW + 1 :] < 0.5)[:, :, None, None]
        low, high = self._ends(rows)
        ends, x = torch.where(up, low, high), self._images(rows.x)
        same = ((ends == x) | ~inside).flatten(1).all(1)  # nothing new to ask: the other colour
        ends = torch.where(up ^ same[:, None, None, None], low, high)
        return self._rows(rows, torch.where(inside, ends, x))

    def _move_mass(self, rows, numbers, share):
        """Give the budget of one square, and what is unused, to another one."""
        channels, height, width = self.shape
        side = max(round(math.sqrt(share * height * width)), 3)
        side = min(side + (side % 2 == 0), height, width)
        target, source = numbers[:, :_PER_WINDOW], numbers[:, _PER_WINDOW : 2 * _PER_WINDOW]
        to = self._pixels(self._place(rows, target, side), side)
        source = self._pixels(self._place(rows, source, side), side)
        turned, signs = numbers[:, 2 * _PER_WINDOW], numbers[:, 2 * _PER_WINDOW + 1 :]
        delta = self._images(rows.x - rows.x0).flatten(2)
        budget = rows.eps if rows.norm == 1 else rows.eps * rows.eps
        unused = (budget - _mass(delta.flatten(1), rows.norm)).clamp_min(0)
        before = delta.gather(2, to)
        moved = delta.gather(2, source)
        emptied = delta.scatter(2, source, 0.0)
        mass = _mass(moved, rows.norm) + _mass(emptied.gather(2, to), rows.norm)
        mass = mass + unused[:, None] / channels
        pattern = self._pyramids(rows, side)[(turned < 0.5).long()].flatten(1)[:, None]
        pattern = pattern * (1 - 2 * (signs < 0.5).to(pattern.dtype))[..., None]
        fresh = pattern + before / (_length(before, rows.norm) + _TINY)
        fresh = fresh * rows.state["free"].flatten(2).gather(2, to)
        # for l1 more than there is: what is projected becomes sparse
        size = mass.sqrt() if rows.norm == 2 else channels * mass
        fresh = fresh / (_length(fresh, rows.norm) + _TINY) * size[..., None]
        delta = emptied.scatter(2, to, fresh).reshape(-1, *self.shape)
        if rows.norm == 2:
            length = row_norm(delta, 2).clamp_min(_TINY)
            delta = delta * columns(rows.eps / length, delta)
        return self._within(rows, delta)

    def _within(self, rows, delta):
        """Give the points at steps `delta`: cut by the box for l2, projected for l1."""
        x = rows.x0 + self._rows(rows, delta)
        if rows.norm == 1:
            return rows.project(x)
        slack = 1 - 8 * torch.finfo(x.dtype).eps  # rounding must not leave the ball
        return rows.clip(rows.x0 + slack * self._rows(rows, delta))

    def _place(self, rows, numbers, side):
        """Give the top and the left of each row's window: int64 (n,) both."""
        _, height, width = self.shape
        free = rows.state["free"].any(1).flatten(1)
        top, left = (
            _whole(numbers[:, 0], height - side + 1),
            _whole(numbers[:, 1], width - side + 1),
        )
        count = free.sum(1)
        some = count < free.shape[1]
        if not bool(some.any()):
            return top, left
        # not every pixel can move: a window around one that can
        rank = _whole(numbers[:, 2], count)
        pixel = (free.cumsum(1) > rank[:, None]).to(torch.int8).argmax(1)
        y, x = pixel // width, pixel % width
        near_top = (y - _whole(numbers[:, 0], side)).clamp(0, height - side)
        near_left = (x - _whole(numbers[:, 1], side)).clamp(0, width - side)
        return torch.where(some, near_top, top), torch.where(some, near_left, left)

    def _pixels(self, corner, side):
        """Give the places of the pixels of windows: int64 (n, channels, side * side)."""
        (top, left), (channels, _, width) = corner, self.shape
        step = torch.arange(side, device=top.device)
        within = (step[:, None] * width + step).flatten()
        place = (top * width + left)[:, None] + within
        return place[:, None].expand(-1, channels, -1)

    def _pyramids(self, rows, side):
        """Give the pattern of a window as it is and turned: (2, side, side)."""
        pattern = torch.as_tensor(twin_pyramids(side, rows.norm), dtype=rows.x0.dtype)
        return torch.stack([pattern, pattern.T]).to(rows.x0.device)

    def _ends(self, rows):
        return self._images(rows.state["low"]), self._images(rows.state["high"])

    def _images(self, x):
        return x.reshape(-1, *self.shape)

    def _rows(self, rows, images):
        return images.reshape(-1, *rows.x0.shape[1:])


@lru_cache(maxsize=256)
def twin_pyramids(side, norm):
    """Give the perturbation of a square in l1 or l2: a hill and a valley, of norm 1 together.

    Parameters
    ----------
    side : int
    norm : {1, 2}

    Returns
    -------
    pattern : float64 ndarray of shape (side, side)
    """
    upper = side // 2
    halves = [_pyramid(upper, side, norm), -_pyramid(side - upper, side, norm)]
    pattern = np.concatenate(halves)
    return pattern / np.linalg.norm(pattern.ravel(), norm)


def _pyramid(height, width, norm):
    """Give rings that rise towards the middle by 1 / k ** (2 or 4), of norm 1."""
    if height == 0:
        return np.zeros((0, width))
    y, x = np.arange(height)[:, None], np.arange(width)
    ring = np.maximum(abs(y - height // 2), abs(x - width // 2))
    n_rings = max(height, width) // 2 + 1
    steps = 1 / np.arange(1, n_rings + 1.0) ** (2 if norm == 2 else 4)
    hill = np.cumsum(steps[::-1])[::-1][ring]
    return hill / np.linalg.norm(hill.ravel(), norm)


def _range(first, length, total):
    """Tell which of `total` places are among the `length` from each row's first: (n, total)."""
    place = torch.arange(total, device=first.device) - first[:, None]
    return (place >= 0) & (place < length)


def _whole(number, count):
    """Turn numbers in [0, 1) into whole ones below `count`."""
    count = torch.as_tensor(count, device=number.device)
    return torch.minimum((number * count).long(), count - 1)


def _mass(delta, norm):
    """Give the sum of the sizes to the power `norm`, 1 or 2, along the last axis."""
    return (delta.abs() if norm == 1 else delta * delta).sum(-1)


def _length(delta, norm):
    mass = _mass(delta, norm)
    return (mass if norm == 1 else mass.sqrt())[..., None]
