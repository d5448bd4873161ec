"""The peers' attacks of the suite beyond PGD and C&W: minimum norms, black box, ensembles."""

import numpy as np
import torch
from _batches import art_classifier, in_batches


def foolbox(kind, **settings):
    def attack(net, x, y, task):
        import foolbox

        attack = getattr(foolbox.attacks, kind)(**settings)
        return attack(foolbox.PyTorchModel(net, bounds=(0, 1)), x, y, epsilons=task.eps)[1]

    return in_batches(attack)


def torchattacks(kind, **settings):
    def attack(net, x, y, _):
        import torchattacks

        return getattr(torchattacks, kind)(net, **settings)(x, y)

    return in_batches(attack)


def art(kind, **settings):
    def run(net, X, y, _task, _batch_size):
        from art.attacks import evasion

        attack = getattr(evasion, kind)(art_classifier(net, X), verbose=False, **settings)
        return attack.generate(X, y)

    return run


def reference(*members, seed=0):
    """Run the reference code of AutoAttack, some of its members or all."""

    def run(net, X, y, task, batch_size):
        from pyautoattack import AutoAttack

        norm = NAMES[task.norm]
        attack = AutoAttack(net, norm=norm, eps=task.eps, version="standard", seed=seed)
        attack.verbose = False
        if members:
            attack.attacks_to_run = list(members)
            attack.apgd.n_restarts = 1
            attack.square.n_queries = task.n_steps
        x, labels = torch.from_numpy(X), torch.from_numpy(y)
        return attack.run_standard_evaluation(x, labels, batch_size=batch_size)[0].numpy()

    return run


def reference_fab(net, X, y, task, batch_size):
    """Run the reference code of FAB for the least distance."""
    from pyautoattack.fab_pt import FABAttack_PT

    attack = FABAttack_PT(net, norm=NAMES[task.norm], n_iter=100, eps=1e6, seed=0, device="cpu")
    batches = (torch.from_numpy(part).split(batch_size) for part in (X, y))
    return torch.cat([attack.perturb(x, label) for x, label in zip(*batches, strict=True)]).numpy()


HSJ_ART = {"init_eval": 20, "init_size": 20, "max_eval": 200, "batch_size": 64}
NAMES = {np.inf: "Linf", 2: "L2", 1: "L1"}

RUNS = {
    "foolbox": {
        "min_l2": [
            ("DDN 100", None, foolbox("DDNAttack", steps=100)),
            ("FMN 100", None, foolbox("L2FMNAttack", steps=100)),
            ("DeepFool", None, foolbox("L2DeepFoolAttack")),
        ],
        "min_linf": [
            ("FMN 100", None, foolbox("LInfFMNAttack", steps=100)),
            ("DeepFool", None, foolbox("LinfDeepFoolAttack")),
        ],
        "min_l1": [
            ("FMN 100", None, foolbox("L1FMNAttack", steps=100)),
            ("EAD 5x200", 200, foolbox("EADAttack", binary_search_steps=5, steps=200)),
        ],
        "min_l0": [("FMN 100", None, foolbox("L0FMNAttack", steps=100))],
        "hopskipjump_l2": [
            (
                "about 1000 queries",
                96,
                foolbox("HopSkipJumpAttack", steps=5, initial_gradient_eval_steps=100),
            )
        ],
        "hopskipjump_linf": [
            (
                "about 1000 queries",
                96,
                foolbox(
                    "HopSkipJumpAttack",
                    steps=5,
                    initial_gradient_eval_steps=100,
                    constraint="linf",
                ),
            )
        ],
    },
    "torchattacks": {
        "min_l2": [("DeepFool", None, torchattacks("DeepFool"))],
        "square_linf": [("1000 queries", None, torchattacks("Square", eps=0.3, n_queries=1000))],
    },
    "art": {
        "min_l2": [("DeepFool", 200, art("DeepFool"))],
        "hopskipjump_l2": [
            ("about 1000 queries", 32, art("HopSkipJump", max_iter=6, norm=2, **HSJ_ART))
        ],
    },
    "pyautoattack": {
        "apgd_linf": [
            ("ce", None, reference("apgd-ce")),
            ("dlr targeted", None, reference("apgd-t")),
        ],
        "square_linf": [("1000 queries", None, reference("square"))],
        "apgd_l2": [
            ("ce", None, reference("apgd-ce")),
            ("dlr targeted", None, reference("apgd-t")),
        ],
        "square_l2": [("1000 queries", None, reference("square"))],
        "autoattack_linf": [
            ("standard", None, reference()),
            ("standard, another seed", None, reference(seed=1)),
        ],
        "autoattack_l2": [("standard", None, reference())],
        "autoattack_l1": [("standard", None, reference())],
        **{name: [("FAB", None, reference_fab)] for name in ("min_l2", "min_linf", "min_l1")},
    },
}
