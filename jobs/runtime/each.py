"""Apply a function to independent arguments, each in a task of Ray, results in order."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayTaskError

from jobs.runtime.worker import one_thread


def each_in_a_task(function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
    """``[function(one) for one in arguments]``, spread over the workers.

    It may be used inside a task as well: while that waits, its CPU is free. A division by zero, overflow or invalid
    operation is a FloatingPointError.

    Parameters
    ----------
    function : callable
        Pure: Ray repeats a task whose worker died. What it holds is put into the object store once.
    arguments : iterable
    """
    remote: Any = ray.remote(num_cpus=1, max_retries=3)(_apply)
    held = ray.put(function)
    try:
        results: list[Any] = ray.get([remote.remote(held, one) for one in arguments])
    except RayTaskError as error:
        raise error.cause from None  # as it would be raised here
    return results


def each_with(first: Any) -> Callable[[Callable[..., Any], Sequence[Any]], list[Any]]:
    """A function that applies ``function(first, one)`` to each of some arguments, as ``each_in_a_task``.

    ``first`` is put into the object store once, for all its calls.
    """
    held = ray.put(first)
    remote: Any = ray.remote(num_cpus=1, max_retries=3)(_apply_with)

    def apply(function: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
        try:
            results: list[Any] = ray.get([remote.remote(function, held, one) for one in arguments])
        except RayTaskError as error:
            raise error.cause from None  # as it would be raised here
        return results

    return apply


def _apply_with(function: Callable[..., Any], first: Any, argument: Any) -> Any:
    with one_thread(), np.errstate(divide="raise", over="raise", invalid="raise"):
        return function(first, argument)


def _apply(function: Callable[[Any], Any], argument: Any) -> Any:
    with one_thread(), np.errstate(divide="raise", over="raise", invalid="raise"):
        return function(argument)
