"""Code that repeats a step without the audit, and parameters as plain data.

The code supposes `model`, `X_train`, `y_train`, `X_test`, `y_test` and, where groups are compared,
`groups`: what was given to `ModelAudit` and to `run`.
"""

import inspect
import re

import numpy as np
from sklearn.frozen import FrozenEstimator

from sklearn_privfair.attacks import Constraints

_WIDE = 60  # columns from which on a call has one line for each argument
_SKIPPED = {"estimator", "n_jobs", "verbose", "batch_size"}  # what does not change the result


def plain(value):
    """Give a value as JSON has it: numbers, strings, lists and dicts, else its repr."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else repr(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist()) if value.size <= 100 else f"array of shape {value.shape}"
    if isinstance(value, Constraints):
        return {name: plain(rule) for name, rule in vars(value).items() if _is_given(rule)}
    return named(value)


def named(value):
    """Give the repr of an object, less its place in memory, which says nothing to a reader."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def parameters(estimator):
    """Give an estimator's class and parameters as plain data, those that change the result."""
    params = estimator.get_params(deep=False)
    chosen = {name: plain(value) for name, value in params.items() if name not in _SKIPPED}
    return {"class": type(estimator).__name__} | chosen


def _literal(value):
    """Give code for a value; None if there is none that is short and whole."""
    if isinstance(value, float) and np.isinf(value):
        return "np.inf"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (tuple, list)):
        parts = [_literal(item) for item in value]
        if any(part is None for part in parts):
            return None
        return "({})".format(", ".join(parts) + ("," if len(parts) == 1 else ""))
    if hasattr(value, "get_params"):
        return _call(value)[0]
    if isinstance(value, dict):
        parts = [(_literal(key), _literal(item)) for key, item in value.items()]
        if any(None in pair for pair in parts):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in parts) + "}"
    if isinstance(value, Constraints):
        rules = {name: _literal(rule) for name, rule in vars(value).items() if _is_given(rule)}
        if None in rules.values():
            return None
        return f"Constraints({', '.join(f'{name}={code}' for name, code in rules.items())})"
    return None


def _is_given(rule):
    return rule is not None and (np.ndim(rule) == 0 or len(rule) > 0)


def _call(estimator, first=None, **named):
    """Give code that makes an estimator, and the names of the classes that it needs.

    Parameters without short code are written as the names of those given to the audit; `named`
    gives the code of some (None: they are left out).
    """
    signature = inspect.signature(type(estimator)).parameters
    arguments, needed = [] if first is None else [first], {type(estimator).__name__}
    for name, value in estimator.get_params(deep=False).items():
        if name in _SKIPPED or (name in named and named[name] is None):
            continue
        if name in named:
            arguments.append(f"{name}={named[name]}")
            continue
        if name in signature and _same(value, signature[name].default):
            continue
        code = _literal(value)
        arguments.append(f"{name}={name if code is None else code}")
        if isinstance(value, Constraints) and code is not None:
            needed.add("Constraints")
        elif hasattr(value, "get_params"):
            needed.add(type(value).__name__)
    whole = f"{type(estimator).__name__}({', '.join(arguments)})"
    if len(whole) > _WIDE:
        lines = "".join(f"    {argument},\n" for argument in arguments)
        whole = f"{type(estimator).__name__}(\n{lines})"
    return whole, needed


def _same(value, default):
    return type(value) is type(default) and (value is default or bool(np.all(value == default)))


def _attack_lines(run, attack, done):
    """Give the lines that choose the rows and make the attack."""
    frozen = isinstance(attack.estimator, FrozenEstimator)
    victim = "FrozenEstimator(model)" if frozen else "model"
    code, needed = _call(attack, victim)
    lines = ["import numpy as np"]
    if frozen:
        lines.append("from sklearn.frozen import FrozenEstimator")
    lines += [
        f"from sklearn_privfair.attacks import {', '.join(sorted(needed))}",
        "",
        f"order = np.random.default_rng({attack.random_state}).permutation(len(X_test))",
        f"rows = order[:{done}]",
        f"attack = {code}",
        "attack.fit(X_train, y_train)",
    ]
    at = "X_test.iloc[rows]" if run.data.is_frame else "X_test[rows]"
    return [*lines, f"result = attack.generate({at}, np.asarray(y_test)[rows])"]


def of_distances(run, attack, done, key):
    """Give code for the median distance of the nearest adversarial rows."""
    lines = _attack_lines(run, attack, done)
    lines.append(f'print(np.median(result.distance["{key}"][result.attacked]))')
    return "\n".join(lines)


def of_auto_attack(run, attack, done):
    """Give code for the robust accuracy within a budget."""
    lines = _attack_lines(run, attack, done)
    lines.append("print(np.mean(result.attacked & ~result.success))")
    return "\n".join(lines)


def judged_lines(run, judged):
    """Give the lines that make the records to be judged."""
    frame = run.data.is_frame
    pick = "X_test.iloc" if frame else "X_test"
    both = "pd.concat" if frame else "np.concatenate"
    lines = [
        f"order = np.random.default_rng({run.seeds['privacy']}).permutation(len(X_test))",
        f"own, others = order[:{judged.n_own}], order[{judged.n_own}:]",
    ]
    if len(judged.doubles):
        lines += [
            f"doubles = {judged.doubles.tolist()}  # test rows that are training rows too",
            "others = others[~np.isin(others, doubles)]",
        ]
    return [
        *lines,
        f"X = {both}([X_train, {pick}[others]])",
        "y = np.concatenate([y_train, np.asarray(y_test)[others]])",
        "membership = np.arange(len(y)) < len(y_train)",
    ]


def of_loss(run, judged):
    """Give code for the area under the ROC curve of the loss."""
    return "\n".join(
        [
            "import numpy as np",
            *(["import pandas as pd"] if run.data.is_frame else []),
            "from sklearn.metrics import roc_auc_score",
            "from sklearn_privfair.differentiable import Victim",
            "",
            *judged_lines(run, judged),
            "victim = Victim(model)",
            "score = victim.proba(X)[np.arange(len(y)), victim.encode(y)]  # exp(-loss)",
            "print(roc_auc_score(membership, score))",
        ]
    )


def of_membership(run, attack, judged, methods):
    """Give code for the areas under the ROC curves of attacks with shadow models."""
    shadow = attack.shadow_estimator
    own = None if shadow is None else "shadow_estimator"
    if own is not None and run.audit.shadow_estimator is None:
        own = "model.best_estimator_"
    code, needed = _call(attack, "FrozenEstimator(model)", method="method", shadow_estimator=own)
    names = []
    for method in methods:
        literal = _literal(method)
        names.append("method" if literal is None else literal)
        needed |= set() if isinstance(method, str) else {type(method).__name__}
    pick = "X_test.iloc" if run.data.is_frame else "X_test"
    return "\n".join(
        [
            "import numpy as np",
            *(["import pandas as pd"] if run.data.is_frame else []),
            "from sklearn.frozen import FrozenEstimator",
            "from sklearn.metrics import roc_auc_score",
            f"from sklearn_privfair.privacy import {', '.join(sorted(needed))}",
            "",
            *judged_lines(run, judged),
            f"for method in [{', '.join(names)}]:  # all by the same shadow models",
            *(f"    {line}" for line in f"attack = {code}".splitlines()),
            f"    attack.fit({pick}[own], np.asarray(y_test)[own], audit=(X, y))",
            "    print(method, roc_auc_score(membership, attack.decision_function(X, y)))",
        ]
    )
