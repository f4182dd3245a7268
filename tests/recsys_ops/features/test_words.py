"""Words as they are written."""

import numpy as np
import pytest

from recsys_ops.features.words import count_words


def counted(*texts: str | None, min_items: int = 1) -> dict[str, list[float]]:
    counts, words = count_words(texts, min_items=min_items)
    return dict(zip(words, counts.toarray().T.tolist(), strict=True))


def test_japanese_words_keep_their_dakuten_and_stay_two() -> None:
    assert counted("ガラス 青い", "カラス 青い", "パンダ") == {
        "カラス": [0, 1, 0],
        "ガラス": [1, 0, 0],
        "パンダ": [0, 0, 1],
        "青い": [1, 1, 0],
    }


def test_umlauts_and_accents_distinguish_words() -> None:
    assert set(counted("schon schön", "resume résumé")) == {"schon", "schön", "resume", "résumé"}


def test_case_does_not_distinguish_words_and_the_most_frequent_spelling_is_shown() -> None:
    assert counted("Bauklötze BAUKLÖTZE", "Bauklötze bauklötze") == {"Bauklötze": [2, 2]}
    assert counted("Tea", "tea") == {"tea": [1, 1]}
    assert counted("TEA Tea", min_items=1) == {"TEA": [2]}


def test_stop_words_are_those_of_the_language() -> None:
    text = "der Tisch und die Lampe the table"
    for language, left_out in (("en", {"the"}), ("de", {"der", "und", "die"}), ("none", set())):
        _, words = count_words([text], min_items=1, language=language)  # type: ignore[arg-type]
        assert set(text.split()) - set(words) == left_out


def test_marks_belong_to_their_letters_in_every_script() -> None:
    assert set(counted("हिन्दी नमस्ते", "می\u200cروم")) == {"हिन्दी", "नमस्ते", "می\u200cروم"}


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert counted("Cafe\u0301", "Caf\u00e9") == {"Caf\u00e9": [1, 1]}


def test_a_word_of_too_few_texts_is_left_out_whatever_its_spellings() -> None:
    assert counted("Tea tea oak", "TEA", "", None, min_items=2) == {"tea": [2, 1, 0, 0]}


def test_the_order_of_words_does_not_depend_on_accents_or_case() -> None:
    assert list(counted("zebra Élan eland Apfel Äpfel")) == ["Apfel", "Äpfel", "Élan", "eland", "zebra"]


@pytest.mark.parametrize("texts", [(), ("the of",), (None, "")])
def test_texts_without_words_have_none(texts: tuple[str | None, ...]) -> None:
    counts, words = count_words(texts, min_items=1)
    assert words == []
    assert counts.shape == (len(texts), 0)
    assert counts.dtype == np.float64
