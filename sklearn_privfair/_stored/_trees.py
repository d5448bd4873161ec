"""scikit-learn's trees as arrays, which are looked at before they are made.

scikit-learn follows the numbers in a tree's nodes without a look at them, so that forged ones could
read any memory, and skops asks for trust in every tree. Here they are checked: a node's children
come behind it, and a feature is one of the rows', whose number the estimator that holds them knows.
"""

from itertools import chain

import numpy as np
from sklearn.ensemble._bagging import BaseBagging
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from sklearn_privfair._stored._ways import add_check, add_way

_METRICS = {"EuclideanDistance64": "euclidean", "ManhattanDistance64": "manhattan"}
_METRICS |= {"ChebyshevDistance64": "chebyshev"}


def _refuse_if(wrong):
    if wrong:
        raise ValueError("The state holds a tree that scikit-learn has not grown; do not use it.")


def _check_children(inner, left, right):
    """Raise unless the children of inner nodes are nodes behind them, so that every path ends."""
    place = np.arange(len(inner))
    for child in (left, right):
        below = child[inner].astype(np.int64)
        _refuse_if(len(inner) == 0 or (below <= place[inner]).any() or (below >= len(inner)).any())


def _tree(tree, _):
    _, (n_features, n_classes, n_outputs), state = tree.__reduce__()
    return {"sizes": [int(n_features), int(n_outputs)], "n_classes": n_classes, "state": state}


def _make_tree(content, _):
    (n_features, n_outputs), state = content["sizes"], content["state"]
    nodes = state["nodes"]
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != TREE_LEAF
    _check_children(inner, left, right)
    feature = nodes["feature"][inner]
    _refuse_if((feature < 0).any() or (feature >= n_features).any())
    depth = np.zeros(len(nodes), dtype=np.int64)
    for node in np.flatnonzero(inner):
        depth[[left[node], right[node]]] = depth[node] + 1
    _refuse_if(state["max_depth"] != depth.max() or state["node_count"] != len(nodes))
    tree = Tree(n_features, np.asarray(content["n_classes"], dtype=np.intp), n_outputs)
    tree.__setstate__(state)
    return tree


def _make_predictor(content, _):
    nodes, bitsets = content["nodes"], content["raw_left_cat_bitsets"]
    inner = nodes["is_leaf"] == 0
    _check_children(inner, nodes["left"], nodes["right"])
    chosen = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    _refuse_if(bitsets.shape[1:] != (8,) or (chosen >= len(bitsets)).any())
    return TreePredictor(**content)


def _check_features(estimator):
    """Raise unless the trees of an estimator ask for features that its rows have."""
    n_features = vars(estimator).get("n_features_in_", 0)
    if isinstance(estimator, BaseDecisionTree) and hasattr(estimator, "tree_"):
        _refuse_if(estimator.tree_.n_features != n_features)
    elif isinstance(estimator, (BaseForest, BaseGradientBoosting)):
        trees = np.ravel(np.asarray(getattr(estimator, "estimators_", []), dtype=object))
        _refuse_if(any(tree.n_features_in_ != n_features for tree in trees))
    elif isinstance(estimator, BaseBagging) and hasattr(estimator, "estimators_"):
        pairs = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
        for tree, chosen in pairs:
            width = getattr(tree, "n_features_in_", len(chosen))
            _refuse_if(not width == len(chosen) == estimator._max_features)
    elif isinstance(estimator, BaseHistGradientBoosting) and hasattr(estimator, "_predictors"):
        categorical = np.asarray(estimator._bin_mapper.is_categorical_, dtype=bool)
        for predictor in chain.from_iterable(estimator._predictors):
            nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
            feature = nodes["feature_idx"]
            _refuse_if((feature < 0).any() or (feature >= n_features).any())
            of_words = feature[nodes["is_categorical"] != 0]
            _refuse_if(len(categorical) != n_features or not categorical[of_words].all())


def _is_plain_neighbours(value):
    if not isinstance(value, (KDTree, BallTree)):
        return False
    *_, metric, weights = value.__getstate__()
    return type(metric).__name__ in _METRICS and weights is None


def _neighbours(tree, _):
    state = tree.__getstate__()
    name = _METRICS[type(state[-2]).__name__]
    kind = "KDTree" if isinstance(tree, KDTree) else "BallTree"
    return {"kind": kind, "array": state[0], "leaf_size": int(state[4]), "metric": name}


def _make_neighbours(content, _):
    """Grow it again, which gives the same."""
    kind = {"KDTree": KDTree, "BallTree": BallTree}[content["kind"]]
    return kind(content["array"], leaf_size=content["leaf_size"], metric=content["metric"])


add_way("tree", lambda value: type(value) is Tree, _tree, _make_tree)
add_way("predictor", TreePredictor, lambda tree, _: dict(vars(tree)), _make_predictor)
add_way("neighbours", _is_plain_neighbours, _neighbours, _make_neighbours)
add_check(_check_features)
