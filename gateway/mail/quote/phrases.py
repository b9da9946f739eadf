"""What mail programs write around quotes and below mails, in all languages; in lower case."""

from __future__ import annotations

from gateway.mail.quote.language import phrases_in
from gateway.mail.quote.languages import LANGUAGES
from gateway.mail.quote.languages_more import MORE_LANGUAGES

DEVICES = phrases_in(
    "iphon|ipad|ipod|apple|mac|android|samsung|galaxy|huawei|honor|xiaomi|redmi|oppo|vivo|realme|oneplus"
    "|pixel|nexus|nokia|lumia|htc|sony|xperia|motorola|moto|wiko|fairphone|zte|lenovo|asus|alcatel|lg "
    "|blackberry|treo|palm|windows|outlook|hotmail|yahoo|gmail|googlemail|google|aol|gmx|web.de|t-online"
    "|freenet|mail.ru|yandex|яндекс|proton|tutanota|tuta|zoho|fastmail|thunderbird|postbox|mailbird"
    "|airmail|acompli|spark|newton|boxer|nine|k-9|k9|fairemail|bluemail|aquamail|aqua mail|mymail|mailspring"
    "|em client|edison|polymail|superhuman|missive|hey.com|shortwave|mailbox|roundcube|zimbra|webmail"
    "|web mail|notes|verizon|t-mobile|at&t|o2|vodafone|orange|bouygues|sfr|telekom|three|tigo|claro"
    "|mobile|mobil|móvil|movil|cellulare|celular|cellphone|cell phone|phone|fon|telefon|téléphone|telefono"
    "|teléfono|telefone|telefoon|puhelin|puhelime|handy|handheld|tablet|tablette|tablete|smartphone|device"
    "|gerät|dispositif|appareil|dispositivo|apparaat|enhed|enhet|zařízení|zariadeni|urządzeni|komórk"
    "|laite|устройств|телефон|смартфон|планшет|мобильн|пристро|携帯|スマートフォン|スマホ|手机|手機|平板|邮箱"
    "|電腦|휴대폰|아이폰|스마트폰|cihaz|telefonu|készülék"
    "|canary|mimestream|spike|libero|virgilio|laposte|seznam|email.cz|naver|daum|qq邮箱|网易|ukr.net|onet"
    "|wp poczt|poczta o2|interia|poczta dla|pošty pro|mail app|e-mail app|app |email app|mail for|mail til"
)
"""What a phone's line names; it is looked for anywhere in it."""

LIST_FOOTERS = phrases_in(
    "mailing list|listinfo|mailman|google groups|you received this message because|to unsubscribe from this"
    "|to post to this group|yahoo! groups|list-unsubscribe|visit this group at"
)
"""What the lines say that a mailing list puts under every mail, below a row of underscores."""

SCANNED = phrases_in(
    "this email has been checked for viruses|this e-mail has been checked for viruses"
    "|this email has been scanned|this message has been scanned|this e-mail was scanned|virus-free."
    "|virenfrei.|diese e-mail wurde von avast|diese e-mail wurde auf viren|sans virus."
    "|l'absence de virus dans ce courrier|garanti sans virus|libre de virus.|este correo electrónico ha sido"
    "|el software de antivirus avast|questa e-mail è stata controllata|priva di virus|wolne od wirusów"
    "|ta wiadomość e-mail została sprawdzona|wiadomość została sprawdzona|virusfri|virusvrij"
    "|deze e-mail is gecontroleerd|tento e-mail byl zkontrolován|bez virů|livre de vírus"
    "|este e-mail foi verificado|yahoo mail: search|не содержит вирусов|без вирусов|вирусов нет"
)
"""How the line begins that a virus scanner adds."""

FORWARD_PREFIXES = frozenset(
    phrases_in(
        "fw|fwd|wg|tr|pd|rv|i|enc|vs|vl|vb|doorst|továbbítás|továbbított|пересл|пер|пересылка|переслано|fs|转发|轉寄|转寄"
        "|轉發|転送|전달|ynt|ilt|i̇lt|πρθ|προώθ|edasi|redirecţionat|redirecționat|předáno|הועבר|إعادة توجيه|forwarded"
    )
)
"""What stands before the colon in the subject of a forwarded mail."""


ROWS = (*LANGUAGES.values(), *MORE_LANGUAGES.values())


def every(name: str) -> frozenset[str]:
    """All phrases of one kind, such as `wrote`, in all languages."""
    return frozenset(phrase for row in ROWS for phrase in phrases_in(getattr(row, name)))
