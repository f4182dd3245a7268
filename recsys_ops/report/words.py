"""What pages say, by language."""

from types import SimpleNamespace

_ENGLISH = {
    "made_from": "Made from run", "find": "Find", "plans": "Plans", "changes": "What to change", "change": "Change",
    "one_change": "1 change", "n_changes": "{n} changes",
    "support": "How many items like this one have it", "cannot": "I cannot change this",
    "fewer": "With fewer changes, or more", "accept": "How acceptable is this? (1 not at all, 7 fully)",
    "act": "How likely will you do it? (1 not at all, 7 surely)", "download": "Download",
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
    "weighted": "People count as often as their group was weighted.",
    "effect": "Seen by {before} of them now, by {after} then: {gained}.", "more_person": "1 more person",
    "more_people": "{n} more people", "effect_of_rank": "On average in place {before} of their lists, then {after}.",
    "proven": "It is proven that fewer changes cannot do as much.",
    "not_proven": "At most {bound} could be reached; no better plan was found.",
    "no_change_helps": "no allowed change would show it to enough more people.",
    "seen_already": "people see it already.",
    "none_found": "no plan that is worth it was found.",
    "new_users": "Of people whom the search did not look at, {share} see it.",
    "if_others_act": "If one provider in twenty acts as well: {share}.",
    "step": "{n}: then {after} of them see it. {text}.", "user_title": "Why you were recommended these",
    "user_summary": "Each item, and what of your history it depends on.",
    "user_nothing_allowed": "No part of your history that may be left out changes that.",
    "user_proven": "No smaller part of your history is enough.", "user_found": "A smaller part may be enough.",
    "user_anyway": "Whatever of your history were missing, you would still see it.",
    "user_unknown": "What it depends on could not be found out.",
    "study_title": "How do you rate these plans?", "study_consent_title": "Before you begin",
    "study_consent": "This study is about how people rate plans that a computer proposes. You see {n} plans and "
    "answer a few questions about each.\nYour answers are stored under {person}, without your name, and are evaluated "
    "together with those of others.\nYou take part of your own will and can stop at any time: close the page. Nothing "
    "is stored before you hand in your answers at the end.",
    "study_agree": "I have read this, and I take part.", "study_begin": "Begin", "study_next": "Next",
    "study_back": "Back", "study_missing": "Something is not answered yet.", "study_plan": "Plan {n} of {of}",
    "study_scenario": "Imagine that you sell “{title}”. Today few of the group “{group}” are shown it.",
    "study_would": "A computer proposes this plan, with which more of them would see it:",
    "study_accept": "Is the plan a reasonable explanation of why so few are shown it?",
    "study_act": "Would you carry out the plan?", "study_ends": "From 1, strongly no, to 7, strongly yes.",
    "study_impossible": "Which of these changes would be impossible for you?", "study_why": "Why did you answer so?",
    "study_attention": "This question shows that you read with care: choose {n}.", "study_thanks": "Thank you",
    "study_end": "Download your answers, and send the file to those who gave you this questionnaire.",
    "study_end_send": "Send your answers. You can keep a copy.", "study_downloaded": "Your answers are downloaded.",
    "study_not_sent": "Your answers did not arrive ({why}). They were downloaded instead: send that file yourself.",
    "signs": ",.", "user_list": "Without that, your list would begin with {titles}.",
    "parameters_title": "What decides which items are shown",
    "parameters_of_features": "For each group of people: which features of an item decide how many of them see it. "
    "Counted over the plans of this run; what each brings was found by running the recommender on the changed item. "
    "What a plan brings comes from all its changes together; the last column is of plans that change nothing else. "
    "A feature that providers may not change is not in it, though it may matter.",
    "parameters_of_histories": "Which items of people's histories decide what is recommended to them. Counted over the "
    "explanations of this run; each was checked by running the recommender without these items.",
    "parameters_plans": "{plans} of {cases} items have a plan. On average {before} of the group see such an item now, "
    "{after} with its plan.",
    "parameters_no_plan": "None of {cases} items has a plan for this group.",
    "parameters_feature": "Feature, and what plans do to it most", "parameters_by_plans": "Plans that change it",
    "parameters_gain": "More of the group, with these plans", "parameters_alone": "If nothing else changes",
    "parameters_histories": "Items of histories",
    "parameters_explained": "{explained} of {cases} recommendations hang on a part of the history, on average on "
    "{items} items of it. Without these the recommended item falls from rank {before} to {after} (means).",
    "parameters_no_explanation": "Of none of {cases} recommendations was it found what it hangs on.",
    "parameters_anyway": "{n} would be made whatever part of the history that may be left out were missing.",
    "parameters_item": "Item of the history", "parameters_by_explanations": "Recommendations that hang on it",
    "parameters_people": "People", "parameters_rank": "Mean rank with it and without",
    "parameters_rest": "Shown are the {shown} that decide most often; {n} more decide less often.",
    "night_title": "{job} of {date}", "overnight": "What changed, against the nights before", "figure": "Figure",
    "this_night": "This night", "usual": "Usual", "not_as_usual": "not as usual",
}  # fmt: skip

