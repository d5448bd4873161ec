"""From the attacker's records to shadow models that can be judged by."""

import warnings

import numpy as np
from skorch.helper import predefined_split
from torch import nn

from sklearn_privfair.privacy._answers import nets_in
from sklearn_privfair.privacy._game import Game, automatic_clip
from sklearn_privfair.privacy._shadow_design import design
from sklearn_privfair.privacy._shadow_training import train_shadows


def make_game(attack, records, audited):
    """Draw halves, train shadow models on them, and ask these about all records.

    Parameters
    ----------
    attack : MembershipInferenceClassifier
        Its parameters say how; it has its `method_` and `labels_` already.
    records : Records
    audited : bool ndarray of shape (n_records,)
        Which records are to be judged.

    Returns
    -------
    game : Game
    """
    n_models = attack.n_shadow_models if attack.method_.uses_shadows else 0
    if attack.shadow_strategy == "reuse":
        n_models = min(n_models, 1)
    attack.method_.check_shadows(n_models, audited.any(), attack.n_shadow_models)
    estimator = _to_train(attack)
    _warn_of_rows_held_out(attack)
    members = design(records, audited, n_models, attack.shadow_size, attack._seed)
    trained = train_shadows(
        estimator,
        records.X,
        records.codes,
        members,
        attack.labels_,
        strategy=attack.shadow_strategy,
        seed=attack._seed,
        precision=attack.precision,
        augmentations=attack.augmentations,
        memory=attack.memory,
        n_jobs=attack.n_jobs,
        verbose=attack.verbose,
    )
    shape = (0, 1 + len(attack.augmentations), len(records), len(attack.labels_))
    proba = np.stack([answers for _, answers in trained]) if trained else np.zeros(shape)
    clip = automatic_clip(proba, records.codes) if attack.clip == "auto" else attack.clip
    return Game(records, [model for model, _ in trained], proba, members, audited, clip)


def _warn_of_rows_held_out(attack):
    """Warn where a net keeps rows from its training that count as members."""
    for name in ("estimator", "shadow_estimator"):
        splits = [getattr(net, "train_split", None) for net in nets_in(getattr(attack, name))]
        if not all(split is None or _of_other_rows(split) for split in splits):
            warnings.warn(
                f"The train_split of a net in {name} keeps rows from its training (skorch's "
                "default every fifth), and they count as members here: less is found than could "
                "be. Use train_split=None, or predefined_split to validate on other rows.",
                UserWarning,
                stacklevel=5,
            )


def _of_other_rows(split):
    return getattr(split, "func", None) is predefined_split(None).func


def _to_train(attack):
    """Give what shadow models are made of."""
    given, strategy = attack.shadow_estimator, attack.shadow_strategy
    if strategy != "train" and given is not None:
        raise ValueError(
            f"shadow_strategy={strategy!r} takes the victim for its shadow, and "
            f"shadow_estimator={given!r} is another; use shadow_estimator=None."
        )
    if given is None and strategy != "reuse" and isinstance(attack.estimator, nn.Module):
        raise ValueError(
            "estimator is a torch module, which says nothing of how it was trained; give "
            "shadow_estimator, for example a skorch net around a module of the same kind."
        )
    return attack.estimator if given is None else given
