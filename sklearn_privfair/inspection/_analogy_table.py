"""Table: what words answer analogies before debiasing and after it.

Bolukbasi et al. (2016), "Man is to computer programmer as woman is to homemaker?", who told what is
appropriate in word vectors from what is biased by analogies.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import GREY, colour, make_axes
from sklearn_privfair.inspection._word_vectors import before_and_after, check_named
from sklearn_privfair.metrics import compute_analogies

_COLUMNS = ("kind", "a", "b", "c")


class AnalogyTable:
    """Answers to analogies by several sets of word vectors, side by side.

    A line reads a : b :: c : answer. Answers that differ from those of the first vectors are
    coloured: of appropriate analogies none should be, of biased ones all.

    It is recommended to use :meth:`from_estimator` or :meth:`from_vectors`. All parameters are
    stored as attributes.

    Parameters
    ----------
    answers : pandas.DataFrame
        One line per analogy: the columns ``kind``, ``a``, ``b``, ``c``, and one for each set of
        vectors, by its name, with the answers, joined by commas where there are several.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    texts_ : list of list of Text
        The cells, line by line, the heading first.

    See Also
    --------
    sklearn_privfair.metrics.compute_analogies : The answers.
    BiasProjectionDisplay : Words along the direction that is removed.

    Examples
    --------
    >>> from sklearn_privfair.inspection import AnalogyTable
    >>> before = {"man": [1, 0, 0], "woman": [0, 1, 0], "king": [1, 0, 1], "queen": [0, 1, 1]}
    >>> before |= {"doctor": [0.6, 0.4, -1], "nurse": [0, 1, -1], "medic": [0.5, 0.5, -1]}
    >>> after = before | {"doctor": [0.5, 0.5, -0.9], "nurse": [0.5, 0.5, -2]}
    >>> table = AnalogyTable.from_vectors(
    ...     {"before": before, "after": after},
    ...     {"appropriate": [("man", "king", "woman")], "biased": [("man", "doctor", "woman")]},
    ... )
    >>> table.frame()
              kind    a       b      c before  after  changed
    0  appropriate  man    king  woman  queen  queen    False
    1       biased  man  doctor  woman  nurse  medic     True
    """

    def __init__(self, answers):
        self.answers = answers

    @classmethod
    def from_estimator(
        cls,
        estimator,
        vectors,
        analogies,
        *,
        n_words=1,
        method="3cosadd",
        first=None,
        allow_inputs=False,
        ax=None,
    ):
        """Debias word vectors, and tabulate the answers before and after.

        Parameters
        ----------
        estimator : fitted transformer of word vectors
            Its `transform` gives the vectors after.
        vectors : KeyedVectors, (words, array) or mapping of str to array-like
            Word vectors before.
        analogies : list of (str, str, str), or mapping of str to such lists
            As in :meth:`from_vectors`.
        n_words : int, default=1
            How many answers to each.
        method : {"3cosadd", "3cosmul"}, default="3cosadd"
            As in :func:`~sklearn_privfair.metrics.compute_analogy`.
        first : int, default=None
            Take answers only from the first so many words. `None`: from all.
        allow_inputs : bool, default=False
            Whether the three words may be answers.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        table : AnalogyTable
            The drawn table.

        Raises
        ------
        ValueError
            As :meth:`from_vectors`.
        """
        return cls.from_vectors(
            before_and_after(estimator, vectors),
            analogies,
            n_words=n_words,
            method=method,
            first=first,
            allow_inputs=allow_inputs,
            ax=ax,
        )

    @classmethod
    def from_vectors(
        cls,
        vectors,
        analogies,
        *,
        n_words=1,
        method="3cosadd",
        first=None,
        allow_inputs=False,
        ax=None,
    ):
        """Tabulate the answers by several sets of vectors.

        Parameters
        ----------
        vectors : mapping of str to word vectors
            By name, the first is that before debiasing: each a KeyedVectors, (words, array) or
            mapping of str to array-like.
        analogies : list of (str, str, str), or mapping of str to such lists
            The analogies (a, b, c); by their kind, {"appropriate": ..., "biased": ...}.
        n_words : int, default=1
            How many answers to each.
        method : {"3cosadd", "3cosmul"}, default="3cosadd"
            As in :func:`~sklearn_privfair.metrics.compute_analogy`.
        first : int, default=None
            Take answers only from the first so many words. `None`: from all.
        allow_inputs : bool, default=False
            Whether the three words may be answers.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        table : AnalogyTable
            The drawn table.

        Raises
        ------
        TypeError
            If `vectors` is no mapping of names to word vectors.
        ValueError
            If a word has no vector in one of the sets, or a set has a name of a column.
        """
        check_named(vectors)
        taken = [name for name in vectors if name in (*_COLUMNS, "changed")]
        if taken:
            raise ValueError(f"vectors may not have the names {taken}; the table has them.")
        by_kind = analogies if isinstance(analogies, Mapping) else {"": analogies}
        lines = [(kind, *triple) for kind, triples in by_kind.items() for triple in triples]
        table = pd.DataFrame(lines, columns=list(_COLUMNS))
        triples = list(table[["a", "b", "c"]].itertuples(index=False, name=None))
        for name, held in vectors.items():
            found = compute_analogies(
                held,
                triples,
                n_words=n_words,
                method=method,
                first=first,
                allow_inputs=allow_inputs,
            )
            table[name] = [", ".join(word for word, _ in answers) for answers in found]
        return cls(table).plot(ax=ax)

    def plot(self, ax=None, fontsize=9):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in; letters shrink to fit. `None`: a new figure, as large as the table.
        fontsize : float, default=9
            Size of the letters, in points.

        Returns
        -------
        table : AnalogyTable
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        lines = self._lines()
        ends = np.cumsum([self._width(column, fontsize) for column in range(len(lines[0]))])
        size = np.array([ends[-1], (len(lines) + 0.5) * 1.7 * fontsize])  # points
        if ax is None:
            self.figure_, _, axes = make_axes(None, (1, 1), size / 72 + 0.1)
            ax = axes[0, 0]
        self.ax_, self.figure_ = ax, ax.figure
        self.figure_.draw_without_rendering()  # lays out, so that the extent is known
        room = np.array(ax.get_window_extent().size) * 72 / self.figure_.dpi
        fontsize *= min(1.0, *(room / size))
        ax.set(xlim=(0, ends[-1]), ylim=(len(lines) - 0.25, -0.75))
        ax.set_axis_off()
        self.texts_ = [
            [
                ax.text(left, row, text, fontsize=fontsize, va="center", **style)
                for left, (text, style) in zip([0, *ends[:-1]], line, strict=True)
            ]
            for row, line in enumerate(lines)
        ]
        ax.hlines(np.arange(len(lines)) + 0.5, 0, ends[-1], color=GREY, linewidth=0.3)
        ax.axhline(0.5, color="black", linewidth=0.8)
        return self

    def _lines(self):
        """List the cells of every line, each a text and its style."""
        frame, names = self.frame(), self._names()
        lines: list = [[(text, {"weight": "bold"}) for text in ("analogy", *names)]]
        for kind, part in frame.groupby("kind", sort=False):
            n_changed = int(part["changed"].sum())
            if kind or frame["kind"].nunique() > 1:
                title = f"{kind}: {n_changed} of {len(part)} changed"
                heading = [(title, {"style": "italic", "color": GREY})]
                lines.append(heading + [("", {})] * len(names))
            for line in part.to_dict("records"):
                cells = [(f"{line['a']} : {line['b']} :: {line['c']} : ?", {"color": "black"})]
                for name in names:
                    other = line[name] != line[names[0]]
                    cells.append((line[name], {"color": colour(1) if other else "black"}))
                lines.append(cells)
        return lines

    def _width(self, column, fontsize):
        """Width of a column in points, with the space behind it."""
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextPath

        widest = max(
            TextPath((0, 0), line[column][0], prop=FontProperties(weight="bold"), size=fontsize)
            .get_extents()
            .width
            for line in self._lines()
            if line[column][0]
        )
        return widest + 1.5 * fontsize

    def frame(self):
        """Give the data of the table.

        Returns
        -------
        frame : pandas.DataFrame
            One line per analogy: ``kind``, ``a``, ``b``, ``c``, the answers by the names of the
            vectors, and ``changed``: whether the answers of the last differ from those of the
            first.
        """
        first, *_, last = self._names() * 2
        return self.answers.assign(changed=self.answers[first] != self.answers[last])

    def _names(self):
        return [name for name in self.answers.columns if name not in _COLUMNS]
