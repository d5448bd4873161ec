"""Who is in the training of which shadow model."""

import numpy as np
import pytest

from sklearn_privfair.privacy._records import Records
from sklearn_privfair.privacy._shadow_design import design, draw_members

N = 240
CODES = np.random.default_rng(0).choice(3, N, p=[0.6, 0.3, 0.1])
ALONE = Records(np.arange(N)[:, None], CODES)
NOBODY, SOME = np.zeros(N, dtype=bool), np.arange(N) % 3 == 0


def draw(audited=NOBODY, n_models=6, size=0.5, seed=0, records=ALONE):
    return design(records, audited, n_models, size, seed)


@pytest.mark.parametrize(
    ("size", "expected"), [(0.5, 120), (0.25, 60), (77, 77), (1, 1), (239, 239)]
)
def test_as_many_records_as_asked_and_of_each_class_alike(size, expected):
    members = draw(size=size)
    np.testing.assert_array_equal(members.sum(axis=1), expected)
    for code in range(3):
        of_class = code == CODES
        share = expected * of_class.mean()
        assert np.abs(members[:, of_class].sum(axis=1) - share).max() < 1


@pytest.mark.parametrize("size", [0.5, 0.4, 100, 200])
def test_records_to_be_judged_are_in_one_of_each_pair(size):
    members = draw(SOME, size=size)
    np.testing.assert_array_equal(members[::2, SOME], ~members[1::2, SOME])
    np.testing.assert_array_equal(members.sum(axis=1), size if size > 1 else size * N)
    halves = [members[:, SOME & (c == CODES)].mean(axis=1) for c in range(3)]
    np.testing.assert_allclose(halves, 0.5, atol=0.1)
    # the others are each model's own
    assert not np.array_equal(members[0, ~SOME], ~members[1, ~SOME])


def test_models_differ():
    for audited in (NOBODY, SOME):
        rows = draw(audited, 8)[::2]
        assert len(np.unique(rows, axis=0)) == 4


def test_every_record_is_as_likely_a_member():
    """Over many models, apart from chance: those of odd classes too."""
    for audited in (NOBODY, SOME):
        members = draw(audited, 1000)
        rate = members[:: 2 if audited is SOME else 1].mean(axis=0)
        error = 0.5 / np.sqrt(500 if audited is SOME else 1000)
        assert np.abs(rate - 0.5).max() < 4.5 * error


def test_membership_of_records_is_independent_between_models():
    """What one model was trained on says nothing of another, but of the other of a pair."""
    members = draw(SOME, 400)[::2].astype(float)
    correlation = np.corrcoef(members)[np.triu_indices(200, 1)]
    assert abs(correlation.mean()) < 0.005
    assert correlation.std() < 1.2 / np.sqrt(N)


@pytest.mark.parametrize("audited", [NOBODY, SOME], ids=["offline", "online"])
def test_more_models_keep_the_first_ones(audited):
    np.testing.assert_array_equal(draw(audited, 8)[:4], draw(audited, 4))
    assert not np.array_equal(draw(audited, 4, seed=1), draw(audited, 4))


def test_doubles_are_in_or_out_together():
    records = Records(np.arange(N)[:, None] // 2, np.zeros(N, dtype=int))
    for audited in (NOBODY, np.arange(N) < 80):
        members = draw(audited, 6, records=records)
        np.testing.assert_array_equal(members[:, ::2], members[:, 1::2])
        np.testing.assert_array_equal(
            members[::2, audited], ~members[1::2, audited] & audited[audited]
        )
        np.testing.assert_allclose(members.sum(axis=1), N / 2, atol=2)


@pytest.mark.parametrize(
    ("size", "audited", "match"),
    [
        (N, NOBODY, r"shadow_size=240 asks for 240.* from 1 to 239"),
        (0.001, NOBODY, r"shadow_size=0.001 asks for 0 of n_samples=240"),
        (30, SOME, r"shadow_size=30.* 80 to be judged half.* from 40 to 200"),
        (0.9, SOME, r"from 40 to 200"),
    ],
)
def test_sizes_that_leave_nobody_in_or_out(size, audited, match):
    with pytest.raises(ValueError, match=match):
        draw(audited, size=size)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("n_train", [5, 7])
def test_odd_numbers_and_rare_classes(online, n_train):
    """The one record of a class is a member as often as any: membership is not told by class."""
    codes, n_models = np.array([0] * 5 + [1] * 3 + [2] + [0] * 3), 4000
    audited = (np.arange(12) < 9) & online
    members = draw_members(codes, audited, n_models, n_train, 0)
    assert set(members.sum(axis=1)) == {n_train}
    np.testing.assert_array_equal(members[::2, audited], ~members[1::2, audited])
    first = members[::2] if online else members  # of pairs: independent of each other
    error = 0.5 / np.sqrt(len(first))
    assert np.abs(first[:, audited].mean(axis=0) - 0.5).max(initial=0) < 4 * error
    rates = members[:, ~audited].mean(axis=0)
    assert np.abs(rates - rates.mean()).max() < 4 * error
    assert rates.mean() == pytest.approx((n_train - audited.sum() / 2) / (~audited).sum())
