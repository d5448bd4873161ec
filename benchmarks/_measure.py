"""One run of one attack: judged on the array it hands back, timed, its passes counted."""

import statistics
import time

import numpy as np
import torch
from _count import Counted
from _plain import bare_seconds

ENOUGH = 60.0  # CPU seconds after which an attack is not repeated again


def predict(net, X):
    """Give the real model's classes."""
    with torch.no_grad():
        return torch.cat([net(x).argmax(1) for x in torch.from_numpy(X).split(1000)]).numpy()


def distances(X, X_adv, norm):
    """Give each row's distance, in float64."""
    delta = (X_adv.astype(np.float64) - X).reshape(len(X), -1)
    return np.linalg.norm(delta, ord=norm, axis=1)


def judge(net, X, y, X_adv, task):
    """Judge an adversarial array, whoever made it."""
    X_adv = np.asarray(X_adv, dtype=np.float32)
    distance = distances(X, X_adv, task.norm)
    flat = X_adv.reshape(len(X), -1)
    fair = np.isfinite(flat).all(axis=1) & (flat >= 0).all(axis=1) & (flat <= 1).all(axis=1)
    if task.eps is not None:
        fair &= distance <= task.eps * (1 + 1e-4)
    success = fair & (predict(net, X_adv) != y)
    found = distance[success]
    return {
        "success": success.mean().item(),
        "mean": found.mean().item() if len(found) else None,
        "median": np.median(found).item() if len(found) else None,
        "violations": int((~fair).sum()),
    }


def measure(net, X, y, task, run, batch_size, repeats):
    """Run one attack up to `repeats` times; give what the table and the JSON file show."""
    seconds, bare = [], []
    for _ in range(repeats):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 -- ART draws from the global generator
        counted = Counted(net).eval()
        start = time.process_time()
        X_adv = run(counted, X, y, task, batch_size)
        seconds.append(time.process_time() - start)
        bare.append(bare_seconds(net, X, y, counted.tally.calls))
        if sum(seconds) > ENOUGH:
            break
    forward, backward = counted.tally.per_row(len(X))
    return judge(net, X, y, X_adv, task) | {
        "rows": len(X),
        "repeats": len(seconds),
        "forward": forward,
        "backward": backward,
        "seconds": min(seconds),
        "seconds_median": statistics.median(seconds),
        "bare": min(bare),
        "overhead": min(seconds) / min(bare),
        "overhead_median": statistics.median(s / b for s, b in zip(seconds, bare, strict=True)),
    }
