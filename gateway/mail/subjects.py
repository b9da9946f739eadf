"""How programs that answer by themselves begin their subjects, by language: absences, receipts, challenges.

A customer may write *about* any of these. So words alone prove nothing: what counts is a phrase that
goes on as programs go on (`Out of office: Re: …`) and something else that speaks of a program.
All phrases are compared as `evidence.plain` makes them: no accents, small letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.mail.evidence import Evidence, plain

ABSENCES = {
    "en": "automatic reply|automatic response|automated reply|automated response|auto reply|auto-reply|autoreply"
    "|auto response|auto-response|autoresponse|autoresponder|out of office|out of the office|out-of-office"
    "|out of office autoreply|out of office reply|out of office automatic reply|out of office message"
    "|out of office notification|vacation reply|vacation response|vacation message|away message"
    "|away from my mail|away from the office|i am out of office|i am out of the office|i'm out of the office",
    "de": "automatische antwort|automatische rückantwort|automatische abwesenheitsnotiz|autoantwort"
    "|abwesenheitsnotiz|abwesenheitsnachricht|abwesenheitsmeldung|abwesenheitsmitteilung"
    "|abwesenheitsbenachrichtigung|abwesenheitsassistent|nicht im büro|nicht im haus|außer haus",
    "fr": "réponse automatique|réponse automatique d'absence|message automatique d'absence|message d'absence"
    "|notification d'absence|avis d'absence|absence du bureau|absent du bureau|absente du bureau|hors du bureau",
    "es": "respuesta automática|autorrespuesta|autorespuesta|fuera de la oficina|fuera de oficina"
    "|ausencia de la oficina|ausente de la oficina|mensaje de ausencia|aviso de ausencia",
    "it": "risposta automatica|autorisposta|fuori sede|fuori ufficio|assente dall'ufficio|messaggio di assenza"
    "|avviso di assenza|notifica di assenza",
    "pl": "odpowiedź automatyczna|automatyczna odpowiedź|autoodpowiedź|auto-odpowiedź|autoresponder"
    "|poza biurem|jestem poza biurem|nieobecność w biurze|informacja o nieobecności",
    "pt": "resposta automática|autoresposta|auto-resposta|fora do escritório|ausência do escritório"
    "|ausente do escritório|mensagem de ausência|aviso de ausência",
    "nl": "automatisch antwoord|automatische beantwoording|automatische reactie|autoantwoord|niet op kantoor"
    "|buiten kantoor|afwezigheidsbericht|afwezigheidsmelding|afwezigheidsassistent",
    "cs": "automatická odpověď|mimo kancelář|nepřítomnost v kanceláři|oznámení o nepřítomnosti",
    "sk": "automatická odpoveď|mimo kancelárie|neprítomnosť v kancelárii|oznámenie o neprítomnosti",
    "uk": "автоматична відповідь|автовідповідь|автоматичне повідомлення|поза офісом|немає на робочому місці"
    "|відсутність на робочому місці",
    "ru": "автоматический ответ|автоответ|автоответчик|вне офиса|нет на рабочем месте|отсутствую на рабочем месте"
    "|уведомление об отсутствии|сообщение об отсутствии",
    "sv": "automatiskt svar|autosvar|automatsvar|frånvaromeddelande|inte på kontoret|ej på kontoret",
    "da": "automatisk svar|autosvar|fraværsbesked|fraværsmeddelelse|ikke på kontoret|ikke til stede",
    "nb": "automatisk svar|autosvar|fraværsmelding|fraværsbeskjed|ikke på kontoret|ikke til stede|fraværsassistent",
    "fi": "automaattinen vastaus|automaattivastaus|poissaoloilmoitus|poissaoloviesti|poissa toimistosta",
    "hu": "automatikus válasz|házon kívül|irodán kívül",
    "ro": "răspuns automat|în afara biroului",
    "tr": "otomatik yanıt|otomatik cevap|ofis dışında",
    "el": "αυτόματη απάντηση|εκτός γραφείου",
    "ja": "自動返信|自動応答|自動返信メール|不在通知|不在応答|不在のお知らせ|不在のご連絡",
    "zh": "自动回复|自動回覆|自動回復|自动答复|自動答覆|外出自动回复|不在办公室|不在辦公室|休假自动回复",
    "hr": "automatski odgovor|automatska poruka|izvan ureda|van kancelarije|аутоматски одговор",
    "sl": "samodejni odgovor|izven pisarne",
    "bg": "автоматичен отговор|извън офиса",
    "lt": "automatinis atsakymas|ne biure",
    "lv": "automātiskā atbilde|automātiska atbilde|neesmu birojā",
    "et": "automaatvastus|automaatne vastus|kontorist väljas",
    "ca": "resposta automàtica|fora de l'oficina",
    "he": "תשובה אוטומטית|מענה אוטומטי|מחוץ למשרד",
    "ar": "رد تلقائي|الرد التلقائي|خارج المكتب",
    "fa": "پاسخ خودکار",
    "vi": "thư trả lời tự động|trả lời tự động",
    "id": "balasan otomatis|di luar kantor",
    "th": "การตอบกลับอัตโนมัติ|ตอบกลับอัตโนมัติ",
    "ko": "자동 회신|자동회신|자동 응답|자동응답|부재 중|부재중",
}
"""Phrases that hardly mean anything but that somebody's program answers."""

