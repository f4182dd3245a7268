"""``--on-success`` and ``--on-failure``: a URL or a command that gets to know how a run ended.

The run has ended by then, so nothing here can change how: what cannot be reached is a warning. Addresses are named by
their host alone, as their path may be a secret.
"""

import logging
import shlex
import shutil
import subprocess
from http.client import HTTPException
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

POST_SECONDS, COMMAND_SECONDS = 10, 60
"""What a hook may take: the machines of a cluster wait for it."""

_log = logging.getLogger("recsys_ops.jobs")


def check_hook(hook: str) -> None:
    """Refuse what can be no hook.

    Raises
    ------
    ValueError
        A URL of another kind or without a host, a command that cannot be read, or whose program is not there.
    """
    if "://" in hook.partition(" ")[0]:
        if urlsplit(hook).scheme not in ("http", "https") or not urlsplit(hook).hostname:
            raise ValueError("expected a URL that begins with http:// or https:// and names a host, or a command")
        return
    try:
        words = shlex.split(hook)
    except ValueError as error:
        raise ValueError(f"the command cannot be read ({str(error).lower()})") from None
    if not words:
        raise ValueError("expected a URL or a command, found nothing")
    if shutil.which(words[0]) is None:
        raise ValueError(f"there is no program {words[0]!r} here (for a shell: sh -c '...')")


def call_hook(option: str, hook: str, content: str) -> None:
    """Give ``content``, JSON, to a hook.

    Parameters
    ----------
    option : str
        As the user knows it, for the warning.
    hook : str
        URL, or command as in a shell, which is split into words and run without one; what it prints goes to stderr.
    content : str
    """
    is_url = "://" in hook.partition(" ")[0]
    called = urlsplit(hook).hostname if is_url else shlex.split(hook)[0]
    try:
        if is_url:
            _post(hook, content)
        else:
            _command(shlex.split(hook), content)
    except (OSError, ValueError, HTTPException, subprocess.SubprocessError) as error:
        _log.warning("%s: %s was not reached or failed (%s); the run itself is as reported.", option, called,
                     _in_words(error))  # fmt: skip


def _post(url: str, content: str) -> None:
    request = Request(url, content.encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=POST_SECONDS):
        pass


def _command(words: list[str], content: str) -> None:
    subprocess.run(words, input=content.encode(), stdout=2, timeout=COMMAND_SECONDS, check=True)


def _in_words(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"more than {error.timeout:g} s"
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit code {error.returncode}"
    return str(error.reason if isinstance(error, URLError) else error)
