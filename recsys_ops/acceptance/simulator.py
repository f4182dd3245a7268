"""Simulated people whose preferences are known: to test that the analysis finds what is there, and for demonstrations.

Acceptance does not depend on distance; willingness to act falls to a threshold and is flat beyond it; every person
has a level and a slope of their own, as the study of recourse found (Tominaga et al. 2024, section 5).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Response = Literal["accept", "act"]
LEAST_RATING, GREATEST_RATING = 1, 7


@dataclass(frozen=True)
class Behaviour:
    """What simulated people have in common, in rating points; ``distance`` names what they react to.

    Willingness to act is ``act_level + fall`` at distance ``nearest`` and falls in a line to ``act_level`` at
    ``threshold``. Each person adds an intercept and a slope by distance to either rating, drawn with these standard
    deviations, and each answer an error; answers are rounded and clipped to 1..7.
    """

    distance: Literal["sparsity", "proximity"] = "sparsity"
    nearest: float = 1.0
    threshold: float = 5.0
    fall: float = 1.2
    act_level: float = 2.8
    accept_level: float = 3.3
    intercept_sd: float = 0.9
    slope_sd: float = 0.05
    residual_sd: float = 1.1

    def mean(self, response: Response, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """What an average person feels, before rounding, shape (n,)."""
        if response == "accept":
            return np.full(len(distance), self.accept_level)
        left = np.clip((self.threshold - distance) / (self.threshold - self.nearest), 0.0, 1.0)
        feeling: NDArray[np.float64] = self.act_level + self.fall * left
        return feeling

    def expected_rating(self, response: Response, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean answer of all people, rounding and clipping included: the curve that an analysis can find."""
        sd = np.sqrt(self.intercept_sd**2 + (self.slope_sd * distance) ** 2 + self.residual_sd**2)
        steps = np.arange(LEAST_RATING, GREATEST_RATING) + 0.5
        above = ndtr((self.mean(response, distance)[:, None] - steps) / sd[:, None])
        expected: NDArray[np.float64] = LEAST_RATING + above.sum(axis=1)
        return expected


@dataclass(frozen=True)
class People:
    """Simulated people: ``effects[response] (n_people, 2)``, intercept and slope."""

    behaviour: Behaviour
    effects: dict[Response, NDArray[np.float64]]

    def rate(
        self, response: Response, person: NDArray[np.int64], distance: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Answers 1..7 of ``person (n,)`` to recourses at ``distance (n,)``."""
        own = self.effects[response][person]
        feeling = self.behaviour.mean(response, distance) + own[:, 0] + own[:, 1] * distance
        answer = np.rint(feeling + self.behaviour.residual_sd * rng.standard_normal(len(person)))
        return np.clip(answer, LEAST_RATING, GREATEST_RATING).astype(np.int64)


@dataclass(frozen=True)
class Study:
    """Who rated what: arrays of shape (n,), people as 0 .. n_people - 1."""

    person: NDArray[np.int64]
    sparsity: NDArray[np.float64]
    proximity: NDArray[np.float64]
    accept: NDArray[np.int64]
    act: NDArray[np.int64]


def simulate_people(n_people: int, *, seed: int, behaviour: Behaviour | None = None) -> People:
    """Draw people.

    Parameters
    ----------
    n_people : int
    seed : int
        The first people of a larger draw with the same seed are the same.
    behaviour : Behaviour, optional

    Returns
    -------
    People
    """
    known = behaviour or Behaviour()
    sds = np.array([known.intercept_sd, known.slope_sd])
    draws = np.random.default_rng([seed, 0]).standard_normal((n_people, 4))
    return People(known, {"accept": draws[:, :2] * sds, "act": draws[:, 2:] * sds})


def simulate_study(
    *, seed: int, behaviour: Behaviour | None = None, n_people: int = 362, n_each: int = 5, most_changes: int = 12
) -> Study:
    """A study of the paper's size: everybody rates two near recourses, and others at any distance.

    Parameters
    ----------
    seed : int
    behaviour : Behaviour, optional
    n_people, n_each : int
        People, and recourses that each rates.
    most_changes : int
        Greatest sparsity.

    Returns
    -------
    Study
    """
    people = simulate_people(n_people, seed=seed, behaviour=behaviour)
    return rate_study(people, seed=seed, n_each=n_each, most_changes=most_changes)


def rate_study(people: People, *, seed: int, n_each: int = 5, most_changes: int = 12) -> Study:
    """The ratings of given people in such a study.

    Parameters
    ----------
    people : People
    seed, n_each, most_changes : int
        As in ``simulate_study``.

    Returns
    -------
    Study
    """
    n_people = len(people.effects["act"])
    rng = np.random.default_rng([seed, 1])
    anywhere = rng.integers(1, most_changes + 1, (n_people, n_each))
    near = np.minimum(rng.geometric(0.5, (n_people, n_each)), most_changes)
    sparsity = np.where(np.arange(n_each) < 2, near, anywhere).ravel()
    moved = rng.uniform(0.14, 1.0, (len(sparsity), most_changes))
    proximity = np.where(np.arange(most_changes) < sparsity[:, None], moved, 0.0).sum(axis=1)
    person = np.repeat(np.arange(n_people), n_each)
    felt = proximity if people.behaviour.distance == "proximity" else sparsity.astype(np.float64)
    accept, act = (people.rate(response, person, felt, rng) for response in ("accept", "act"))
    return Study(person, sparsity.astype(np.float64), proximity, accept, act)
