"""Antidote data the textbook way: loops over users and items, dense matrices, and a fit for each candidate."""

import numpy as np
import torch
from numpy.typing import NDArray

STEP_SIZES = (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)


def als(
    ratings: NDArray[np.float64],
    start: NDArray[np.float64],
    regularisation: float,
    *,
    iterations: int = 10_000,
    tolerance: float = 0.0,
    is_balanced: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Alternate ridge regressions, one row at a time; ratings are nan where there are none.

    ``is_balanced``: between iterations, the factors of the predictions' singular value decomposition take their place.
    """
    rated, items = ~np.isnan(ratings), start
    ridge = regularisation * np.eye(start.shape[1])
    users, last = np.zeros((len(ratings), start.shape[1])), np.inf
    for iteration in range(iterations):
        if is_balanced and iteration:
            _, sizes, right = np.linalg.svd(users @ items.T, full_matrices=False)
            items = right[: start.shape[1]].T * np.sqrt(sizes[: start.shape[1]])
        for user in range(len(ratings)):
            known = items[rated[user]]
            users[user] = np.linalg.solve(known.T @ known + ridge, known.T @ ratings[user, rated[user]])
        items = items.copy()
        for item in range(ratings.shape[1]):
            known = users[rated[:, item]]
            items[item] = np.linalg.solve(known.T @ known + ridge, known.T @ ratings[rated[:, item], item])
        loss = np.nansum((users @ items.T - ratings) ** 2) + regularisation * (np.sum(users**2) + np.sum(items**2))
        error = float(np.sqrt(loss / rated.sum()))
        if last - error < tolerance:
            break
        last = error
    return users, items


def rmse(ratings: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """Root of the mean squared error over what is rated."""
    return float(np.sqrt(np.nanmean((predictions - ratings) ** 2)))


def polarisation(predictions: NDArray[np.float64]) -> float:
    """Eq. 10: squared distances of all pairs of users."""
    n_users, n_items = predictions.shape
    pairs = [(k, other) for k in range(n_users) for other in range(k + 1, n_users)]
    return sum(float(np.sum((predictions[k] - predictions[other]) ** 2)) for k, other in pairs) / (n_users**2 * n_items)


def unfairness(losses: list[float]) -> float:
    """Eq. 13 and 15: squared differences of all pairs of losses."""
    n = len(losses)
    return sum((losses[k] - losses[other]) ** 2 for k in range(n) for other in range(k + 1, n)) / n**2


def user_losses(ratings: NDArray[np.float64], predictions: NDArray[np.float64]) -> list[float]:
    """Eq. 12, of the users with ratings."""
    rows = range(len(ratings))
    return [float(np.nanmean((predictions[u] - ratings[u]) ** 2)) for u in rows if not np.all(np.isnan(ratings[u]))]


def group_losses(
    ratings: NDArray[np.float64], predictions: NDArray[np.float64], groups: NDArray[np.bool_], axis: int
) -> list[float]:
    """Eq. 14: ``groups (n_users or n_items, n_groups)``, of users (axis 0) or items (1); an item counts in each."""
    losses = []
    for members in groups.T:
        errors = (predictions - ratings) ** 2
        mine = np.repeat(errors, members.astype(int), axis=axis)
        if not np.all(np.isnan(mine)):
            losses.append(float(np.nanmean(mine)))
    return losses


def dense_gradients(
    ratings: NDArray[np.float64], predictions: NDArray[np.float64], groups: NDArray[np.bool_], axis: int
) -> dict[str, NDArray[np.float64]]:
    """Derivatives of the three objectives by every prediction, by automatic differentiation of the dense formulas."""
    known = torch.tensor(~np.isnan(ratings))
    stars = torch.tensor(np.nan_to_num(ratings))
    members = torch.tensor(groups.astype(np.float64))
    found = {}
    for name in ("polarisation", "individual", "group"):
        guess = torch.tensor(predictions, requires_grad=True)
        errors = torch.where(known, (guess - stars) ** 2, 0.0)
        if name == "polarisation":
            value = guess.var(dim=0, unbiased=False).mean()
        else:
            sums, counts = errors.sum(dim=1), known.sum(dim=1).double()
            if name == "group":
                sums, counts = (members.T @ part.sum(dim=1 - axis) for part in (errors, known.double()))
            value = (sums[counts > 0] / counts[counts > 0]).var(unbiased=False)
        value.backward()
        assert guess.grad is not None
        found[name] = guess.grad.numpy()
    return found


def paper_gradient(
    ratings: NDArray[np.float64],
    artificial: NDArray[np.float64],
    derivative: NDArray[np.float64],
    users: NDArray[np.float64],
    artificial_users: NDArray[np.float64],
    regularisation: float,
) -> NDArray[np.float64]:
    """Eq. 9 entry by entry; ``derivative`` is G, ``artificial`` nan where not rated."""
    gradient = np.zeros(artificial.shape)
    for item in range(ratings.shape[1]):
        known, given = users[~np.isnan(ratings[:, item])], artificial_users[~np.isnan(artificial[:, item])]
        system = known.T @ known + given.T @ given + regularisation * np.eye(users.shape[1])
        column = derivative[:, item] @ users @ np.linalg.inv(system)
        for user in range(len(artificial)):
            gradient[user, item] = column @ artificial_users[user]
    return gradient


def algorithm_1(
    ratings: NDArray[np.float64],
    artificial: NDArray[np.float64],
    start: NDArray[np.float64],
    regularisation: float,
    *,
    iterations: int,
    tolerance: float,
) -> tuple[NDArray[np.float64], int]:
    """Lower the polarisation by eq. 9, six fits from scratch per step; ratings from 0 to 5, and fits made."""
    n_users, fits = len(ratings), 0

    def fitted(candidate: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return als(np.vstack([ratings, candidate]), start, regularisation, tolerance=tolerance)

    users, items = fitted(artificial)
    best = float((users[:n_users] @ items.T).var(axis=0).mean())
    for _ in range(iterations):
        predictions = users[:n_users] @ items.T
        derivative = 2 / predictions.size * (predictions - predictions.mean(axis=0))
        gradient = paper_gradient(ratings, artificial, derivative, users[:n_users], users[n_users:], regularisation)
        tried = [np.clip(artificial - size * gradient / np.abs(gradient).mean() / 100, 0, 5) for size in STEP_SIZES]
        factors = [fitted(candidate) for candidate in tried]
        fits += len(tried)
        values = [float((u[:n_users] @ v.T).var(axis=0).mean()) for u, v in factors]
        if min(values) >= best:
            break
        chosen = int(np.argmin(values))
        artificial, (users, items), best = tried[chosen], factors[chosen], values[chosen]
    return artificial, fits
