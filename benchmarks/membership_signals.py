"""Ablation of the learned attack: what each of its signals carries, and what others would add.

The same shadow models, each group of signals left out in turn, and candidates put in: what was
tried and is not among the signals. Trees learn from them, and once a logistic regression. See
README.md here.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse

import numpy as np
from _privacy_victims import VICTIMS
from _report import save, show
from privacy import figures
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing

from sklearn_privfair.privacy import LiRA, MembershipInferenceClassifier
from sklearn_privfair.privacy._attack_models import fit_attack_model, odds_of_membership
from sklearn_privfair.privacy._learned import attack_line, attack_trees, named_signals
from sklearn_privfair.privacy._moments import Moments
from sklearn_privfair.privacy._shadow_training import fit_anew

LEFT_OUT = {
    "the model's own log-odds": ["own"],
    "entropies, margin": ["entropy", "modified entropy", "margin"],
    "RMIA's gain": ["gain"],
    "class": ["class"],
    "in and out, log-odds": ["out", "in"],
    "differences": ["own - out", "own - in", "in - out"],
}
ADDED = {
    "LiRA's score": ["lira"],
    "spreads": ["spread out", "spread in"],
    "probability of the class": ["probability out", "probability in"],
    "distances of all classes": ["distance out", "distance in", "distance in, out"],
    "the others' order": ["runner-up", "rank"],
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victims", nargs="+", choices=list(VICTIMS), default=list(VICTIMS)[:2])
    parser.add_argument("--shadows", nargs="+", type=int, default=[4])
    parser.add_argument("--rows", type=int, default=10_000, help="members; others are as many")
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def candidates(evidence):
    """Give signals that were tried, by name."""
    own, shadows = (p.mean(axis=-3) for p in (evidence.proba, evidence.shadow_proba))
    sides = {"out": ~evidence.members, "in": evidence.members}
    means, found = {}, {"lira": LiRA().judge(evidence)}
    for side, chosen in list(sides.items())[: 1 + evidence.online]:
        spread = evidence.spread[side == "in"]
        moments = Moments(evidence.shadow_log_odds, chosen, "shrunken", spread)
        found[f"spread {side}"] = np.log(moments.scale.mean(axis=0))
        weights = chosen / chosen.sum(axis=0)
        means[side] = np.einsum("si,sic->ic", weights, shadows)
        found[f"probability {side}"] = means[side][np.arange(len(own)), evidence.codes]
        found[f"distance {side}"] = np.abs(own - means[side]).sum(axis=1)
    if evidence.online:
        found["distance in, out"] = np.abs(means["in"] - means["out"]).sum(axis=1)
    rows = np.arange(len(own))
    true, others = own[rows, evidence.codes], own.copy()
    others[rows, evidence.codes] = 0
    found["runner-up"] = others.max(axis=1)
    found["rank"] = (others > true[:, None]).sum(axis=1)
    return found


def signals(evidence):
    return named_signals(evidence) | candidates(evidence)


def attack_on(name, n_shadows, n, online):
    """Give the games, the evidence on the real victim in parts, and the truth."""
    load, make = VICTIMS[name]
    X, y = load()
    judged, own = np.arange(2 * n), np.arange(2 * n, len(y))
    labels, codes = np.unique(y, return_inverse=True)
    victim = fit_anew(make(), _safe_indexing(X, judged[:n]), codes[:n], labels, 12345)
    X_judged, y_judged, X_own, y_own = (
        _safe_indexing(part, index) for index in (judged, own) for part in (X, y)
    )
    attack = MembershipInferenceClassifier(
        FrozenEstimator(victim),
        method="rmia",
        n_shadow_models=n_shadows,
        shadow_size=n,
        random_state=0,
    ).fit(X_own, y_own, audit=(X_judged, y_judged) if online else None)
    evidence, every = attack._gather(victim, X_judged, y_judged), np.arange(n_shadows)
    parts = [every[every // 2 != pair] for pair in range(n_shadows // 2)] if online else [every]
    return attack._game, [evidence.by(part) for part in parts], judged < n


def measure(name, n_shadows, n, online):
    """Give a row of the table for each set of signals."""
    game, parts, truth = attack_on(name, n_shadows, n, online)
    rounds = [(signals(evidence), members) for evidence, members in game.rounds()]
    y = np.concatenate([members for _, members in rounds])
    X = {key: np.concatenate([found[key] for found, _ in rounds]) for key in rounds[0][0]}
    asked = [signals(part) for part in parts]
    usual = list(named_signals(parts[0]))
    sets = {"as it is": usual, "as it is, logistic regression": usual}
    for what, names in LEFT_OUT.items():
        sets[f"without {what}"] = [key for key in usual if key not in names]
    for what, names in ADDED.items():
        sets[f"with {what}"] = usual + [key for key in names if key in X]
    for what, names in sets.items():
        columns = np.column_stack([X[key] for key in names])
        learner = attack_line() if "logistic" in what else attack_trees()
        model = fit_attack_model(learner, columns, y, 0)
        odds = [
            odds_of_membership(model, np.column_stack([found[key] for key in names]))
            for found in asked
        ]
        head = {"victim": name, "shadows": n_shadows, "online": str(online), "signals": what}
        yield head | figures(truth, np.mean(odds, axis=0))


def main():
    args = arguments()
    rows = []
    for name in args.victims:
        for n_shadows in args.shadows:
            for online in (False, True):
                found = list(measure(name, n_shadows, args.rows, online))
                show(found)
                rows += found
    if args.output:
        save(args.output, rows, vars(args))


if __name__ == "__main__":
    main()
