"""How a run can end other than complete; each error carries the exit code of the command line."""

from collections.abc import Collection

from recsys_ops.errors import StorageError

__all__ = ["IncompleteRunError", "Interrupted", "RunExistsError", "StorageError"]


class RunExistsError(StorageError):
    """The run id has a manifest already: a complete run is never overwritten."""


class IncompleteRunError(RuntimeError):
    """Some shards failed; nothing was committed and ``--resume`` computes only what is missing."""

    exit_code = 4

    @classmethod
    def from_failed_shards(
        cls, run_id: str, n_complete: int, n_shards: int, failed: Collection[int], n_attempts: int, first_error: str
    ) -> "IncompleteRunError":
        """Say how many shards hold, which do not and why, and how to go on."""
        shown = [str(number) for number in sorted(failed)]
        if len(shown) > 5:
            shown = [*shown[:5], f"{len(shown) - 5} more"]
        names = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
        noun = "shard" if len(failed) == 1 else "shards"
        return cls(
            f"run {run_id}: {n_complete} of {n_shards} parts are complete; {noun} {names} failed "
            f"after {n_attempts} attempts (first: {first_error}).\n"
            f"Nothing was committed. Repeat with --run-id {run_id} --resume, or raise --shards."
        )


class Interrupted(RuntimeError):
    """The driver was asked to stop; finished shards are in storage."""

    exit_code = 4

    @classmethod
    def from_counts(cls, run_id: str, n_complete: int, n_shards: int) -> "Interrupted":
        """Say what is kept and how to go on."""
        return cls(
            f"run {run_id}: interrupted; {n_complete} of {n_shards} shards are complete and kept. "
            f"Nothing was committed. Continue with --run-id {run_id} --resume."
        )
