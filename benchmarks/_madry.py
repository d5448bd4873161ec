"""One epoch of adversarial training (Madry et al., 2018): 5,000 rows, 7 linf steps, CPU seconds.

Same initial net (the plain one, at a third of the budget: from scratch one epoch learns nothing),
rows, batch size and optimiser for a plain loop, ART and ours. The bare cost is that of the passes
nobody can avoid: per batch, 7 forward and backward passes to the input and one to the weights.
Robust accuracy under PGD-40 shows that the training was the same.
"""

import copy
import statistics
import time

import numpy as np
import torch
from _batches import art_classifier
from _count import Counted
from _data import EPS
from _measure import predict
from _nets import train_epoch, trained_net
from _plain import bare_seconds, pgd
from torch.nn.functional import cross_entropy

N_ROWS, N_STEPS, BATCH_SIZE, LR = 5000, 7, 128, 2e-3


def plain(net, X, y, eps, n_epochs):
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    for epoch in range(n_epochs):
        train_epoch(
            net,
            optimizer,
            torch.from_numpy(X),
            torch.from_numpy(y),
            eps,
            N_STEPS,
            BATCH_SIZE,
            epoch,
        )
    return net


def art(net, X, y, eps, n_epochs):
    from art.defences.trainer import AdversarialTrainerMadryPGD

    classifier = art_classifier(net, X, torch.optim.Adam(net.parameters(), lr=LR))
    trainer = AdversarialTrainerMadryPGD(
        classifier,
        nb_epochs=n_epochs,
        batch_size=BATCH_SIZE,
        eps=eps,
        eps_step=2.5 * eps / N_STEPS,
        max_iter=N_STEPS,
    )
    trainer.fit(X, np.eye(10, dtype=np.float32)[y])
    return net


def ours(net, X, y, eps, n_epochs):
    from skorch import NeuralNetClassifier

    from sklearn_privfair.attacks import PGDAttack
    from sklearn_privfair.defences import AdversarialTrainingClassifier

    learner = NeuralNetClassifier(
        net,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LR,
        max_epochs=n_epochs,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    attack = PGDAttack(
        norm=np.inf,
        eps=eps,
        n_steps=N_STEPS,
        step_size=2.5 * eps / N_STEPS,
        bounds=(0, 1),
        random_state=0,
    )
    return AdversarialTrainingClassifier(learner, attack=attack).fit(X, y).estimator_.module_


LEARNERS = {"plain": plain, "art": art, "ours": ours}


def train_seconds(net, X, y):
    """Give the CPU seconds of one epoch's forward passes and gradients to the weights."""
    start = time.process_time()
    for x, target in zip(
        torch.from_numpy(X).split(BATCH_SIZE), torch.from_numpy(y).split(BATCH_SIZE), strict=True
    ):
        torch.autograd.grad(cross_entropy(net(x), target), list(net.parameters()))
    return time.process_time() - start


def measure(start_net, learner, data, eps, repeats, n_epochs=1):
    X, y, X_test, y_test = data[0][:N_ROWS], data[2][:N_ROWS], data[1][:500], data[3][:500]
    steps = [[len(rows), 1] for rows in np.array_split(y, -(-len(y) // BATCH_SIZE))] * N_STEPS
    learner(copy.deepcopy(start_net), X[:256], y[:256], eps, 1)  # what is only imported once
    seconds, bare = [], []
    for _ in range(repeats):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 -- ART draws from the global generator
        counted = Counted(copy.deepcopy(start_net))
        start = time.process_time()
        trained = learner(counted, X, y, eps, n_epochs)
        seconds.append(time.process_time() - start)
        net = copy.deepcopy(start_net)
        bare.append(n_epochs * (bare_seconds(net, X, y, steps) + train_seconds(net, X, y)))
    forward, backward = counted.tally.per_row(len(X))
    trained = trained.eval().requires_grad_(False)
    x, target = torch.from_numpy(X_test), torch.from_numpy(y_test)
    with torch.random.fork_rng():
        x_adv = pgd(trained, x, target, np.inf, eps, 40, eps / 16)
    return {
        "rows": len(X),
        "clean_accuracy": (predict(trained, X_test) == y_test).mean().item(),
        "robust_accuracy": (predict(trained, x_adv.numpy()) == y_test).mean().item(),
        "forward": forward,
        "backward": backward,
        "seconds": min(seconds),
        "seconds_median": statistics.median(seconds),
        "bare": min(bare),
        "overhead": min(seconds) / min(bare),
        "overhead_median": statistics.median(s / b for s, b in zip(seconds, bare, strict=True)),
    }


def compare(args, data, libraries):
    """Time one epoch of each learner; give the rows of the table."""
    eps = EPS[args.dataset][np.inf]
    start_net = trained_net(args.dataset, "plain", data, eps, args.cache)
    rows = []
    for library in libraries:
        if library not in LEARNERS:
            continue
        row = {"training": "Madry, 1 epoch", "library": library}
        try:
            row |= measure(start_net, LEARNERS[library], data, eps / 3, args.repeats)
        except Exception as error:  # one library's failure is a line of the table
            row["error"] = f"{type(error).__name__}: {error}"
        rows.append(row)
    return rows
