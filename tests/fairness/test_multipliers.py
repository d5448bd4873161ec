"""Multipliers: by how much they rise, what they push, and that a tolerance is kept by them."""

import pickle

import numpy as np
import pytest
import torch

from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.fairness._alpha import Fixed, Rising
from sklearn_privfair.fairness._gap import correlation
from sklearn_privfair.fairness._multipliers import Multipliers
from sklearn_privfair.fairness._sensitive import Target
from sklearn_privfair.fairness._tasks import ClassTask

from ._harness import net, unfair_rows

LOGITS = torch.tensor([[2.0], [1.0], [-1.0], [-2.0], [-3.0]], dtype=torch.float64)
GROUPS = np.array([0, 0, 0, 1, 1])  # two of three selected, none of two
Y = torch.tensor([1, 1, 0, 0, 1])


def faced(constraint="demographic_parity", values=GROUPS, names=("a", "b"), n_batches=1, **params):
    multipliers = Multipliers(0.1, **params)
    target = Target("group", values, names if names is None else list(names))
    task = ClassTask(2, constraint, positive=1)
    multipliers.face(task, [target], [torch.as_tensor(values)], None, n_batches)
    return multipliers


def push(multipliers, logits=LOGITS):
    seen = logits.clone().requires_grad_()
    loss = multipliers.push(seen, Y, torch.arange(5))
    loss.backward()
    return loss.item(), seen.grad[:, 0]


def test_they_rise_by_what_the_gap_is_beyond_the_tolerance():
    multipliers = faced(rate=0.5)
    for batch in (1, 2, 3):
        push(multipliers)
        (state,) = multipliers.states.values()
        # each of two groups is half of the gap off, and the smaller has two of five rows
        half = batch * 0.5 * 2 / 5 * (2 / 3 - 0.1) / 2
        torch.testing.assert_close(state.value[:, 0], torch.tensor([half, -half]).double())


def test_they_push_the_scores_of_the_groups_together():
    loss, gradient = push(faced(rate=0.5, sharpness=2.0))
    value = 0.5 * 2 / 5 * (2 / 3 - 0.1) / 2
    soft = torch.sigmoid(2 * LOGITS[:, 0])
    assert loss == pytest.approx(value * float(soft[:3].mean() - soft[3:].mean()))
    slope = 2 * soft * (1 - soft)
    expected = value * slope * torch.tensor([1 / 3, 1 / 3, 1 / 3, -1 / 2, -1 / 2])
    torch.testing.assert_close(gradient, expected)


def test_they_fall_to_zero_within_the_tolerance_and_stay_there():
    multipliers = faced(rate=1.0)
    push(multipliers)
    (state,) = multipliers.states.values()
    assert state.value.abs().max() > 0.1
    for _ in range(20):
        push(multipliers, -torch.ones_like(LOGITS))  # nobody is selected
    assert state.value.abs().max() == 0


def test_rates_are_those_of_about_the_last_epoch():
    multipliers = faced(n_batches=4)
    push(multipliers)
    push(multipliers, -torch.ones_like(LOGITS))
    (state,) = multipliers.states.values()
    torch.testing.assert_close((state.sums[:, 0] / state.size)[0], torch.tensor(2 / 7).double())


@pytest.mark.parametrize(
    ("constraint", "rows"),
    [("equal_opportunity", {0: [0, 1, 4]}), ("equalized_odds", {0: [2, 3], 1: [0, 1, 4]})],
)
def test_each_part_has_its_own(constraint, rows):
    multipliers = faced(constraint, rate=1.0)
    push(multipliers)
    assert set(multipliers.states) == {f"0 {part}" for part in rows}
    for name, state in multipliers.states.items():
        chosen = np.array(rows[int(name.split()[1])])
        hit = (LOGITS[:, 0] > 0).numpy()[chosen]
        first, second = (hit[GROUPS[chosen] == group].mean() for group in (0, 1))
        off = np.sign(first - second) * max(abs(first - second) - 0.1, 0) / 2
        off *= min(np.sum(GROUPS[chosen] == group) for group in (0, 1)) / 5
        torch.testing.assert_close(state.value[:, 0], torch.tensor([off, -off]).double())


def test_numbers_are_measured_by_their_correlation():
    values = np.array([1.0, 0.2, -0.3, -0.5, -0.4])
    multipliers = faced(values=values, names=None, rate=1.0)
    push(multipliers)
    (state,) = multipliers.states.values()
    hit = (LOGITS[:, 0] > 0).double().numpy()
    expected = correlation(hit, values, np.ones(5)) - 0.1
    assert float(state.value[0, 0]) == pytest.approx(expected)


@pytest.mark.parametrize("tolerance", [0.03, 0.1])
def test_the_tolerance_is_kept_and_not_paid_for_twice(tolerance):
    """The gap comes to the tolerance, and not far below, where it would cost accuracy."""
    X, y, group = unfair_rows(4000)
    for seed in (0, 1):
        fair = AdversarialDebiasingClassifier(
            net(max_epochs=40), tolerance=tolerance, random_state=seed
        )
        history = fair.fit(X, y, sensitive_features=group).history_
        assert 0.4 * tolerance < history["gap"][-1] < 1.6 * tolerance
    assert (history["multiplier"] > 0).all()
    plain = AdversarialDebiasingClassifier(net(), tolerance=None, alpha=0.0, random_state=0)
    plain.fit(X, y, sensitive_features=group)
    assert plain.history_["gap"][-1] > 0.25
    assert "multiplier" not in plain.history_


def test_the_adversary_counts_more_while_the_gap_is_too_wide():
    alpha = Rising(0.1, start=2.0, factor=1.5, least=2.0)
    given = []
    for gap in (0.3, 0.2, 0.05, 0.05, 0.05):
        alpha.look(gap)
        given.append(alpha(0))
    np.testing.assert_allclose(given, [3, 4.5, 3, 2, 2])
    fixed = Fixed(lambda epoch: epoch**0.5)
    fixed.look(1.0)
    assert [fixed(0), fixed(4)] == [0.0, 2.0]


def test_rows_are_no_part_of_what_is_kept():
    multipliers = faced()
    push(multipliers)
    multipliers.forget()
    kept = pickle.loads(pickle.dumps(multipliers))
    assert not {"values", "targets", "weight"} & set(vars(kept))
    assert kept.largest() == multipliers.largest() > 0
