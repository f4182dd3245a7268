"""The descent's problem for one L1 weight, by plain proximal steps: one user, one feature, one step at a time."""

import numpy as np
from numpy.typing import NDArray


def objective(
    x: NDArray[np.float64],
    start: NDArray[np.float64],
    profiles: NDArray[np.float64],
    wanted: NDArray[np.float64],
    penalty: NDArray[np.float64],
    overshoot_weight: float,
) -> float:
    """Squared shortfalls, a little of the overshoot of those who wanted something, and the L1 norm of the change."""
    total = float(penalty @ np.abs(x - start))
    for profile, want in zip(profiles, wanted, strict=True):
        missing = want - profile @ (x - start)
        if missing > 0:
            total += missing**2 / 2
        elif want > 0:
            total += overshoot_weight * missing**2 / 2
    return total


def minimise(
    start: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    profiles: NDArray[np.float64],
    wanted: NDArray[np.float64],
    penalty: NDArray[np.float64],
    overshoot_weight: float,
    *,
    n_steps: int = 8000,
) -> NDArray[np.float64]:
    """ISTA: gradient, soft threshold, clip."""
    length = 1.0 / np.linalg.norm(profiles, 2) ** 2
    x = start.copy()
    for _ in range(n_steps):
        missing = wanted - profiles @ (x - start)
        weight = np.where(missing > 0, 1.0, np.where(wanted > 0, overshoot_weight, 0.0))
        step = x - start + length * profiles.T @ (weight * missing)
        shrunk = np.sign(step) * np.maximum(np.abs(step) - length * penalty, 0.0)
        x = np.clip(start + shrunk, lower, upper)
    return x
