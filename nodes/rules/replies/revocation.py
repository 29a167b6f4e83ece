"""A reply that is nothing but STOP revokes the customer's consent (47 CFR 64.1200(a)(10) lists the English words)."""

from nodes.rules.replies.plain_words import plain_words

_WISHES = frozenset(
    wish.strip()
    for wish in """
    stop|stopall|stop all|stop it|stop now|quit|end|revoke|opt out|optout|cancel|unsubscribe|unsubscribe me|remove me
    stop emailing me|stop calling me|stop contacting me|do not contact me|don't contact me|don't call me|do not call me
    stopp|stoppen|abmelden|abbestellen|austragen|keine emails|keine e mails|keine emails mehr|keine e mails mehr
    keine anrufe|keine anrufe mehr|kein kontakt|aufhoren|widerruf|ich widerrufe
    arret|arreter|arretez|desabonner|desabonnez moi|desinscrire|desinscription|desinscrivez moi|me desinscrire
    plus d'emails|plus d'appels|ne m'appelez plus|ne m'ecrivez plus
    baja|darme de baja|dar de baja|denme de baja|alto|parar|pare|paren|no mas|no mas correos|no mas llamadas|no llamar
    no me llamen|no me llamen mas|no me escriban|no me escriban mas|cancelar suscripcion
    """.replace("\n", "|").split("|")
) - {""}
_POLITE = frozenset(
    {"please", "pls", "thanks", "thank", "you", "bitte", "danke", "merci", "svp", "s'il", "vous", "plait"}
    | {"por", "favor", "gracias"}
)


def is_revocation(text: str) -> bool:
    """Return whether a whole reply says STOP or the like, in any case and punctuation, in en, de, fr or es."""
    if len(text) > 200:
        return False
    words = plain_words(text)
    return " ".join(words) in _WISHES or " ".join(word for word in words if word not in _POLITE) in _WISHES
