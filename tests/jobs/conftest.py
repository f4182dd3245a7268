"""For the tests of the jobs: the command line in this process."""

import pytest

from tests.suites.cli import CommandLine


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """``command_line("recourse", "--data", ...)`` gives exit code and both streams."""
    return CommandLine(monkeypatch, capsys)
