"""Whether the torch device of the settings exists, checked before any work."""

from recsys_ops.errors import ConfigError


def problem_with(device: str) -> str | None:
    """Why the descent cannot run on a device of this machine, None if it can."""
    if device == "cpu":
        return None
    import torch  # late: it takes seconds

    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:  # torch raises either, by how it was built
        return next(iter(str(error).splitlines()), type(error).__name__).rstrip(". ")
    return None


def check_device(device: str, problem: str | None, *, where: str) -> None:
    """Raise a ConfigError that names the device, the place and the problem, if there is one."""
    if problem is not None:
        raise ConfigError(
            f"--device {device}: {where} has no such torch device ({problem}). "
            "Use --device cpu, or run where there is one."
        )
