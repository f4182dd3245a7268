"""What pages say, by language."""

from types import SimpleNamespace

_ENGLISH = {
    "made_from": "Made from run", "find": "Find", "plans": "Plans", "changes": "What to change", "change": "Change",
    "one_change": "1 change", "n_changes": "{n} changes",
    "support": "How many items like this one have it", "cannot": "I cannot change this",
    "fewer": "With fewer changes, or more", "accept": "How acceptable is this? (1 not at all, 7 fully)",
    "act": "How likely will you do it? (1 not at all, 7 surely)", "download": "Download my feedback",
    "downloaded": "{n} plans with both answers.", "nothing_to_do": "Items without a plan", "cases": "Cases",
    "share": "Share", "by_status": "How the cases ended", "status": "Status", "what_to_do": "What to do",
    "sellers": "Sellers", "failed": "Cases that failed", "settings": "Settings", "setting": "Setting", "value": "Value",
    "seller_title": "Your items: what would bring them to more people",
    "seller_summary": "{plans} of your {items} items have a plan. Those that reach most people come first.",
    "audience": "For {group}: {n} people who can be shown the item.",
    "effect": "Seen by {before} of them now, by {after} then: {gained} more people.",
    "proven": "It is proven that nothing better is possible with as few changes.",
    "not_proven": "At most {bound} could be reached; no better plan was found.",
    "no_change_helps": "no allowed change would show it to more people.",
    "seen_already": "people see it already.",
    "none_found": "no plan that is worth it was found.",
    "new_users": "Of people whom the search did not look at, {share} see it.",
    "if_others_act": "If one provider in twenty acts as well: {share}.",
    "step": "{n}: then {after} of them see it. {text}.", "user_title": "Why you were recommended these",
    "user_summary": "Each item, and what of your history it depends on. Without that, you would not see it.",
    "user_proven": "No smaller part of your history is enough.", "user_found": "A smaller part may be enough.",
    "user_anyway": "Whatever of your history were missing, you would still see it.",
    "user_unknown": "What it depends on could not be found out.",
    "night_title": "{job} of {date}", "overnight": "What changed, against the nights before", "figure": "Figure",
    "this_night": "This night", "usual": "Usual", "not_as_usual": "not as usual",
}  # fmt: skip

_GERMAN = {
    "made_from": "Aus dem Lauf", "find": "Suchen", "plans": "Pläne", "changes": "Was zu ändern ist",
    "change": "Änderung", "one_change": "1 Änderung", "n_changes": "{n} Änderungen",
    "support": "So viele ähnliche Artikel haben es",
    "cannot": "Das kann ich nicht ändern", "fewer": "Mit weniger Änderungen, oder mit mehr",
    "accept": "Wie annehmbar ist das? (1 gar nicht, 7 völlig)",
    "act": "Wie wahrscheinlich tun Sie es? (1 gar nicht, 7 sicher)", "download": "Meine Antworten herunterladen",
    "downloaded": "{n} Pläne mit beiden Antworten.", "nothing_to_do": "Artikel ohne Plan", "cases": "Fälle",
    "share": "Anteil", "by_status": "Wie die Fälle ausgingen", "status": "Ausgang", "what_to_do": "Was zu tun ist",
    "sellers": "Anbieter", "failed": "Fehlgeschlagene Fälle", "settings": "Einstellungen", "setting": "Einstellung",
    "value": "Wert", "seller_title": "Ihre Artikel: was sie mehr Menschen zeigen würde",
    "seller_summary": "{plans} Ihrer {items} Artikel haben einen Plan. Die mit der größten Wirkung stehen oben.",
    "audience": "Für {group}: {n} Menschen, denen der Artikel gezeigt werden kann.",
    "effect": "Jetzt sehen ihn {before}, dann {after}: {gained} Menschen mehr.",
    "proven": "Mehr ist mit so wenigen Änderungen nachweislich nicht möglich.",
    "not_proven": "Höchstens {bound} wären zu erreichen; ein besserer Plan wurde nicht gefunden.",
    "no_change_helps": "Keine erlaubte Änderung würde ihn mehr Menschen zeigen.",
    "seen_already": "Er wird schon gesehen.",
    "none_found": "Kein lohnender Plan wurde gefunden.",
    "new_users": "Von Menschen, die bei der Suche nicht betrachtet wurden, sehen ihn {share}.",
    "if_others_act": "Wenn einer von zwanzig Anbietern ebenfalls handelt: {share}.",
    "step": "{n}: dann sehen ihn {after} von ihnen. {text}.", "user_title": "Warum Ihnen das empfohlen wurde",
    "user_summary": "Jeder Artikel, und woran er in Ihrem Verlauf hängt. Ohne das würden Sie ihn nicht sehen.",
    "user_proven": "Kein kleinerer Teil Ihres Verlaufs genügt.", "user_found": "Ein kleinerer Teil könnte genügen.",
    "user_anyway": "Was auch immer von Ihrem Verlauf fehlte, Sie würden es trotzdem sehen.",
    "user_unknown": "Woran es hängt, ließ sich nicht herausfinden.",
    "night_title": "{job} vom {date}", "overnight": "Was sich geändert hat, gegenüber den Nächten davor",
    "figure": "Zahl", "this_night": "Diese Nacht", "usual": "Üblich", "not_as_usual": "nicht wie üblich",
}  # fmt: skip

LANGUAGES = {"en": _ENGLISH, "de": _GERMAN}


def words(language: str) -> SimpleNamespace:
    """The sentences of a language, by name."""
    return SimpleNamespace(**LANGUAGES[language])
