"""Algorithm 1 of RecRec with a proximal step, for all items of a batch at once.

    minimise over x   sum_u weight_u(x) (b_u - x . q_u)^2 / 2  +  lambda sum_j cost_j |x_j - x0_j|,   x feasible

``q_u`` is the profile of a sampled user divided by the user's threshold, so that every user counts the same, and
``b_u`` the threshold with its margin. As in the paper, users who have the item in their top k leave the sum and come
back when a later step loses them. It departs from the paper's linear loss in one way: a user's gradient is in
proportion to what is still missing, and one who is satisfied with room to spare has a small gradient in the other
direction (``OVERSHOOT_WEIGHT``). With the linear loss the gradient of the last users falls below lambda and the descent
stalls, while users satisfied long ago see the item climb to the top of their list for nothing.

lambda is a path, from sparse to exact: the first solution that satisfies as many of the sample as any is kept.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

OVERSHOOT_WEIGHT = 0.3
"""Weight of overshoot relative to shortfall. Measured on MovieLens-100K: 0 gives RBO 0.99, 0.3 and 1 give 0.996."""

LAMBDA_PATH = (0.1, 0.03, 0.01, 0.003, 0.001)
"""L1 weights, relative to the smallest at which nothing moves."""

ITERATIONS = 100
"""Accelerated proximal steps per weight; the change per step is then below 1 % of the solution."""

SAMPLE_MARGIN = 0.02
"""Relative margin above the thresholds of sampled users, so that the users who were not sampled follow."""


@dataclass(frozen=True)
class DescentBatch:
    """Items of one group, over its sampled users and screened columns.

    ``profiles (n_users, n_columns)`` divided by thresholds; ``gaps (n_items, n_users)`` what is missing at present,
    -inf for users who are no targets; ``features``, ``lower``, ``upper (n_items, n_columns)``; ``cost (n_columns,)``;
    ``one_hot (n_columns,)`` category of a column, -1 for none.
    """

    profiles: NDArray[np.float64]
    gaps: NDArray[np.float64]
    features: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    cost: NDArray[np.float64]
    one_hot: NDArray[np.int32]


def descend(batch: DescentBatch, *, device: str = "cpu") -> NDArray[np.float64]:
    """Features that bring each item into the top k of the sampled users, sparse first.

    Parameters
    ----------
    batch : DescentBatch
    device : str
        A torch device.

    Returns
    -------
    ndarray, shape (n_items, n_columns)
        Changed features, within the limits; values of a category are shares that sum to one.

    Notes
    -----
    Time: 2 ITERATIONS x len(LAMBDA_PATH) products of (n_items, n_users) by (n_users, n_columns). Rows do not
    depend on each other, but their last bits may depend on the shape of the batch: keep batches fixed.
    """

    if not batch.features.shape[1]:
        return batch.features.copy()
    program = _program(batch, device)
    gaps = torch.as_tensor(batch.gaps, dtype=torch.float32, device=device)
    weight = ((program.wanted.clamp(min=0) @ program.profiles) / program.cost).amax(dim=1, keepdim=True)
    x = program.start.clone()
    best, most = x.clone(), torch.full((len(x),), -1, device=device)
    for fraction in LAMBDA_PATH:
        x = _accelerated(program, x, fraction * weight * program.cost)
        reached = ((gaps > 0) & ((x - program.start) @ program.profiles.T > gaps)).sum(dim=1)
        better = reached > most
        best[better], most = x[better], torch.maximum(reached, most)
    found: NDArray[np.float64] = best.cpu().numpy().astype(np.float64)
    return found


@dataclass(frozen=True)
class _Program:
    """A batch on its device; ``wanted (n_items, n_users)`` gain of each score, 0 in ``counted`` for no target."""

    start: torch.Tensor
    profiles: torch.Tensor
    wanted: torch.Tensor
    counted: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor
    cost: torch.Tensor
    groups: list[torch.Tensor]
    lipschitz: float


def _program(batch: DescentBatch, device: str) -> _Program:
    def tensor(values: NDArray[np.float64]) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=device)

    gaps = tensor(batch.gaps)
    return _Program(
        start=tensor(batch.features),
        profiles=tensor(batch.profiles),
        wanted=torch.where(gaps > 0, gaps * (1 + SAMPLE_MARGIN), gaps).clamp(min=-1e30),
        counted=(gaps > -torch.inf).to(torch.float32),
        lower=tensor(batch.lower),
        upper=tensor(batch.upper),
        cost=tensor(batch.cost),
        groups=[torch.as_tensor(np.flatnonzero(batch.one_hot == g), device=device) for g in _categories(batch.one_hot)],
        lipschitz=_lipschitz(batch.profiles),
    )


def _accelerated(program: _Program, x: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
    """Proximal gradient steps with Nesterov's momentum, for one L1 weight."""
    start, profiles, wanted, lipschitz = program.start, program.profiles, program.wanted, program.lipschitz
    ahead, momentum = x, 1.0
    for _ in range(ITERATIONS):
        missing = wanted - (ahead - start) @ profiles.T
        overshoot = OVERSHOOT_WEIGHT * torch.where(wanted > 0, missing, 0.0)
        residual = program.counted * torch.where(missing > 0, missing, overshoot)
        step = ahead - start + (residual @ profiles) / lipschitz
        shrunk = torch.sign(step) * (step.abs() - penalty / lipschitz).clamp(min=0)
        after = _project(start + shrunk, program.lower, program.upper, program.groups)
        next_momentum = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = after + (momentum - 1) / next_momentum * (after - x)
        x, momentum = after, next_momentum
    return x


def _project(x: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor, groups: list[torch.Tensor]) -> torch.Tensor:
    """Onto the limits, and the shares of a category onto those that sum to one; a value of limit 0 gets none."""
    x = torch.minimum(torch.maximum(x, lower), upper)
    for members in groups:
        is_open = upper[:, members] > 0
        unit = torch.where(is_open, upper[:, members], 1.0)
        shares = _onto_simplex(torch.where(is_open, x[:, members] / unit, -torch.inf))
        x[:, members] = torch.where(is_open, shares * unit, 0.0)
    return x


def _onto_simplex(shares: torch.Tensor) -> torch.Tensor:
    """Euclidean projection of each row onto the probability simplex (Duchi et al. 2008)."""
    ordered = shares.sort(dim=1, descending=True).values
    excess = ordered.cumsum(dim=1) - 1
    rank = torch.arange(1, shares.shape[1] + 1, device=shares.device, dtype=shares.dtype)
    n_positive = (ordered * rank > excess).sum(dim=1, keepdim=True)
    shift = excess.gather(1, (n_positive - 1).clamp(min=0)) / n_positive
    return (shares - shift).clamp(min=0)


def _categories(one_hot: NDArray[np.int32]) -> list[int]:
    return [int(group) for group in np.unique(one_hot[one_hot >= 0])]


def _lipschitz(profiles: NDArray[np.float64]) -> float:
    """Upper bound on the largest eigenvalue of profiles' x profiles: steps by its inverse never overshoot.

    Power iteration would need a start that is not orthogonal to the eigenvector sought, and ends below it.
    """
    few = profiles if profiles.shape[0] < profiles.shape[1] else profiles.T
    largest = float(np.linalg.eigvalsh(few @ few.T).max(initial=0.0))
    return max(1.05 * largest, 1e-30)
