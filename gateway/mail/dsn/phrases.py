"""How mailers speak, in the languages of the world: tables of phrases in lower case, a comma between two."""

from __future__ import annotations


def _table(phrases: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in phrases.replace("\n", ",").split(",") if one.strip())


COPY_STARTS = _table(
    """
    below this line is a copy, below the next line is a copy, below is a copy, below this line is the,
    this is a copy of, a copy of the message, a copy of your message, a copy of the original,
    copy of the original message, copy of your message, copy of the message, included is a copy,
    original message follows, original message header, original mail, original headers,
    the original message follows, original message text, the header of the original, start of returned,
    header of the original, headers of the original, the headers of your message, original message:,
    unsent message, returned message, returned mail follows, rejected message, undelivered message,
    message text follows, message header follows, message headers follow, message follows, message header,
    returned mail, your message reads, your message follows, old message:, begin original message,
    begin returned message, header of message, begin of returned, received header of the, included message,
    text of the message, message contents, start of message, ursprüngliche nachricht, kopie der nachricht,
    originalnachricht, der header der, message d'origine, message original, copie du message,
    en-tête du message, mensaje original, copia del mensaje, messaggio originale, copia del messaggio,
    mensagem original, oryginalna wiadomość, wiadomość oryginalna, kopia wiadomości, исходное сообщение,
    копия сообщения, копия вашего письма, oorspronkelijk bericht, původní zpráva, 原始邮件, 原邮件,
    元のメール, 以下は元の,
    original message
    """
)
"""How the line above a returned copy begins, without its dashes, in lower case."""


LATE = _table(
    """
    will be retried, will retry, still trying, not been delivered yet, not yet been delivered, has not yet,
    not yet delivered, warning message only, message is delayed, delivery is delayed, has been delayed,
    is being delayed, delivery delayed, delivery attempts will continue, you do not need to resend,
    do not need to resend, continue to try, will keep trying, temporarily delayed, delayed mail,
    attempts to deliver the message will continue, will continue trying, keep trying to deliver,
    message delayed, (delay), delivery delay, no action is required on your part, weitere zustellversuche,
    verzögert, wird weiterhin versucht, pas encore été, retardé, nouvelles tentatives, aún no se ha,
    se seguirá intentando, non è ancora stato, in ritardo, nie została jeszcze, opóźnion,
    пока не доставлено, задержива, попытки доставки будут, 遅延, 再送を試み, 延迟, 将继续尝试
    """
)
"""That a letter is only late: somebody still tries."""


OVER = _table(
    """
    giving up, not going to try again, no further delivery attempts, will no longer be retried, too long,
    retry timeout exceeded, permanent error, permanent failure, has been removed
    """
)
"""That nobody tries any more, whatever else is said."""


FILTERED = _table("blocked by, been blocked")
"""That a filter has the letter: it is over, unless the mailer itself says that it still tries."""


PASSING = _table(
    """
    retry timeout exceeded, failing for a long time, retry time not reached, temporary failure, temporarily,
    try again later, try later, greylist, too many connections, deferred
    """
)
"""That the cause was a passing one, where no code says it."""


