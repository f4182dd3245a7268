"""Errors of the caller's making: bad data and bad settings, each with what to do about it."""


class InputError(ValueError):
    """Data that break the contract; the message names file, column, row count and the first offending rows."""


class ConfigError(ValueError):
    """A setting that cannot be honoured; the message names the option as the user types it."""


class StorageError(RuntimeError):
    """The store did not take or give what was asked; the message names the URL without credentials."""

    exit_code = 3
