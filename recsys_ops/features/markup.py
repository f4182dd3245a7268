"""The text of HTML: what a reader sees, without markup."""

from html.parser import HTMLParser

_HIDDEN = frozenset({"script", "style", "head", "template"})
_INLINE = frozenset(
    {"a", "abbr", "b", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u", "wbr"}
)


def visible_text(html: str) -> str:
    """Text of a fragment of HTML.

    Parameters
    ----------
    html : str
        Also broken; text without markup stays as it is, but for its character references.

    Returns
    -------
    str
        Tags are left out, and those that begin a new line separate words; the contents of scripts and styles too.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.seen)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _HIDDEN:
            self.hidden.append(tag)
        elif tag not in _INLINE:
            self.seen.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            del self.hidden[self.hidden.index(tag) :]
        elif tag not in _INLINE:
            self.seen.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.seen.append(data)