_GERMAN = {
    "made_from": "Aus dem Lauf", "find": "Suchen", "plans": "Pläne", "changes": "Was zu ändern ist",
    "change": "Änderung", "one_change": "1 Änderung", "n_changes": "{n} Änderungen",
    "support": "So viele ähnliche Artikel haben es",
    "cannot": "Das kann ich nicht ändern", "fewer": "Mit weniger Änderungen, oder mit mehr",
    "accept": "Wie annehmbar ist das? (1 gar nicht, 7 völlig)",
    "act": "Wie wahrscheinlich tun Sie es? (1 gar nicht, 7 sicher)", "download": "Herunterladen",
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
    "weighted": "Menschen zählen so oft, wie ihre Gruppe gewichtet wurde.",
    "effect": "Jetzt sehen ihn {before}, dann {after}: {gained}.", "more_person": "1 Mensch mehr",
    "more_people": "{n} Menschen mehr",
    "effect_of_rank": "Im Mittel auf Platz {before} ihrer Listen, dann auf Platz {after}.",
    "proven": "Mit weniger Änderungen ist so viel nachweislich nicht zu erreichen.",
    "not_proven": "Höchstens {bound} wären zu erreichen; ein besserer Plan wurde nicht gefunden.",
    "no_change_helps": "Keine erlaubte Änderung würde ihn genug weiteren Menschen zeigen.",
    "seen_already": "Er wird schon gesehen.",
    "none_found": "Kein lohnender Plan wurde gefunden.",
    "new_users": "Von Menschen, die bei der Suche nicht betrachtet wurden, sehen ihn {share}.",
    "if_others_act": "Wenn einer von zwanzig Anbietern ebenfalls handelt: {share}.",
    "step": "{n}: dann sehen ihn {after} von ihnen. {text}.", "user_title": "Warum Ihnen das empfohlen wurde",
    "user_summary": "Jeder Artikel, und woran er in Ihrem Verlauf hängt.",
    "user_nothing_allowed": "Kein Teil Ihres Verlaufs, der wegfallen darf, ändert das.",
    "user_proven": "Kein kleinerer Teil Ihres Verlaufs genügt.", "user_found": "Ein kleinerer Teil könnte genügen.",
    "user_anyway": "Was auch immer von Ihrem Verlauf fehlte, Sie würden es trotzdem sehen.",
    "user_unknown": "Woran es hängt, ließ sich nicht herausfinden.",
    "study_title": "Wie beurteilen Sie diese Pläne?", "study_consent_title": "Bevor Sie beginnen",
    "study_consent": "Diese Studie fragt, wie Menschen Pläne beurteilen, die ein Computer vorschlägt. Sie sehen {n} "
    "Pläne und beantworten zu jedem einige Fragen.\nIhre Antworten werden unter {person} gespeichert, ohne Namen, "
    "und mit denen anderer ausgewertet.\nSie nehmen freiwillig teil und können jederzeit aufhören: Schließen Sie die "
    "Seite. Nichts wird gespeichert, bevor Sie Ihre Antworten am Ende abgeben.",
    "study_agree": "Ich habe das gelesen und nehme teil.", "study_begin": "Beginnen", "study_next": "Weiter",
    "study_back": "Zurück", "study_missing": "Etwas ist noch nicht beantwortet.", "study_plan": "Plan {n} von {of}",
    "study_scenario": "Stellen Sie sich vor, Sie verkaufen „{title}“. Heute sehen es nur wenige aus „{group}“.",
    "study_would": "Ein Computer schlägt diesen Plan vor, mit dem es mehr von ihnen sähen:",
    "study_accept": "Erklärt der Plan vernünftig, warum es so wenigen gezeigt wird?",
    "study_act": "Würden Sie den Plan ausführen?", "study_ends": "Von 1, ganz und gar nicht, bis 7, ganz und gar.",
    "study_impossible": "Welche dieser Änderungen wären Ihnen unmöglich?",
    "study_why": "Warum haben Sie so geantwortet?",
    "study_attention": "Diese Frage zeigt, dass Sie aufmerksam lesen: Wählen Sie {n}.", "study_thanks": "Danke",
    "study_end": "Laden Sie Ihre Antworten herunter und senden Sie die Datei denen, die Ihnen den Fragebogen gaben.",
    "study_end_send": "Senden Sie Ihre Antworten. Sie können eine Abschrift behalten.",
    "study_downloaded": "Ihre Antworten sind heruntergeladen.",
    "study_not_sent": "Ihre Antworten kamen nicht an ({why}). Sie wurden heruntergeladen: senden Sie die Datei selbst.",
    "signs": ".,", "user_list": "Ohne das begänne Ihre Liste mit {titles}.",
    "parameters_title": "Was entscheidet, welche Artikel gezeigt werden",
    "parameters_of_features": "Für jede Gruppe von Menschen: welche Merkmale eines Artikels entscheiden, wie viele ihn "
    "sehen. Gezählt über die Pläne dieses Laufs; was jeder bringt, ergab die Empfehlung mit dem geänderten Artikel. "
    "Was ein Plan bringt, kommt von all seinen Änderungen zusammen; die letzte Spalte ist von Plänen, die sonst nichts "
    "ändern. Ein Merkmal, das Anbieter nicht ändern dürfen, ist nicht dabei, auch wenn es zählen mag.",
    "parameters_of_histories": "Welche Artikel im Verlauf der Menschen entscheiden, was ihnen empfohlen wird. Gezählt "
    "über die Erklärungen dieses Laufs; jede wurde durch die Empfehlung ohne diese Artikel geprüft.",
    "parameters_plans": "{plans} von {cases} Artikeln haben einen Plan. Im Mittel sehen {before} der Gruppe einen "
    "solchen Artikel jetzt, {after} mit seinem Plan.",
    "parameters_no_plan": "Keiner von {cases} Artikeln hat einen Plan für diese Gruppe.",
    "parameters_feature": "Merkmal, und was Pläne am häufigsten daran ändern",
    "parameters_by_plans": "Pläne, die es ändern", "parameters_gain": "Zuwachs in der Gruppe, mit diesen Plänen",
    "parameters_alone": "Wenn sich sonst nichts ändert", "parameters_histories": "Artikel der Verläufe",
    "parameters_explained": "{explained} von {cases} Empfehlungen hängen an einem Teil des Verlaufs, im Mittel an "
    "{items} Artikeln davon. Ohne diese fällt der empfohlene Artikel von Rang {before} auf {after} (Mittelwerte).",
    "parameters_no_explanation": "Von keiner der {cases} Empfehlungen wurde gefunden, woran sie hängt.",
    "parameters_anyway": "{n} kämen zustande, welcher Teil des Verlaufs auch fehlte, der fehlen darf.",
    "parameters_item": "Artikel im Verlauf", "parameters_by_explanations": "Empfehlungen, die daran hängen",
    "parameters_people": "Menschen", "parameters_rank": "Mittlerer Rang mit ihm und ohne",
    "parameters_rest": "Gezeigt sind die {shown}, die am häufigsten entscheiden; {n} weitere entscheiden seltener.",
    "night_title": "{job} vom {date}", "overnight": "Was sich geändert hat, gegenüber den Nächten davor",
    "figure": "Zahl", "this_night": "Diese Nacht", "usual": "Üblich", "not_as_usual": "nicht wie üblich",
}  # fmt: skip

LANGUAGES = {"en": _ENGLISH, "de": _GERMAN}


def words(language: str) -> SimpleNamespace:
    """The sentences of a language, by name."""
    return SimpleNamespace(**LANGUAGES[language])