ORDINARY = {
    "en": "auto|ooo|away|vacation|on vacation|on holiday|absence|annual leave",
    "de": "auto|abwesenheit|abwesend|urlaub|im urlaub|eingangsbestätigung",
    "fr": "auto|absence|absent|absente|congés|en congés|vacances",
    "es": "auto|ausencia|ausente|vacaciones|de vacaciones",
    "it": "auto|assenza|assente|ferie|in ferie",
    "pl": "auto|nieobecność|nieobecny|nieobecna|urlop|na urlopie",
    "pt": "auto|ausência|ausente|férias|de férias",
    "nl": "auto|afwezig|afwezigheid|vakantie|met vakantie",
    "cs": "auto|nepřítomnost|dovolená|na dovolené",
    "sk": "auto|neprítomnosť|dovolenka|na dovolenke",
    "uk": "відпустка|у відпустці|відсутність",
    "ru": "отпуск|в отпуске|отсутствие",
    "sv": "auto|frånvaro|frånvarande|semester",
    "da": "auto|fravær|fraværende|ferie",
    "nb": "auto|fravær|fraværende|ferie",
    "fi": "poissa|poissaolo|loma|lomalla",
    "ja": "不在|休暇中|外出中",
    "zh": "外出|休假",
}
"""Words that a car dealer, a travel agency or a personnel office reads every day."""

SENTENCES = (
    "is out of the office|is out of office|is away from the office|is currently away|is on vacation|is on leave"
    "|ist außer haus|ist nicht im büro|ist abwesend|ist im urlaub|est absent|est en congé|está fuera de la oficina"
    "|está ausente|è fuori ufficio|è fuori sede|è assente|jest poza biurem|jest nieobecn|jest na urlopie"
    "|está fora do escritório|is niet op kantoor|is afwezig|je mimo kancelář|je na dovolené|je mimo kancelárie"
    "|отсутствует на рабочем месте|находится в отпуске"
    "|är inte på kontoret|är borta|er ikke på kontoret|er ikke til stede|on poissa|on lomalla"
)
"""`AUTO: Jo Doe is out of the office (returning 11/30)`."""

