"""Every command, program and file of the documentation is run, each as a test of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suites.cli import CommandLine
from tests.suites.pages import PAGES, ROOT, PageRun, steps_of

STEPS = [(page, number, step) for page in PAGES for number, step in enumerate(steps_of(page))]


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], PageRun]:
    """``run_of(page)`` is the one run of that page."""
    runs: dict[Path, PageRun] = {}

    def run_of(page: Path) -> PageRun:
        if page not in runs:
            runs[page] = PageRun(page, tmp_path_factory.mktemp(page.stem))
        return runs[page]

    return run_of


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """``command_line("recourse", "--data", ...)`` gives exit code and both streams."""
    return CommandLine(capsys)


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page, number, _ in STEPS],
    ids=[f"{page.relative_to(ROOT)}:{step.name}" for page, _, step in STEPS],
)
def test_it_runs(page: Path, number: int, run_of: Callable[[Path], PageRun], command_line: CommandLine) -> None:
    problem = run_of(page).problem_of(number, command_line)
    assert not problem, f"{steps_of(page)[number].text}\n{problem}"
