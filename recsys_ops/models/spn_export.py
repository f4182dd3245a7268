"""A learned sum-product network as flat arrays."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.bins import Bins
from recsys_ops.models.network import Network, NodeKind


def _nothing() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True)
class _Node:
    kind: NodeKind
    children: Sequence[int] = ()
    log_weights: NDArray[np.float64] = field(default_factory=_nothing)
    variable: int = -1
    lower: NDArray[np.float64] = field(default_factory=_nothing)
    log_density: NDArray[np.float64] = field(default_factory=_nothing)


def export_network(module: Any, bins: Bins) -> Network:
    """Flat arrays of what ``learn_module`` has learned.

    Parameters
    ----------
    module : spflow module
    bins : Bins
        With which it was learned.

    Returns
    -------
    Network
        A tree. A sum below a sum and a product below a product are merged into one node.
    """
    nodes: list[_Node] = []
    _add(module, bins, nodes)
    return Network(
        kind=np.array([node.kind for node in nodes], dtype=np.int8),
        child_start=_starts([node.children for node in nodes]),
        child=np.array([child for node in nodes for child in node.children], dtype=np.int64),
        log_weight=np.concatenate([node.log_weights for node in nodes]),
        variable=np.array([node.variable for node in nodes], dtype=np.int64),
        bin_start=_starts([node.lower for node in nodes]),
        bin_lower=np.concatenate([node.lower for node in nodes]),
        bin_log_density=np.concatenate([node.log_density for node in nodes]),
        is_discrete=bins.is_discrete,
    )


def _add(module: Any, bins: Bins, nodes: list[_Node]) -> int:
    """Append a module, after what is below it, and return its position."""
    from spflow.modules.products.product import Product
    from spflow.modules.sums.sum import Sum

    if isinstance(module, Sum):
        parts = _mixture(module, 0.0)
        children = [_add(part, bins, nodes) for part, _ in parts]
        node = _Node(NodeKind.SUM, children, np.array([log_weight for _, log_weight in parts]))
    elif isinstance(module, Product):
        children = [_add(factor, bins, nodes) for factor in _factors(module)]
        node = _Node(NodeKind.PRODUCT, children, np.zeros(len(children)))
    else:
        variable = module.scope.query[0]
        edges = bins.edges[variable]
        log_density = _log_shares(module.logits) - np.log(np.diff(edges))
        node = _Node(NodeKind.LEAF, variable=variable, lower=edges[:-1], log_density=log_density)
    nodes.append(node)
    return len(nodes) - 1


def _mixture(module: Any, log_weight: float) -> list[tuple[Any, float]]:
    """The module with its log-weight; in place of a sum its children."""
    from spflow.modules.sums.sum import Sum

    if not isinstance(module, Sum):
        return [(module, log_weight)]
    weighted = zip(_inputs(module), _log_shares(module.logits), strict=True)
    return [part for child, share in weighted for part in _mixture(child, log_weight + float(share))]


def _factors(module: Any) -> list[Any]:
    """The module; in place of a product its children."""
    from spflow.modules.products.product import Product

    if not isinstance(module, Product):
        return [module]
    return [factor for child in _inputs(module) for factor in _factors(child)]


def _inputs(module: Any) -> list[Any]:
    from spflow.modules.ops.cat import Cat

    below = module.inputs
    # spflow declares one module as the input of every module; that of a Cat is a list of them.
    return list(below.inputs) if isinstance(below, Cat) else [below]  # type: ignore[arg-type]


def _log_shares(logits: Any) -> NDArray[np.float64]:
    """Log-probabilities in float64, which sum to 1 more exactly than the float32 numbers of spflow."""
    raw = logits.detach().numpy().ravel().astype(np.float64)
    log_shares: NDArray[np.float64] = raw - np.logaddexp.reduce(raw)
    return log_shares


def _starts(parts: Sequence[Sized]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
