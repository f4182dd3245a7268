"""Words of descriptions as they are written: counted whatever their case, shown in their most frequent spelling."""

import functools
from collections.abc import Sequence
from itertools import groupby
from unicodedata import category, combining, normalize

import numpy as np
import scipy.sparse as sp

from recsys_ops.features.stop_words import Language, stop_words

_WHERE_MARKS = range(0x300, 0x1F000)
"""Code points of all scripts; beyond them marks only choose between shapes of a character."""
_JOINERS = "\u200c\u200d"
"""They stand within words of Persian and the scripts of India."""


def count_words(
    texts: Sequence[str | None], *, min_items: int, language: Language = "en"
) -> tuple[sp.csr_array, list[str]]:
    """Count the words of each text.

    Parameters
    ----------
    texts : sequence of str or None, length n_items
        None is an empty text.
    min_items : int
        Words of fewer texts are left out.
    language : "en", "de" or "none"
        Whose stop words are left out.

    Returns
    -------
    counts : csr_array, shape (n_items, n_words), float64
    words : list of str
        Each in the spelling that most of its occurrences have, of equally many preferably in lower case; composed as
        Unicode's NFC says. Their order is that of the words without accents.

    Notes
    -----
    A word is two letters, digits or underscores or more; accents and other marks belong to their letter, and words
    that differ in them are different words.
    """
    from sklearn.feature_extraction.text import CountVectorizer  # late: it takes a second

    vectoriser = CountVectorizer(lowercase=False, token_pattern=_word_pattern())
    try:
        by_spelling = sp.csr_array(vectoriser.fit_transform([normalize("NFC", text or "") for text in texts]))
    except ValueError:  # no word at all
        return sp.csr_array((len(texts), 0), dtype=np.float64), []
    spellings = list(vectoriser.get_feature_names_out())
    occurrences = by_spelling.sum(axis=0)
    keys = sorted({spelling.lower() for spelling in spellings} - stop_words(language), key=_without_accents)
    position = {key: place for place, key in enumerate(keys)}
    kept = np.array([place for place, spelling in enumerate(spellings) if spelling.lower() in position], dtype=np.int64)
    word_of = np.array([position[spellings[place].lower()] for place in kept], dtype=np.int64)
    merging = sp.csr_array((np.ones(len(kept)), (kept, word_of)), shape=(len(spellings), len(keys)))
    counts = sp.csr_array(by_spelling.astype(np.float64) @ merging)
    counts.sort_indices()
    frequent = np.flatnonzero(np.bincount(counts.indices, minlength=len(keys)) >= min_items)
    ranked = sorted(kept, key=lambda place: _rank(spellings[place], int(occurrences[place])))
    shown = {key: spellings[next(places)] for key, places in groupby(ranked, lambda place: spellings[place].lower())}
    return sp.csr_array(counts[:, frequent]), [shown[keys[word]] for word in frequent]


def _rank(spelling: str, occurrences: int) -> tuple[str, int, bool, str]:
    """Spellings of one word together, the one to show first."""
    key = spelling.lower()
    return key, -occurrences, spelling != key, spelling


def _without_accents(word: str) -> tuple[str, str]:
    return "".join(letter for letter in normalize("NFKD", word) if not combining(letter)), word


@functools.cache
def _word_pattern() -> str:
    """Two letters, digits or underscores or more, with their marks, which Python's ``\\w`` does not know."""
    marks = [code for code in _WHERE_MARKS if category(chr(code)).startswith("M")]
    runs = groupby(enumerate(marks), lambda pair: pair[1] - pair[0])
    spans = [[code for _, code in run] for _, run in runs]
    ranges = "".join(f"\\U{span[0]:08x}-\\U{span[-1]:08x}" for span in spans)
    return rf"\w[\w{ranges}{_JOINERS}]+"
