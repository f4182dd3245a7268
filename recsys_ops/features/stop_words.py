"""Words that say nothing about an item, by language."""

from typing import Literal

Language = Literal["en", "de", "none"]

_GERMAN = """
aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus bei beim
bin bis bist bzw da dabei dadurch daher damit dann daran darauf daraus darin darum das dass dasselbe davon dazu
dein deine deinem deinen deiner deines dem den denn der deren des dessen dich die dies diese diesem diesen dieser
dieses dir doch dort du durch eben ein eine einem einen einer eines einige einigem einigen einiger einiges einmal
er es etwa etwas euch euer eure eurem euren eurer eures für gegen gibt hab habe haben hat hatte hatten hattest hier
hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem ins ist ja jede jedem jeden jeder jedes
jedoch jene jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner keines können könnte man manche
manchem manchen mancher manches mein meine meinem meinen meiner meines mich mir mit muss musste nach nicht nichts
noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seines selbst sich sie sind so solche solchem
solchen solcher solches soll sollte sondern sonst sowie um und uns unser unsere unserem unseren unserer unseres
unter viel vom von vor war waren warst was weg weil weiter welche welchem welchen welcher welches wenn wer werde
werden wie wieder will wir wird wirst wo wollen wollte während würde würden zu zum zur zwar zwischen über
"""


def stop_words(language: Language) -> frozenset[str]:
    """Words in lower case that are not counted.

    Parameters
    ----------
    language : "en", "de" or "none"
        English as scikit-learn has them; none leaves no word out.
    """
    if language == "none":
        return frozenset()
    if language == "de":
        return frozenset(_GERMAN.split())
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # late: it takes a second

    return frozenset(ENGLISH_STOP_WORDS)
