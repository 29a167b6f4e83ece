"""A reply that is nothing but STOP revokes the customer's consent (47 CFR 64.1200(a)(10) lists the English words)."""

import re

from nodes.rules.consents import CHANNELS, Channel
from nodes.rules.replies.plain_words import plain_words

_NOT = "(do not|don'?t|never)"
_AGAIN = "( (ever )?again| any ?more)?"
# A wish per line, as `plain_words` writes it, by what it revokes: in English, German, French and Spanish.
_EVERY_CHANNEL = f"""
    stop( all| it| now)?|stopall|quit|end|revoke|opt out|optout|cancel
    stop contacting me|{_NOT} contact me{_AGAIN}|remove me( from (the|your|this|any|all) lists?)?
    stopp|stoppen|aufhoren|widerruf|ich widerrufe
    kein kontakt( mehr)?|kontaktieren sie mich nicht( mehr)?
    arret|arreter|arretez|ne me contactez (plus|pas)
    alto|parar|pare|paren|no mas|no me contacten( mas)?
"""
_PHONE = f"""
    stop calling( me)?|{_NOT} call( me)?{_AGAIN}|no( more)? calls{_AGAIN}
    keine anrufe( mehr)?|nicht( mehr)? anrufen|(rufen sie|ruft) mich nicht( mehr)? an
    plus d'appels|ne m'appelez (plus|pas)|arretez de m'appeler
    no( mas)? llamadas|no llamar( mas)?|no me llame[ns]?( mas)?|dejen de llamarme
"""
_SMS = f"""
    stop texting( me)?|{_NOT} text( me)?{_AGAIN}|no( more)? texts{_AGAIN}
    keine sms( mehr)?|plus de sms|no( mas)? sms
"""
_EMAIL = f"""
    unsubscribe( me)?|remove me from (the|your|this) (mailing|e ?mail) list
    stop emailing( me)?|stop (sending )?(me )?(the |your |these |all )?e ?mails
    {_NOT} (e ?mail|write|write to) me{_AGAIN}|{_NOT} send me( any)?( more)? e ?mails{_AGAIN}
    no( more)? e ?mails{_AGAIN}
    abmelden|abbestellen|austragen|keine e ?mails( mehr)?
    (schicken|senden) sie mir keine e ?mails( mehr)?|schreiben sie mir nicht( mehr)?
    (se |me )?desabonner|desabonnez moi|(se |me )?desinscrire|desinscription|desinscrivez moi
    plus (d'e ?|de )mails|ne m'ecrivez (plus|pas)|ne m'envoyez plus (d'e ?|de )mails
    baja|(darme|dar|denme) de baja|cancelar suscripcion
    no( mas)? (correos|e ?mails)|no me escriba[ns]?( mas)?|no me envien( mas)? (correos|e ?mails)( mas)?
"""
_WISHES: tuple[tuple[tuple[Channel, ...], re.Pattern[str]], ...] = tuple(
    (channels, re.compile("|".join(line.strip() for line in wishes.strip().splitlines())))
    for channels, wishes in (
        (CHANNELS, _EVERY_CHANNEL),
        (("phone",), _PHONE),
        (("sms",), _SMS),
        (("email_marketing",), _EMAIL),
    )
)
_POLITE = frozenset(
    {"please", "pls", "thanks", "thank", "you", "bitte", "danke", "merci", "svp", "s'il", "vous", "plait"}
    | {"por", "favor", "gracias"}
)


def revoked_channels(text: str) -> tuple[Channel, ...]:
    """Return the channels on which a whole reply revokes the consent, in any case and punctuation; mostly none."""
    if len(text) > 200:
        return ()
    said = " ".join(word for word in plain_words(text) if word not in _POLITE)
    return next((channels for channels, wishes in _WISHES if wishes.fullmatch(said)), ())
