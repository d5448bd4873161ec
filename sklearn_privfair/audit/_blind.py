"""What tells members from others without the model: then the two are not of one source.

What an attack on the model finds may be just that. Das, Zhang & Tramèr (2024), "Blind baselines
beat membership inference attacks for foundation models".
"""

import inspect

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from sklearn_privfair.audit import _intervals, _reproduce
from sklearn_privfair.audit._steps import LeaveOut

FAMILY = "privacy"
METRIC = "membership_blind_auc"
_FEWEST = 20  # members, and others
_MOST = 20_000, 100  # rows, columns
_MOST_IN_TIME = 2_000, 30  # which take a second
_LEAST_TIME = 0.3


def run_blind(run, judged):
    """Tell members from others without the model, and keep how well that goes."""
    with run.step("membership_blind", FAMILY, "Membership without the model") as step:
        run.need_time()
        n_members, n_others = judged.membership.sum(), (~judged.membership).sum()
        if min(n_members, n_others) < _FEWEST:
            raise LeaveOut(
                f"{n_members} members and {n_others} others are too few to learn from; it takes "
                f"{_FEWEST} of each"
            )
        if step.until - run.clock.now() < _LEAST_TIME:
            raise LeaveOut(f"its share of the time budget of {run.clock.seconds:g} s is too small")
        seed, most = run.seeds[FAMILY], _MOST_IN_TIME if run.clock.limited else _MOST
        table = table_of(judged.X, judged.y)
        rows, columns = chosen(table, seed, *most)
        membership = judged.membership[rows]
        seen = {"rows and labels": columns, "labels alone": columns[-1:]}
        with threadpool_limits(1):
            areas = {
                what: _intervals.auc(
                    membership,
                    blind_score(table[np.ix_(rows, part)], membership, seed),
                    _intervals.together(run.audit.confidence, len(seen)),
                )
                for what, part in seen.items()
            }
        best = max(areas, key=lambda what: areas[what][0])
        run.figure(METRIC, FAMILY, areas[best], n=len(rows), note=f"by {best}, without the model")
        step.parameters = {"n_rows": len(rows), "n_columns": len(columns)}
        step.reproduce = _code(run, judged, seed, most)


def table_of(X, y):
    """Give rows and labels as numbers; what is none is numbered, in its order."""
    X = X if hasattr(X, "iloc") else np.reshape(X, (len(X), -1))
    table = pd.DataFrame(X).reset_index(drop=True)
    columns = [table.iloc[:, i] for i in range(table.shape[1])] + [pd.Series(y)]
    numbers = []
    for column in columns:
        if not pd.api.types.is_numeric_dtype(column):
            column = pd.Series(pd.factorize(column.astype(str), sort=True)[0])
        numbers.append(column.astype(float).to_numpy(np.float64, na_value=np.nan))
    return np.column_stack(numbers)


def chosen(table, seed, most_rows, most_columns):
    """Choose rows and columns, where there are very many; the last column, the label, is one."""
    rng = np.random.default_rng(seed)
    n, width = table.shape
    rows = np.sort(rng.permutation(n)[:most_rows])
    return rows, np.append(np.sort(rng.permutation(width - 1)[: most_columns - 1]), width - 1)


def blind_score(table, membership, seed):
    """Give each row the membership that trees see in it, learned from the others: five folds."""
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=max(20, len(table) // 50),  # what is there to find is mostly smooth
        early_stopping=False,
        random_state=seed,
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    score = cross_val_predict(trees, table, membership, cv=folds, method="predict_proba")
    return score[:, 1]


def _code(run, judged, seed, most):
    functions = (table_of, chosen, blind_score)
    return "\n".join(
        [
            "import numpy as np",
            "import pandas as pd",
            "from sklearn.ensemble import HistGradientBoostingClassifier",
            "from sklearn.metrics import roc_auc_score",
            "from sklearn.model_selection import StratifiedKFold, cross_val_predict",
            "",
            *(f"\n{inspect.getsource(function)}" for function in functions),
            "",
            *_reproduce.judged_lines(run, judged),
            "table = table_of(X, y)",
            f"rows, columns = chosen(table, {seed}, {most[0]}, {most[1]})",
            "areas = []",
            "for part in (columns, columns[-1:]):  # with the rows, and by the labels alone",
            f"    score = blind_score(table[np.ix_(rows, part)], membership[rows], {seed})",
            "    areas.append(roc_auc_score(membership[rows], score))",
            "print(max(areas))",
        ]
    )
