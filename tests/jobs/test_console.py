"""What data hold reaches the terminal as text only."""

import io

import pytest
from rich.table import Table

from jobs.console import escape, make_console, plain

HOSTILE = "Blue\x1b]0;owned\x07 va\x1b[31mse\x9b2J \x1b]8;;http://x\x1b\\now\x00\x7f\x85\r"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, "Blue vase now"),
        ("Bauklötze ガラス 🎁 \t\n[bold]", "Bauklötze ガラス 🎁 \t\n[bold]"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b(0line\x1bc\x1b", "line"),
    ],
)
def test_control_characters_and_escape_sequences_are_left_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_no_way_of_printing_lets_them_through() -> None:
    console = make_console()
    console.file = stream = io.StringIO()
    console.print(HOSTILE, markup=False, soft_wrap=True)
    hidden_markup = escape("[\x1b/bold]")
    console.print(f"[bold]{escape(HOSTILE)}[/bold] for {hidden_markup}", soft_wrap=True)
    table = Table(escape(HOSTILE))
    table.add_row(HOSTILE)
    console.print(table)
    printed = stream.getvalue()
    assert printed.count("Blue vase now") == 4
    assert not any((character < " " and character != "\n") or "\x7f" <= character <= "\x9f" for character in printed)
