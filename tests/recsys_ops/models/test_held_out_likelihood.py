"""What a network is worth on users that it has not seen, beside independent categories."""

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.models import held_out_likelihood as module
from recsys_ops.models.aggregate import keep_items
from recsys_ops.models.held_out_likelihood import held_out_likelihood


def histories(n_users: int, *, together: bool, seed: int = 0) -> sp.csr_array:
    """Four items, each in half of the histories; together, they are there all or none, but for one in ten."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(rng.random((n_users, 1)) < 0.5, 4, axis=1) if together else rng.random((n_users, 4)) < 0.5
    return sp.csr_array((kind ^ (rng.random((n_users, 4)) < 0.1)).astype(np.float64))


def test_a_network_is_worth_what_the_items_have_to_do_with_each_other() -> None:
    amounts = histories(400, together=True)
    found = held_out_likelihood(amounts, keep_items(amounts), seed=0)
    assert found is not None
    assert found.n_users == 80
    assert found.independent == pytest.approx(4 * np.log(0.5), abs=0.05)
    # Nats by the probabilities that the histories were drawn with.
    of_one = [0.5 * (0.9 ** (4 - n) * 0.1**n + 0.1 ** (4 - n) * 0.9**n) for n in range(5)]
    known = sum(ways * one * np.log(one) for ways, one in zip((1, 4, 6, 4, 1), of_one, strict=True))
    assert found.network == pytest.approx(known, abs=0.25)
    unrelated = histories(400, together=False)
    nothing = held_out_likelihood(unrelated, keep_items(unrelated), seed=0)
    assert nothing is not None
    assert nothing.network == pytest.approx(nothing.independent, abs=0.05)


def test_independent_categories_are_the_shares_of_the_users_that_were_kept() -> None:
    amounts = histories(60, together=True)
    found = held_out_likelihood(amounts, keep_items(amounts), seed=3)
    order = np.random.default_rng([3, 60, 41]).permutation(60)
    shares = amounts.toarray()[order[12:]].mean(axis=0)
    smooth = (shares * 48 + 2.0 * shares) / (48 + 2.0)  # towards themselves: all users are one cluster
    there = amounts.toarray()[order[:12]]
    expected = (there * np.log(smooth) + (1 - there) * np.log(1 - smooth)).sum(axis=1).mean()
    assert found is not None
    assert found.independent == pytest.approx(expected, abs=0.05)


def test_it_depends_on_the_seed_only_and_of_many_users_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = histories(100, together=True)
    first, again = (held_out_likelihood(amounts, keep_items(amounts), seed=1) for _ in range(2))
    assert first == again
    assert first != held_out_likelihood(amounts, keep_items(amounts), seed=2)
    monkeypatch.setattr(module, "MOST_USERS", 50)
    fewer = held_out_likelihood(amounts, keep_items(amounts), seed=1)
    assert fewer is not None
    assert fewer.n_users == 10
    assert held_out_likelihood(amounts[:19], keep_items(amounts), seed=1) is None