AWAY_WORDS = re.compile(
    r"\b(?:i am|i'm|i will be|i'll be)\b.{0,40}\b(?:out of (?:the |my )?office|away from (?:the |my )?(?:office|desk)"
    r"|on (?:\w+ )?(?:leave|vacation|holiday))|limited access to (?:my )?e-?mail"
    r"|this is an automat(?:ic|ed) (?:reply|response|message|e-?mail)"
    r"|\bbin\b.{0,60}\b(?:nicht im (?:buro|haus)|ausser haus|im urlaub|nicht erreichbar|abwesend)"
    r"|\bje (?:suis|serai)\b.{0,40}\b(?:absent|en conge|en vacances)"
    r"|\b(?:estoy|estare|me encuentro)\b.{0,30}\b(?:fuera de|de vacaciones|ausente)"
    r"|\b(?:sono|saro)\b.{0,30}\b(?:fuori (?:sede|ufficio)|assente|in ferie)"
    r"|\b(?:jestem|bede|przebywam)\b.{0,30}\b(?:poza biurem|nieobecn|na urlopie)"
    r"|\b(?:estou|estarei|encontro-me)\b.{0,30}\b(?:fora do|ausente|de ferias)"
    r"|\b(?:ik ben|ben ik)\b.{0,40}\b(?:niet op kantoor|afwezig|met vakantie|met verlof)"
    r"|\b(?:jsem|budu|nejsem|som|budem|nie som)\b.{0,30}\b(?:kancelar|na dovolen|nepritom)"
    r"|\b(?:нахожусь|буду|перебуваю|я)\b.{0,30}\b(?:в отпуске|вне офиса|отсутств|у відпустці)"
    r"|\b(?:jag|jeg)\b.{0,30}\b(?:pa kontoret|borta|pa semester|pa ferie|franvarande|fravaerende)"
    r"|\b(?:olen|en ole)\b.{0,30}\b(?:lomalla|poissa|paikalla)"
    r"|不在にして|休暇を|休暇のため|自動的に返信|不在办公室|正在休假|自动回复"
)
"""What such a mail says in the first person, as `plain` makes it."""

READ = (
    "read|not read|displayed|read receipt|return receipt|return receipt (displayed)|gelesen|nicht gelesen"
    "|lesebestätigung|lu|non lu|accusé de lecture|confirmation de lecture|leído|no leído|confirmación de lectura|letto"
    "|non letto|conferma di lettura|przeczytano|przeczytane|potwierdzenie odczytu|nie przeczytano|lida|lido|não lida"
    "|confirmação de leitura|gelezen|niet gelezen|leesbevestiging|přečteno|přečtené|potvrzení o přečtení|prečítané"
    "|potvrdenie o prečítaní|прочитано|прочтено|не прочитано|läst|läskvitto|læst|lest|kvittering for lest|luettu"
    "|開封済み|開封確認|已读|已讀"
)
READ_WORDS = re.compile(
    r"\b(?:was|has been) (?:read|displayed|opened)|was deleted without being read|this is a (?:read|return) receipt"
    r"|wurde\b.{0,60}\b(?:gelesen|angezeigt|geloscht)|(?:a ete|etait) (?:lu|affiche)|fue (?:leido|mostrado)"
    r"|(?:e stato|e stata) (?:letto|letta|visualizzat)|zostal[ao]?\b.{0,30}\b(?:przeczytan|odczytan|wyswietlon)"
    r"|foi (?:lid[ao]|exibid[ao])|(?:is|werd)\b.{0,40}\b(?:gelezen|weergegeven)|byla?\b.{0,30}\b(?:prectena|zobrazena)"
    r"|bola?\b.{0,30}\b(?:precitana|zobrazena)|было? прочитано|було прочитано"
    r"|(?:har|ble|blev)\b.{0,20}\b(?:last|laest|lest)|on luettu|開封されました|已(?:被)?阅读|已(?:被)?閱讀"
)

CHALLENGES = (
    "verification required|confirmation required|please confirm your message|please confirm your email"
    "|please confirm your e-mail|please verify your message|confirm your message|your email requires verification"
    "|your e-mail requires verification|your message requires confirmation|your mail requires confirmation"
    "|your message is awaiting|your email is awaiting|sender verification|sender confirmation|challenge"
    "|unconfirmed sender|action required to deliver your message|demande d'authentification"
    "|authentification requise|merci de confirmer votre message|absender bestätigen|bestätigung erforderlich"
    "|bitte bestätigen sie ihre nachricht|confirmação de envio|confirme su mensaje|conferma il tuo messaggio"
    "|potwierdź wysłanie wiadomości|подтвердите отправку"
)
CHALLENGE_WORDS = re.compile(
    r"to (?:have|get) (?:your|this) (?:e-?mail|message) delivered|before (?:your|this) (?:e-?mail|message)"
    r" (?:can|will) be|(?:prove|verify|confirm)(?: that)? you (?:are|sent)|approved senders?|anti-?spam"
    r"|add(?:ed)? (?:you )?to (?:my|the|our) (?:list of )?(?:approved|allowed|accepted|trusted)"
    r"|bestatigen sie\b.{0,80}\b(?:zustell|absender)|pour que votre message soit (?:remis|delivre)"
)

