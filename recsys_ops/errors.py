"""Errors of the caller's making: bad data and bad settings, each with what to do about it."""

from datetime import date


class InputError(ValueError):
    """Data that break the contract: each problem names file, column, row count and the first offending rows."""

    def __init__(self, *problems: str) -> None:
        many = "".join(f"\n  {number}. {problem}" for number, problem in enumerate(problems, 1))
        super().__init__(f"{len(problems)} problems:{many}" if len(problems) > 1 else "".join(problems))
        self.problems = problems


class ConfigError(ValueError):
    """A setting that cannot be honoured; the message names the option as the user types it."""


class StorageError(RuntimeError):
    """The store did not take or give what was requested; the message names the URL without credentials."""


def is_scalar(value: object) -> bool:
    """Whether a setting can stand in a message: a list or mapping may be long, and hold anything."""
    return value is None or isinstance(value, str | int | float | date)
