"""Category aggregates of one history at a time, from eq. 7 to 9 of Plausible Counterfactual Explanations."""

import numpy as np
from numpy.typing import NDArray


def aggregate(kind: str, history: dict[int, float], categories: list[set[int]], scale: float) -> NDArray[np.float64]:
    """``history`` maps items to amounts, ``categories`` lists the items of each."""
    values = []
    for members in categories:
        amounts = [amount for item, amount in history.items() if item in members]
        if kind == "disjunction":
            values.append(float(any(amount > 0 for amount in amounts)))
        elif kind == "mean":
            values.append(sum(amounts) / scale / len(members) if members else 0.0)
        else:
            values.append(sum(amounts))
    return np.array(values, dtype=np.float64)
