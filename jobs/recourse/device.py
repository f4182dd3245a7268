"""Whether the torch device that was asked for is there, before any work."""

from recsys_ops.errors import ConfigError


def trouble_with(device: str) -> str | None:
    """Why the descent cannot run on a device of this machine, None if it can."""
    if device == "cpu":
        return None
    import torch  # late: it takes seconds

    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:  # torch raises either, by how it was built
        return next(iter(str(error).splitlines()), type(error).__name__).rstrip(". ")
    return None


def check_device(device: str, trouble: str | None, *, where: str) -> None:
    """Raise a ConfigError that names the device, the place and the trouble, if there is any."""
    if trouble is not None:
        raise ConfigError(
            f"--device {device}: {where} has no such torch device ({trouble}). "
            "Use --device cpu, or run where there is one."
        )
