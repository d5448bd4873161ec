"""What the model is worth as it is: accuracy on training and on test rows, and the gap."""

import numpy as np

from sklearn_privfair.audit import _intervals

_SMALL = 1e-15


def run_baseline(run):
    """Measure accuracy and overfitting."""
    data, confidence = run.data, run.audit.confidence
    with run.step("accuracy", "accuracy", "Accuracy") as step:
        counts = {"train": data.right_train, "test": data.right}
        for name, right in counts.items():
            values = _intervals.share(right.sum(), len(right), confidence)
            metric = "accuracy" if name == "test" else "train_accuracy"
            run.figure(metric, "accuracy", values, n=len(right))
        train, test = counts.values()
        gap = _intervals.difference(train.sum(), len(train), test.sum(), len(test), confidence)
        run.figure("generalization_gap", "accuracy", gap, n=len(data.right))
        if hasattr(data.model, "predict_proba") or data.victim.net is not None:
            _log_losses(run)
        step.reproduce = (
            "from sklearn.metrics import accuracy_score\n\n"
            "print(accuracy_score(y_train, model.predict(X_train)))\n"
            "print(accuracy_score(y_test, model.predict(X_test)))"
        )


def _log_losses(run):
    """Mean cross-entropy on training and test rows."""
    data = run.data
    for metric, X, codes in (
        ("train_log_loss", data.X_train, data.codes_train),
        ("log_loss", data.X_test, data.codes_test),
    ):
        proba = data.victim.proba(X)[np.arange(len(codes)), codes]
        loss = -np.log(np.maximum(proba.astype(np.float64), _SMALL))
        run.figure(metric, "accuracy", (loss.mean(), np.nan, np.nan), n=len(loss))
