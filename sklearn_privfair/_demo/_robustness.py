"""Attack a net, see the damage, defend it, see it hold."""

import time

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from sklearn.base import clone
from tqdm.auto import tqdm

from sklearn_privfair.attacks import CWL2Attack, PGDAttack
from sklearn_privfair.defences import (
    AdversarialAugmentationClassifier,
    AdversarialTrainingClassifier,
)
from sklearn_privfair.inspection import AdversarialExamplesDisplay, AttackComparisonDisplay
from sklearn_privfair.metrics import median_perturbation_distance, robust_accuracy_score

_NORMS = ("l0", "l1", "l2", "linf")


def show_robustness(data, output, seed):
    """Attack a net and two defences of it: one table, and the pictures.

    Parameters
    ----------
    data : DemoData
    output : pathlib.Path
    seed : int
    """
    common = {"bounds": (0, 1), "random_state": seed, "n_jobs": -1}
    clip = PGDAttack(norm=np.inf, eps=data.eps_linf, **common)
    attacks = {
        "PGD (clip)": clip,
        "PGD (projection)": PGDAttack(norm=2, eps=data.eps_l2, **common),
        "CW-L2": CWL2Attack(**common),
    }
    train_attack = clone(clip).set_params(n_steps=7)
    nearest = CWL2Attack(binary_search_steps=3, n_steps=20, **common)
    models = {
        "plain": data.net(),
        "augmented": AdversarialAugmentationClassifier(
            data.net(), nearest, share=0.5, random_state=seed
        ),
        "adversarial": AdversarialTrainingClassifier(
            data.net(adversarial=True), train_attack, eps_warmup=5, random_state=seed
        ),
    }
    results: dict = {}
    lines = []
    with tqdm(total=len(models) * (1 + len(attacks)), unit="step") as progress:
        for name, model in models.items():
            progress.set_description(f"train {name}")
            start = time.perf_counter()
            _fit(model, data, seed)
            training = time.perf_counter() - start
            progress.update()
            results[name] = {}
            for title, attack in attacks.items():
                progress.set_description(f"{title} on {name}")
                start = time.perf_counter()
                result = clone(attack).fit(model).generate(data.X_test, data.y_test)
                results[name][title] = result
                seconds = time.perf_counter() - start
                lines.append(_line(name, title, result, data, training, seconds))
                progress.update()
    table = pd.DataFrame(lines)
    table.to_csv(output / "robustness.csv", index=False)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(
        f"Robust accuracy of CW-L2, which has no budget: within l2 {data.eps_l2:g}. Medians are "
        "over the rows attacked, inf where most held; l0 counts pixels."
    )
    print(
        "Copies made once against another net (augmented) help little; attacks on the net itself "
        "in every batch (adversarial) do."
    )
    for path in _draw(results, data, output):
        print(f"wrote {path}")


def _fit(model, data, seed):
    if hasattr(model, "attack"):
        model.fit(data.X_train, data.y_train)
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.fit(data.X_train, data.y_train)


def _line(name, title, result, data, training, seconds):
    budget = {"PGD (clip)": f"linf {data.eps_linf:g}", "PGD (projection)": f"l2 {data.eps_l2:g}"}
    reached = _within_budget(title, result, data)
    medians = {
        norm: median_perturbation_distance(result.distance[norm][result.attacked])
        for norm in _NORMS
    }
    return {
        "model": name,
        "attack": title,
        "budget": budget.get(title, "none"),
        "clean accuracy": np.mean(result.y_pred == data.y_test),
        "robust accuracy": robust_accuracy_score(data.y_test, result.y_pred, reached),
        "success rate": result.success.sum() / result.attacked.sum(),
        **{f"median {norm}": value for norm, value in medians.items()},
        "train s": training,
        "attack s": seconds,
    }


def _within_budget(title, result, data):
    """Predictions on the adversarial rows; for CW-L2, of those within the budget of the others."""
    within = result.success & ((title != "CW-L2") | (result.distance["l2"] <= data.eps_l2))
    return np.where(within, result.y_pred_adv, result.y_pred)


def _draw(results, data, output):
    """Save the pictures, and give their paths."""
    for title, result in results["plain"].items():
        figure = Figure(figsize=(6, 8), layout="constrained")
        AdversarialExamplesDisplay.from_predictions(
            result.X,
            result.X_adv,
            result.y_pred,
            result.y_pred_adv,
            y_true=data.y_test,
            ax=figure.subplots(),
        )
        name = title.lower().replace(" ", "_").replace("(", "").replace(")", "").replace("-", "_")
        yield _save(figure, output / f"examples_{name}.png", f"{title} on the plain net")
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    labels = {"CW-L2": f"CW-L2 (≤ {data.eps_l2:g})"}
    AttackComparisonDisplay.from_predictions(
        data.y_test,
        {name: next(iter(found.values())).y_pred for name, found in results.items()},
        _each(results, labels, lambda title, result: _within_budget(title, result, data)),
        distance=_each(results, labels, lambda _, result: result.distance["l2"]),
        ax=figure.subplots(),
    )
    yield _save(figure, output / "before_and_after.png", "Before and after defence")


def _each(results, labels, value):
    """Give one value for each model and attack."""
    return {
        name: {labels.get(title, title): value(title, result) for title, result in found.items()}
        for name, found in results.items()
    }


def _save(figure, path, title):
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
    return path
