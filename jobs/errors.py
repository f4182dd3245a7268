"""How a command can end: its exit codes, and the errors of a run that does not complete."""

from collections.abc import Collection
from enum import IntEnum

from recsys_ops.errors import ConfigError, InputError, StorageError

__all__ = ["ExitCode", "IncompleteRunError", "Interrupted", "RunExistsError", "StorageError", "exit_code_of"]


class ExitCode(IntEnum):
    """Exit codes of every command."""

    COMPLETE = 0
    DEFECT = 1
    """A defect of the program, or more cases failed than ``--allowed-errors``."""
    BAD_INPUT = 2
    """Data or settings that the job refuses."""
    STORAGE = 3
    """The store failed, or what is stored is damaged."""
    INCOMPLETE = 4
    """Interrupted, or some shards failed; ``--resume`` continues."""


def exit_code_of(error: BaseException) -> ExitCode:
    """Exit code of a foreseen error; DEFECT for any other."""
    if isinstance(error, InputError | ConfigError):
        return ExitCode.BAD_INPUT
    if isinstance(error, StorageError):
        return ExitCode.STORAGE
    return ExitCode.INCOMPLETE if isinstance(error, IncompleteRunError | Interrupted) else ExitCode.DEFECT


class RunExistsError(StorageError):
    """The run id has a manifest already: a complete run is never overwritten."""


class IncompleteRunError(RuntimeError):
    """Some shards failed; nothing was committed and ``--resume`` computes only what is missing."""

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
    """The driver received a signal to stop; complete shards are in storage."""

    @classmethod
    def from_counts(cls, run_id: str, n_complete: int, n_shards: int) -> "Interrupted":
        """Say what is kept and how to go on."""
        return cls(
            f"run {run_id}: interrupted; {n_complete} of {n_shards} shards are complete and kept. "
            f"Nothing was committed. Continue with --run-id {run_id} --resume."
        )
