"""Defences under AutoAttack, ours beside plain loops of the same length. See README.md here."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import copy
import time
import warnings

import _plain_defences
import numpy as np
import torch
from _count import Counted
from _data import EPS, load
from _measure import predict
from _nets import make_net
from _report import save, show
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler

from sklearn_privfair.attacks import AutoAttack, PGDAttack
from sklearn_privfair.defences import (
    AdversarialTrainingClassifier,
    FastAdversarialTrainingClassifier,
    FreeAdversarialTrainingClassifier,
)

BATCH_SIZE, LR = 128, 2e-3

# what the table calls them: (plain loop or our class, parameters)
TRAININGS = {
    "plain loop, Madry": ("madry", {}),
    "ours, Madry": (AdversarialTrainingClassifier, {}),
    "plain loop, TRADES": ("trades", {}),
    "ours, TRADES": (AdversarialTrainingClassifier, {"loss": "trades"}),
    "ours, MART": (AdversarialTrainingClassifier, {"loss": "mart"}),
    "ours, Madry, AWP": (AdversarialTrainingClassifier, {"awp_gamma": 0.005}),
    "ours, Madry, EMA": (AdversarialTrainingClassifier, {"averaging": "ema", "ema_decay": 0.99}),
    "ours, Madry, SWA": (AdversarialTrainingClassifier, {"averaging": "swa", "swa_start": 0.7}),
    "ours, fast (N-FGSM)": (FastAdversarialTrainingClassifier, {"noise": 1.0}),
    "ours, fast (random start)": (
        FastAdversarialTrainingClassifier,
        {"noise": 1.0, "step_size": 1.25, "project": True},
    ),
    "ours, free": (FreeAdversarialTrainingClassifier, {"n_replays": 4}),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=list(EPS), default="mnist")
    parser.add_argument("--train-rows", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=300, help="first rows of the test set")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--queries", type=int, default=1000, help="of AutoAttack's Square")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--trainings", nargs="+", choices=list(TRAININGS), default=list(TRAININGS))
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def train(name, net, X, y, eps, args, seed):
    """Train a net by one of `TRAININGS`; give its module."""
    kind, settings = TRAININGS[name]
    warmup = max(1, args.epochs // 3)
    if isinstance(kind, str):
        return _plain_defences.train(
            kind,
            net,
            X,
            y,
            eps=eps,
            n_steps=args.steps,
            n_epochs=args.epochs,
            warmup=warmup,
            batch_size=BATCH_SIZE,
            lr=LR,
            seed=seed,
        )
    learner = NeuralNetClassifier(
        net,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LR,
        max_epochs=args.epochs,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[LRScheduler(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=args.epochs)],
        verbose=0,
    )
    attack = PGDAttack(
        eps=eps,
        n_steps=args.steps,
        step_schedule="constant",  # of 2.5 eps / n_steps, which grows with eps
        bounds=(0, 1),
    )
    if "awp_gamma" in settings:  # weights that know nothing yet are not to be moved
        settings = settings | {"awp_warmup": args.epochs // 2}
    if kind is not FreeAdversarialTrainingClassifier:
        settings = {"eps_warmup": warmup} | settings
    trained = kind(learner, attack, random_state=seed, **settings).fit(X, y)
    return trained.estimator_.module_


def measure(name, data, args, seed):
    """Train, and attack the result by AutoAttack."""
    eps = EPS[args.dataset][np.inf]
    X, y = data[0][: args.train_rows], data[2][: args.train_rows]
    X_test, y_test = data[1][: args.rows], data[3][: args.rows]
    counted = Counted(make_net(args.dataset, "adversarial", seed=seed))
    start = time.process_time()
    net = train(name, counted, X, y, eps, args, seed)
    seconds = time.process_time() - start
    forward, backward = counted.tally.per_row(len(X))
    net = copy.deepcopy(getattr(net, "net", net)).eval()
    attack = AutoAttack(eps=eps, version="standard", bounds=(0, 1), random_state=0)
    attack.set_params(n_queries=args.queries)
    found = attack.fit(net).generate(X_test, y_test)
    right = predict(net, X_test) == y_test
    return {
        "training": name,
        "seed": seed,
        "accuracy": right.mean().item(),
        "robust_accuracy": (right & ~found.success).mean().item(),
        "forward": forward,
        "backward": backward,
        "seconds": seconds,
    }


def main():
    args = arguments()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    data, rows = load(args.dataset), []
    for name in args.trainings:
        for seed in range(args.seeds):
            print(name, seed, "...", flush=True)
            rows.append(measure(name, data, args, seed))
            print(rows[-1], flush=True)
    show(rows)
    if args.output:
        save(args.output, rows, vars(args))


if __name__ == "__main__":
    main()
