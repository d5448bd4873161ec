"""The peers' attacks at comparable settings, and the plain loop.

``RUNS[library][task]`` lists ``(label, most_rows, run)``; ``run(net, X, y, task, batch_size)``
gives the adversarial array. Each library is imported when it is first asked for. A library that
does no batching of its own is given the batches one after the other. `most_rows` spares the time
of what takes thousands of passes per row.
"""

import _peers_suite
import numpy as np
from _batches import art_classifier, in_batches
from _plain import pgd


def plain_pgd(net, x, y, task):
    return pgd(net, x, y, task.norm, task.eps, task.n_steps, task.step_size)


def foolbox_pgd(net, x, y, task):
    import foolbox

    kind = {np.inf: "LinfPGD", 2: "L2PGD"}[task.norm]
    attack = getattr(foolbox.attacks, kind)(abs_stepsize=task.step_size, steps=task.n_steps)
    return attack(foolbox.PyTorchModel(net, bounds=(0, 1)), x, y, epsilons=task.eps)[1]


def foolbox_cw(n_search, n_steps, lr):
    def attack(net, x, y, _):
        import foolbox

        attack = foolbox.attacks.L2CarliniWagnerAttack(
            binary_search_steps=n_search, steps=n_steps, stepsize=lr
        )
        return attack(foolbox.PyTorchModel(net, bounds=(0, 1)), x, y, epsilons=None)[1]

    return in_batches(attack)


def torchattacks_pgd(net, x, y, task):
    import torchattacks

    kind = {np.inf: torchattacks.PGD, 2: torchattacks.PGDL2}[task.norm]
    return kind(net, eps=task.eps, alpha=task.step_size, steps=task.n_steps)(x, y)


def torchattacks_cw(c, n_steps, lr):
    def attack(net, x, y, _):
        import torchattacks

        return torchattacks.CW(net, c=c, steps=n_steps, lr=lr)(x, y)

    return in_batches(attack)


def art_pgd(net, X, y, task, batch_size):
    from art.attacks.evasion import ProjectedGradientDescent

    attack = ProjectedGradientDescent(
        art_classifier(net, X),
        norm=task.norm,
        eps=task.eps,
        eps_step=task.step_size,
        max_iter=task.n_steps,
        num_random_init=1,
        batch_size=batch_size,
        verbose=False,
    )
    return attack.generate(X, y)


def art_cw(n_search, n_steps, lr):
    def run(net, X, y, _, batch_size):
        from art.attacks.evasion import CarliniL2Method

        attack = CarliniL2Method(
            art_classifier(net, X),
            learning_rate=lr,
            binary_search_steps=n_search,
            max_iter=n_steps,
            batch_size=batch_size,
            verbose=False,
        )
        return attack.generate(X, y)

    return run


def _pgd(run):
    return {name: [("40 steps", None, run)] for name in ("pgd_linf", "pgd_l2")}


RUNS = {
    "plain": _pgd(in_batches(plain_pgd)),
    "foolbox": _pgd(in_batches(foolbox_pgd))
    | {
        "cw_l2": [
            ("5x200 lr .01", 200, foolbox_cw(5, 200, 0.01)),
            ("5x200 lr .1", None, foolbox_cw(5, 200, 0.1)),
            ("9x1000 lr .1", 200, foolbox_cw(9, 1000, 0.1)),
            ("9x1000 lr .01", 200, foolbox_cw(9, 1000, 0.01)),
        ]
    },
    "torchattacks": _pgd(in_batches(torchattacks_pgd))
    | {
        "cw_l2": [
            ("c=1 1000 lr .01", 200, torchattacks_cw(1, 1000, 0.01)),
            ("c=10 1000 lr .01", 200, torchattacks_cw(10, 1000, 0.01)),
        ]
    },
    "art": _pgd(art_pgd)
    | {
        "cw_l2": [
            ("defaults (10x10)", 200, art_cw(10, 10, 0.01)),
            ("5x200 lr .01", 50, art_cw(5, 200, 0.01)),
        ]
    },
}
for _library, _tasks in _peers_suite.RUNS.items():
    RUNS[_library] = RUNS.get(_library, {}) | _tasks
