"""Of HTML only what a reader sees is text."""

import pytest

from recsys_ops.features.markup import visible_text


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("plain text", "plain text"),
        ("<p>Für die <b>K</b>üche</p><p>neu</p>", "Für die Küche neu"),
        ("rot<br/>blau", "rot blau"),
        ("M&uuml;ller &amp; S&ouml;hne", "Müller & Söhne"),
        ("<style>p {color: red}</style><script>if (a < b) {}</script>Tee", "Tee"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("</div></style>x", "x"),
        ("", ""),
    ],
)
def test_only_what_is_seen_is_left(html: str, seen: str) -> None:
    assert " ".join(visible_text(html).split()) == seen
