"""What pages say, by language."""

from types import SimpleNamespace

_ENGLISH = {
    "made_from": "Made from run", "find": "Find", "plans": "Plans", "changes": "What to change", "change": "Change",
    "one_change": "1 change", "n_changes": "{n} changes",
    "support": "How many items like this one have it", "cannot": "I cannot change this",
    "fewer": "With fewer changes, or more", "accept": "How acceptable is this? (1 not at all, 7 fully)",
    "act": "How likely will you do it? (1 not at all, 7 surely)", "download": "Download answers",
    "answered": "Plans answered: {n}.", "incomplete": "With one rating only, which is left out: {n}.",
    "downloaded": "Downloaded as feedback.csv.", "none_answered": "Nothing is answered yet.",
    "send": "Send answers", "sent": "Your answers have arrived.", "no_answer": "nobody answered",
    "not_sent": "Your answers did not arrive ({why}). They were downloaded as feedback.csv: send that file yourself.",
    "decision": "Where does this plan stand?", "open": "Open", "done": "Done", "dismissed": "Dismissed",
    "comment": "Why? In your words, if you like", "others": "Other ways ({n})", "option": "Option {n}",
    "sort": "Sort by", "by_people": "people gained", "by_changes": "fewest changes", "by_title": "title",
    "decided_done": "You said that this is done.", "decided_dismissed": "You dismissed this plan before.",
    "nothing_to_do": "Items without a plan", "cases": "Cases",
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
    "night_title": "{job} of {date}",
}  # fmt: skip

_GERMAN = {
    "made_from": "Aus dem Lauf", "find": "Suchen", "plans": "Pläne", "changes": "Was zu ändern ist",
    "change": "Änderung", "one_change": "1 Änderung", "n_changes": "{n} Änderungen",
    "support": "So viele ähnliche Artikel haben es",
    "cannot": "Das kann ich nicht ändern", "fewer": "Mit weniger Änderungen, oder mit mehr",
    "accept": "Wie annehmbar ist das? (1 gar nicht, 7 völlig)",
    "act": "Wie wahrscheinlich tun Sie es? (1 gar nicht, 7 sicher)", "download": "Antworten herunterladen",
    "answered": "Beantwortete Pläne: {n}.", "incomplete": "Mit nur einer Bewertung, die nicht zählt: {n}.",
    "downloaded": "Heruntergeladen als feedback.csv.", "none_answered": "Noch ist nichts beantwortet.",
    "send": "Antworten senden", "sent": "Ihre Antworten sind angekommen.", "no_answer": "niemand antwortet",
    "not_sent": "Ihre Antworten kamen nicht an ({why}). Sie wurden als feedback.csv heruntergeladen: senden Sie diese "
    "Datei selbst.",
    "decision": "Wie steht es um diesen Plan?", "open": "Offen", "done": "Erledigt", "dismissed": "Abgelehnt",
    "comment": "Warum? In Ihren Worten, wenn Sie mögen", "others": "Andere Wege ({n})", "option": "Weg {n}",
    "sort": "Ordnen nach", "by_people": "gewonnenen Menschen", "by_changes": "den wenigsten Änderungen",
    "by_title": "Titel",
    "decided_done": "Sie haben gesagt, dass das erledigt ist.", "decided_dismissed": "Diesen Plan haben Sie abgelehnt.",
    "nothing_to_do": "Artikel ohne Plan", "cases": "Fälle",
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
    "night_title": "{job} vom {date}",
}  # fmt: skip

LANGUAGES = {"en": _ENGLISH, "de": _GERMAN}


def words(language: str) -> SimpleNamespace:
    """The sentences of a language, by name."""
    return SimpleNamespace(**LANGUAGES[language])