REFUSALS = _table(
    """
    undeliverable, undelivered, could not be delivered, cannot be delivered, can not be delivered,
    couldn't be delivered, can't be delivered, was not delivered, not delivered, not been delivered,
    delivery failed, delivery failure, delivery to the following, failed to deliver, unable to deliver,
    could not deliver, cannot deliver, can't deliver, couldn't deliver, wasn't able to deliver,
    delivery error, delivery problem, delivery has failed, fatal error, not able to be delivered,
    unknown user, user unknown, no such user, no such recipient, no such mailbox, unknown recipient,
    user not found, unknown address, invalid address, invalid recipient, invalid user, invalid mailbox,
    recipient not found, not a valid, mailbox not found, address not found, recipient address rejected,
    does not exist, doesn't exist, not exist, is not known, no mailbox, account disabled, disabled,
    mailbox unavailable, mailbox is full, mailbox full, over quota, quota exceeded, exceeds allowed size,
    exceeded storage, mailbox size, inactive user, account is inactive, not listed in, unroutable,
    unrouteable, host unknown, unknown host, domain not found, host not found, no route to host,
    relay access denied, relaying denied, access denied, message rejected, was rejected, been rejected,
    rejected by, rejected:, is blocked, was blocked, refused, connection timed out, timed out,
    did not reach, not reach, could not be reached, failed recipient, failed address, returned to sender,
    could not be sent, cannot be sent, could not send, message too large, too big, too large,
    doesn't have a, does not have, not a member, not accept, does not like, not allowed, malformed address,
    not match, did not exactly match, rejected recipient, rejected address, not recognized, error(s),
    error has occurred, not recognised, yet to be delivered, non-deliverable, recipients were affected,
    delivery loop, too many hops, mail loop, duplicated message-id, no longer valid, has moved, deferred,
    unzustellbar, nachrichtenzustellung, nicht gefunden, introuvable, not found, nicht zugestellt,
    zustellung fehlgeschlagen, unbekannter empfänger, konnte nicht,
    non remis, n'a pas pu être, n'a pu être, échec de la remise, non distribué, destinataire inconnu,
    no se pudo, no se ha podido, no entregado, no ha podido, no existe, devuelto, non è stato possibile,
    impossibile recapitare, mancato recapito, non recapitabile, non consegnat, nie można dostarczyć,
    nie została dostarczona, nie dostarczono, nie udało się, niedostarczon, não foi possível, não pôde ser,
    não entregue, não existe, niet worden bezorgd, niet bezorgd, nelze doručit, nebyla doručena, nedoručen,
    kunde inte levereras, kunne ikke leveres, ei voitu, недоставлен, не доставлен, не может быть доставлен,
    не удалось доставить, не существует, не найден, невозможно доставить, ошибка доставки,
    не вдалося доставити, 送信できません, 配信でき, 配送でき, 届けることができ, 送信に失敗, 配信不能,
    送れません, 見つかりません, 存在しません, エラー, 退信, 无法投递,
    投递失败, 不存在, 发送失败, 无法送达, 被拒, 無法傳遞, 無法遞送, 전송 실패, 반송,
    has been blocked, message you sent blocked, konnte(n) nicht, nicht erreicht, fehler bei der nachrichtenzustellung,
    schlug fehl, schlugen fehl, échec, impossible de remettre, error de entrega, no se encontr,
    recapito non riuscito, impossibile trovare, non trovat, nie powiodło się, nie można odnaleźć,
    nie mogła zostać doręczona, nie została doręczona, nie ma takiego, nie istnieje, falha na entrega,
    não foi encontrad, bezorging is mislukt, niet gevonden, bestaat niet, doručení se nezdařilo,
    nemohla být doručena, nebyla nalezena, neexistuje, nepodarilo sa doručiť, nebolo možné doručiť,
    gick inte att leverera, hittades inte, finns inte, mislykkedes, blev ikke fundet, findes ikke, mislyktes,
    ble ikke funnet, finnes ikke, epäonnistui, ei löydy, nem sikerült, nem kézbesíthető, nem található,
    teslim edilemedi, bulunamadı, nu a putut fi livrat, nu a fost găsit, сбой доставки, не удается доставить,
    не может быть отправлено, не вдалося, не може бути доставлен, не знайдено, не існує, 失敗しました,
    届きません, 存在しない, 退回, 找不到, 拒收, 실패하였습니다, 실패했습니다, 존재하지 않는, 찾을 수 없
    """
)
"""That a letter did not arrive: beside an address, or anywhere in what a mailer says."""


SUBJECTS = _table(
    """
    loop alert, not a member of this mailing list, undelivered, undeliverable, undeliver, returned mail,
    returned to sender, return to sender,
    delivery status notification, delivery notification, delivery fail, delivery error, delivery report,
    delivery problem, delivery has failed, delivery delayed, delayed mail, failure notice, failure delivery,
    failed delivery, failed mail, failed to deliver, mail delivery, mail failure, mail system error,
    message delivery, message status, mail could not be delivered, message could not be delivered,
    nondeliverable, non-deliverable, non delivery, non-delivery, nondelivery, not delivered,
    unable to deliver, could not deliver, couldn't be delivered, error sending, mail error, user unknown,
    rejected:, rejected mail, bounced mail, bounce message, mail returned, message rejected, ndn:,
    warning: could not send, warning: message, email delivery, e-mail delivery, delivery unsuccessful,
    mail undeliverable, message undeliverable, mail not deliver, cannot send message, mdaemon warning,
    mdaemon notification, smtp delivery, postmaster notify, delivery incomplete, delivery attempt,
    unzustellbar, nicht zustellbar, zustellung, unzustellbare, mail konnte nicht, nachricht konnte nicht,
    non remis, non distribuable, échec de, message non, notification d'état, avis de non,
    no se puede entregar, no se pudo entregar, no entregado, no entregable, mensaje devuelto,
    correo devuelto, fallo en la entrega, error de entrega, mancato recapito, non recapitabile,
    impossibile recapitare, notifica di mancato, não entregue, não é possível entregar, falha na entrega,
    mensagem devolvida, nie można dostarczyć, nie dostarczono, niedostarczon, niedoręczon, zwrot wiadomości,
    zwrot poczty, onbestelbaar, nedoručiteln, nelze doručit, kan inte levereras, kunne ikke leveres,
    toimitus epäonnistui, недоставлен, не доставлен, ошибка доставки, не удалось доставить, возврат,
    недоставлене, 配信不能, 配信でき, 送信エラー, 配送エラー, 配信失敗, 送信でき, 不達, エラーメール,
    系统退信, 退信, 投递失败, 无法投递, 未送达, 无法传递, 傳遞失敗,
    退件, 전송 실패, 반송, 배달 실패, niedostarczaln, nie udało się dostarczyć, zwrot maila, zustellfehler,
    kan ikke leveres, kunde inte levereras, vrácená zpráva, nedoručená, не удается доставить, лист не доставлено,
    не вдалося доставити, недоставлений, kézbesíthetetlen, teslim edilemedi, nelivrabil, nu poate fi livrat,
    메일 전송 실패, 배달되지 않음, notice: mail delivery status, permanent delivery failure,
    message you sent blocked, mail non distribué
    """
)
"""How the subject of a delivery report begins; never a sign alone, people write so too."""


SUBJECTS_WITHIN = _table("的退信, 退信通知, 退信提醒, メール配信エラー, メール送信エラー")
"""What only the subject of one has, wherever it stands."""
