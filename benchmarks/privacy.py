"""Membership inference: ours beside ART and published code, same victims and shadows. See README.

Members are rows 0 to 10,000 of a shuffled data set, others the next 10,000, the attacker's own the
last 20,000. Offline, shadow models are trained on halves of the attacker's own; online, on halves
of the rows that are judged. Each split is another order of the rows, with other seeds.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import tempfile
import time
import warnings
from itertools import product

import numpy as np
from _privacy_victims import VICTIMS
from _report import save, show
from scipy.stats import norm
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.utils import _safe_indexing

from sklearn_privfair.metrics import tpr_at_fpr
from sklearn_privfair.privacy import LiRA, MembershipInferenceClassifier
from sklearn_privfair.privacy._answers import ask
from sklearn_privfair.privacy._shadow_training import fit_anew

OFFLINE = {
    "correctness": "correctness",
    "loss": "loss",
    "shadow": "shadow",
    "attack_r": "attack_r",
    "lira, global": LiRA(variance="global"),
    "lira": "lira",
    "rmia": "rmia",
    "learned": "learned",
}
ONLINE = {
    "lira, per_example": LiRA(variance="per_example"),
    "lira, global": LiRA(variance="global"),
    "lira": "lira",
    "rmia": "rmia",
    "learned": "learned",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victims", nargs="+", choices=list(VICTIMS), default=list(VICTIMS))
    parser.add_argument("--shadows", nargs="+", type=int, default=[4, 16])
    parser.add_argument("--rows", type=int, default=10_000, help="members; others are as many")
    parser.add_argument("--splits", nargs="+", type=int, default=[0])
    parser.add_argument("--only", nargs="+", help="names of attacks, such as 'online learned'")
    parser.add_argument("--precision", choices=["bfloat16"], help="of shadow nets")
    parser.add_argument("--no-art", action="store_true")
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def shuffled(X, y, split):
    """Put the rows in another order; split 0 is the order in which they come."""
    if split == 0:
        return X, y
    order = np.random.default_rng(split).permutation(len(y))
    X = _safe_indexing(X, order)
    return (X.reset_index(drop=True) if hasattr(X, "iloc") else X), y[order]


def figures(truth, score, guess=None):
    """Give what is shown of an attack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rates = {f"tpr@{fpr}": tpr_at_fpr(truth, score, fpr=fpr) for fpr in (0.01, 0.001)}
    balanced = np.nan if guess is None else balanced_accuracy_score(truth, guess)
    return {"auc": roc_auc_score(truth, score), **rates, "balanced accuracy": balanced}


def art_black_box(attack, victim, X, y):
    """ART's black-box attack (a random forest), on the answers of our shadow models."""
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification import BlackBoxClassifier

    game, answers = attack._game, ask(victim, X, attack.labels_)[0]
    n_classes = len(attack.labels_)
    wrapped = BlackBoxClassifier(
        lambda x: np.zeros((len(x), n_classes)), (1,), n_classes, clip_values=(0, 1)
    )
    black_box = MembershipInferenceBlackBox(wrapped, attack_model_type="rf")
    inside, outside = (
        [np.concatenate(part) for part in zip(*_answers(game, chosen), strict=True)]
        for chosen in (game.members, ~game.members)
    )
    black_box.fit(y=inside[1], test_y=outside[1], pred=inside[0], test_pred=outside[0])
    codes = np.searchsorted(attack.labels_, y)
    return black_box.infer(None, codes, pred=answers, probabilities=True)[:, -1]


def _answers(game, chosen):
    return [(game.proba[k, 0, rows], game.records.codes[rows]) for k, rows in enumerate(chosen)]


def published_offline_lira(attack, victim, X, y):
    """Offline LiRA as in the authors' code: minus the log-density, and not one-sided."""
    codes = np.searchsorted(attack.labels_, y)
    evidence = attack._gather(victim, X, y)
    out = evidence.shadow_log_odds[:, 0]
    assert (codes == evidence.codes).all()
    return -norm.logpdf(evidence.log_odds[0], out.mean(axis=0), out.std() + 1e-30)


def measure(name, n_shadows, split, args):
    """Attack one victim by all methods with as many shadow models."""
    load, make = VICTIMS[name]
    X, y = shuffled(*load(), split)
    n = args.rows
    judged, own = np.arange(2 * n), np.arange(2 * n, len(y))
    X_judged, y_judged, X_own, y_own = (
        _safe_indexing(part, index) for index in (judged, own) for part in (X, y)
    )
    truth = judged < n
    labels = np.unique(y)
    codes = np.searchsorted(labels, y)
    victim = fit_anew(make(), _safe_indexing(X, judged[:n]), codes[:n], labels, 12345 + split)
    rows = []
    with tempfile.TemporaryDirectory() as memory:
        for online, methods in ((False, OFFLINE), (True, ONLINE)):
            for method, rule in methods.items():
                attack_name = ("online " if online else "") + method
                if args.only and attack_name not in args.only:
                    continue
                attack = MembershipInferenceClassifier(
                    FrozenEstimator(victim),
                    method=rule,
                    n_shadow_models=n_shadows,
                    shadow_size=n,
                    precision=args.precision,
                    memory=memory,
                    random_state=split,
                )
                start = time.process_time()
                attack.fit(X_own, y_own, audit=(X_judged, y_judged) if online else None)
                score = attack.decision_function(X_judged, y_judged)
                seconds = time.process_time() - start
                guess = attack.predict(X_judged, y_judged)
                head = {"victim": name, "shadows": n_shadows, "split": split}
                line = {"attack": attack_name}
                rows.append(
                    head
                    | line
                    | figures(truth, score, guess)
                    | {"expected": attack.game_auc_, "seconds": seconds}
                )
                show(rows[-1:])
                if method == "rmia" and not online:
                    rivals = {"LiRA offline, -logpdf": published_offline_lira}
                    if not args.no_art:
                        rivals["ART black box, forest"] = art_black_box
                    for rival, judge in rivals.items():
                        score = judge(attack, victim, X_judged, y_judged)
                        rows.append(head | {"attack": rival} | figures(truth, score))
    return rows


def main():
    args = arguments()
    rows = []
    for name in args.victims:
        for n_shadows, split in product(args.shadows, args.splits):
            print(name, n_shadows, "...", flush=True)
            rows += measure(name, n_shadows, split, args)
    show(rows)
    if args.output:
        save(args.output, rows, vars(args))


if __name__ == "__main__":
    main()