_OPENERS = " [(<{*\"'【「#-=~!:"
_GOES_ON = tuple(":-–—()[]<>{}*】」|=~.!\"'")
_ANSWER_MARK = re.compile(r"(?:re|aw|sv|vs|odp|fw|fwd|wg|tr|rv|antw)\s?:")


def is_absence(evidence: Evidence) -> bool:
    """An absence notice: by its subject and by something else that speaks of a program."""
    subject = evidence.plain_subject
    if _begun(subject, _ABSENCES):
        spoken = _AUTOMATIC.search(subject) is not None and _says(evidence, AWAY_WORDS)
        return spoken or _may_be_a_program(evidence) or evidence.answers
    if _begun(subject, _ORDINARY):
        return _is_by_machine(evidence) or _states_absence(subject)
    return _may_be_a_program(evidence) and _states_absence(subject) and not _ANSWER_MARK.match(subject)


def is_absence_perhaps(evidence: Evidence) -> bool:
    """The subject of an absence notice, and words at most: people write those too, of themselves."""
    phrase = _begun(evidence.plain_subject, _ABSENCES)
    if phrase and _says(evidence, AWAY_WORDS):
        return True
    marked = evidence.plain_subject.lstrip(_OPENERS)[len(phrase) :].lstrip(" ])>*】」").startswith(":")
    return bool(phrase) and marked and "?" not in evidence.plain_subject


def is_read_receipt(evidence: Evidence) -> bool:
    """`Read: Printer` in answer to a mail, with the words of a program that tells when somebody read it."""
    return is_read_receipt_perhaps(evidence) and (evidence.answers or _may_be_a_program(evidence))


def is_read_receipt_perhaps(evidence: Evidence) -> bool:
    """The same by its words alone."""
    if not _begun(evidence.plain_subject, _READ) or "?" in evidence.plain_subject:
        return False
    return _says(evidence, READ_WORDS) and "?" not in evidence.plain_beginning


def is_challenge(evidence: Evidence) -> bool:
    """A filter that wants a sender to prove being human, by subject and words, in answer to a mail."""
    if not (evidence.answers or _may_be_a_program(evidence)):
        return False
    named = any(phrase in evidence.plain_subject for phrase in _CHALLENGES)
    return named and _says(evidence, CHALLENGE_WORDS)


def _states_absence(subject: str) -> bool:
    return any(sentence in subject for sentence in _SENTENCES)


def _may_be_a_program(evidence: Evidence) -> bool:
    """Whether the header speaks of a program, however weakly."""
    return _is_by_machine(evidence) or _is_copied_to_many(evidence) or evidence.has("x-loop")


def _is_by_machine(evidence: Evidence) -> bool:
    submitted = evidence.first_words("auto-submitted", "x-auto-submitted") - {"no"}
    return evidence.null_path or bool(submitted) or (_is_copied_to_many(evidence) and evidence.answers)


def _is_copied_to_many(evidence: Evidence) -> bool:
    """It says so; vacation programs say it too, newsletters more often."""
    return bool(evidence.first_words("precedence", "x-precedence") & {"bulk", "junk", "list", "auto_reply"})


def _says(evidence: Evidence, words: re.Pattern[str]) -> bool:
    return words.search(evidence.plain_beginning) is not None


def _begun(subject: str, phrases: tuple[str, ...]) -> str:
    """The longest phrase that a subject begins with and after which it ends or goes on with a mark."""
    bare = subject.lstrip(_OPENERS)
    if not bare.startswith(phrases):
        return ""
    found = [phrase for phrase in phrases if bare.startswith(phrase)]
    return max((one for one in found if _is_marked(bare[len(one) :])), key=len, default="")


def _is_marked(rest: str) -> bool:
    return not rest or rest.lstrip(" ").startswith(_GOES_ON)


def _phrases(table: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain(phrase) for line in table for phrase in line.split("|")))


_AUTOMATIC = re.compile("auto|авто|自动|自動|자동")
"""In the subject of a program that says what it is; people who are away do not write it."""
_ABSENCES = _phrases(ABSENCES.values())
_ORDINARY = _phrases(ORDINARY.values())
_SENTENCES = _phrases([SENTENCES])
_READ = _phrases([READ])
_CHALLENGES = _phrases([CHALLENGES])
