"""The phrases of the languages that Helpgate promises to know. A phrase is added here and nowhere else."""

from __future__ import annotations

from gateway.mail.quote.language import Language

LANGUAGES = {
    "en": Language(
        opens="on|at|in a message dated",
        wrote="wrote|writes|sent|has written|quoting|excerpts from",
        personal="i|you|your|he|she|we|they|me|us|my|our|his|her|their|the",
        sender="from",
        date="sent|date|sent on",
        to="to",
        cc="cc|bcc|reply-to|reply to|importance|attachments|priority|sender|organization",
        subject="subject",
        original="original message|original appointment|original email|original mail|reply message"
        "|replied message|previous message",
        forwarded="forwarded message|begin forwarded message|forwarded mail|forwarded email|fwd|forwarded by"
        "|start of forwarded message|forwarded letter",
        sent_from="sent from|sent via|sent with|sent using|get outlook for|get bluemail for|composed on"
        "|written on my|typed on my",
    ),
    "pl": Language(
        opens="w dniu|dnia|dn.",
        wrote="napisał|napisała|napisali|pisze|napisano|wiadomość napisana przez|cytowanie",
        personal="mi|mnie|nam|mój|moja|nasz|nasza|wasz|wasza|państwa|pan|pani|pański",
        sender="od|nadawca",
        date="wysłano|wysłane|data|data wysłania|wysłany",
        to="do|adresat|odbiorca",
        cc="dw|udw|kopia|do wiadomości|odpowiedź do",
        subject="temat",
        original="wiadomość oryginalna|oryginalna wiadomość|wiadomość pierwotna|treść oryginalnej wiadomości"
        "|oryginalny e-mail",
        forwarded="wiadomość przekazana|przekazana wiadomość|przesłana wiadomość|przekazywana wiadomość"
        "|początek przekazywanej wiadomości|początek przekazanej wiadomości"
        "|treść przekazanej wiadomości|treść przekazywanej wiadomości",
        sent_from="wysłano z|wysłane z|wysłano za|wysłana z|pobierz outlook|pobierz program outlook"
        "|pobierz aplikację outlook|uzyskaj outlook",
    ),
    "uk": Language(
        opens="у|в|о",
        wrote="пише|написав|написала|писав|писала|написали|писали|цитування",
        personal="мені|нам|мій|моя|наш|наша|ваш|ваша|я|він|вона",
        sender="від|від кого",
        date="дата|надіслано|відправлено",
        to="кому|до",
        cc="копія",
        subject="тема",
        original="оригінальне повідомлення|початкове повідомлення|вихідне повідомлення|оригінал повідомлення",
        forwarded="переслане повідомлення|пересланий лист|початок пересланого повідомлення"
        "|переадресоване повідомлення",
        sent_from="надіслано з|надісланий з|надіслано із|відправлено з|відправлено із|відіслано з|завантажте outlook"
        "|отримати outlook",
    ),
    "de": Language(
        opens="am|vom|um",
        wrote="schrieb|schrieben|schreibt|hat geschrieben|geschrieben|zitat von",
        personal="ich|mir|mich|wir|uns|er|sie|ihr|ihre|ihren|mein|meine|unser|unsere|euer|eure|der|die|das",
        sender="von|absender",
        date="gesendet|datum|gesendet am|verschickt",
        to="an|empfänger",
        cc="kopie|antwort an|antworten an|priorität|wichtigkeit|anlagen",
        subject="betreff|betrifft",
        original="ursprüngliche nachricht|originalnachricht|original-nachricht|original nachricht"
        "|antwort nachricht|antwortnachricht|ursprünglicher termin|ursprüngliche mail|originalmail"
        "|urspruengliche nachricht|originale nachricht|ursprüngliche e-mail",
        forwarded="weitergeleitete nachricht|weitergeleitete mail|weitergeleitete e-mail"
        "|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail"
        "|beginn der weitergeleiteten nachricht|beginn der weitergeleiteten e-mail|weitergeleitet von",
        sent_from="von meinem|gesendet von|gesendet mit|gesendet über|diese nachricht wurde von meinem"
        "|von yahoo mail|outlook für|holen sie sich outlook|von unterwegs gesendet|gesendet aus|von iphone"
        "|verschickt mit",
    ),
    "fr": Language(
        opens="le",
        wrote="a écrit|a ecrit|écrit|a répondu|ont écrit",
        personal="je|j'ai|m'a|m'ont|il|elle|nous|vous|mon|votre|vos|notre",
        sender="de|expéditeur",
        date="envoyé|envoyé le|envoyée|date|date d'envoi",
        to="à|a|destinataire|pour",
        cc="copie à|copie|répondre à|importance",
        subject="objet|sujet",
        original="message d'origine|message original|message initial|message d’origine|mail original"
        "|courriel original|rendez-vous d'origine",
        forwarded="message transféré|message réexpédié|message transmis|début du message transféré"
        "|début du message réexpédié|mail transféré|courriel transféré",
        sent_from="provenance : courrier|provenance: courrier|envoyé de|envoyé depuis|envoyé à partir|envoyé avec"
        "|envoyé par samsung|envoyé via"
        "|télécharger outlook|obtenir outlook|téléchargez outlook|obtenez outlook",
    ),
    "es": Language(
        opens="el|en",
        wrote="escribió|escribio|ha escrito|escribe|escribieron|citando a",
        personal="yo|me|mi|nos|usted|ustedes|nuestro|vuestro|vuestra",
        sender="de|remitente",
        date="enviado|enviado el|fecha|enviada|enviados",
        to="para|a|destinatario",
        cc="cco|con copia|responder a",
        subject="asunto",
        original="mensaje original|mensaje de origen|correo original",
        forwarded="mensaje reenviado|inicio del mensaje reenviado|correo reenviado|mensaje enviado",
        sent_from="enviado desde|enviado con|enviado de mi|enviado por samsung|obtener outlook|obtén outlook"
        "|descargar outlook|enviado mediante",
    ),
    "cs": Language(
        opens="dne",
        wrote="napsal|napsala|napsali|píše|napsal/a|cituji",
        personal="mi|mně|nám|můj|moje|náš|váš|vaše|já",
        sender="od|odesílatel",
        date="odesláno|datum|posláno",
        to="komu|pro|příjemce",
        cc="kopie|skrytá kopie",
        subject="předmět",
        original="původní zpráva|původní e-mail|původní email|původní mail|originální zpráva",
        forwarded="přeposlaná zpráva|přeposlaný e-mail|přeposlaný email|začátek přeposílané zprávy"
        "|přesměrovaná zpráva|předaná zpráva",
        sent_from="odesláno z|odesláno ze|posláno z|posláno ze|odesláno pomocí|stáhnout outlook"
        "|získat outlook|získejte outlook",
    ),
    "sk": Language(
        opens="dňa|dna",
        wrote="napísal|napísala|napísali|napísal/a|píše|citujem",
        personal="mi|mne|nám|môj|moja|náš|váš|vaša|ja",
        sender="od|odosielateľ",
        date="odoslané|dátum|poslané",
        to="komu|pre|príjemca",
        cc="kópia|skrytá kópia",
        subject="predmet",
        original="pôvodná správa|pôvodný e-mail|pôvodný email|pôvodný mail",
        forwarded="preposlaná správa|preposlaný e-mail|preposlaný email|začiatok preposlanej správy"
        "|začiatok preposielanej správy",
        sent_from="odoslané z|odoslané zo|poslané z|poslané zo|odoslané pomocou|získať outlook"
        "|stiahnuť outlook",
    ),
    "it": Language(
        opens="il|in data|il giorno",
        wrote="ha scritto|scrive|ha inviato|scriveva|scrisse|citando",
        personal="io|mi|ci|mio|mia|nostro|vostro|vostra|suo",
        sender="da|mittente",
        date="inviato|inviato il|data|inviata",
        to="a|per|destinatario",
        cc="ccn|risposta|rispondi a|priorità",
        subject="oggetto|ogg",
        original="messaggio originale|messaggio originario|messaggio di origine",
        forwarded="messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato"
        "|messaggio inoltrato da|inoltro messaggio",
        sent_from="inviato da|inviato dal|inviato con|inviata da|inviato tramite|scarica outlook"
        "|ottieni outlook",
    ),
    "nl": Language(
        opens="op",
        wrote="schreef|geschreven|schrijft|schreven|citeren",
        personal="ik|mij|wij|ons|mijn|onze|uw|jullie|hij|zij",
        sender="van|afzender",
        date="verzonden|datum|verzonden op|verstuurd",
        to="aan|ontvanger",
        cc="beantwoorden|antwoord aan|prioriteit",
        subject="onderwerp|betreft",
        original="oorspronkelijk bericht|origineel bericht|oorspronkelijke bericht|originele bericht"
        "|oorspronkelijke e-mail|originele mail",
        forwarded="doorgestuurd bericht|begin doorgestuurd bericht|doorgestuurde e-mail|doorgestuurde bericht"
        "|begin van doorgestuurd bericht",
        sent_from="verstuurd vanaf|verzonden vanaf|verzonden met|verstuurd met|verzonden vanuit|verstuurd vanuit"
        "|verzonden via|verstuurd via|verstuurd van|verzonden van|outlook voor|download outlook",
    ),
    "pt": Language(
        opens="em|no dia|a|à|às",
        wrote="escreveu|escreveram|escreve|citando",
        personal="eu|me|nos|meu|minha|nosso|vosso|vossa|seu|sua",
        sender="de|remetente",
        date="enviado|enviada|enviada em|enviado em|data|enviado a|data de envio",
        to="para|destinatário",
        cc="cópia|com cópia|responder para|responder a",
        subject="assunto",
        original="mensagem original|mensagem de origem|mensagem inicial",
        forwarded="mensagem encaminhada|mensagem reencaminhada|início da mensagem encaminhada"
        "|início da mensagem reencaminhada|início de mensagem reencaminhada",
        sent_from="enviado do|enviado de|enviado a partir|enviado pelo meu|enviado pelo yahoo|enviado via|enviada do"
        "|obter o outlook|obtenha o outlook|baixar outlook|enviado com",
    ),
    "sv": Language(
        opens="den|på|kl.|kl",
        wrote="skrev|skriver|skrivit|citerar",
        personal="jag|mig|oss|min|vår|er|ni|han|hon",
        sender="från|avsändare",
        date="skickat|datum|skickades|skickad",
        to="till|mottagare",
        cc="kopia|svar till|prioritet",
        subject="ämne|rubrik",
        original="ursprungligt meddelande|originalmeddelande|ursprungliga meddelandet|original meddelande",
        forwarded="vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrat mejl"
        "|början på vidarebefordrat meddelande|vidarebefordrat mail",
        sent_from="skickat från|skickades från|skickad från|skickat med|skickat via|hämta outlook|skaffa outlook",
    ),
    "da": Language(
        opens="den|d.",
        wrote="skrev|skriver|citat",
        personal="jeg|mig|os|min|vores|jeres|han|hun",
        sender="fra|afsender",
        date="sendt|dato|sendt den",
        to="til|modtager",
        cc="besvar til|svar til|prioritet",
        subject="emne|vedr",
        original="oprindelig meddelelse|original meddelelse|oprindelig besked|oprindelig mail|oprindelig e-mail"
        "|original besked",
        forwarded="videresendt meddelelse|videresendt besked|start på videresendt besked|videresendt mail"
        "|begyndelse på videresendt besked|start på videresendt meddelelse",
        sent_from="sendt fra|sendt via|sendt med|hent outlook|afsendt fra",
    ),
    "nb": Language(
        opens="den|på|kl.",
        wrote="skrev|skriver|siterer",
        personal="jeg|meg|oss|min|vår|deres|han|hun",
        sender="fra|avsender",
        date="sendt|dato|sendt den",
        to="til|mottaker",
        cc="kopi|svar til|prioritet",
        subject="emne",
        original="opprinnelig melding|original melding|opprinnelig e-post|originalmelding"
        "|opprinneleg melding",
        forwarded="videresendt melding|start på videresendt melding|videresendt e-post"
        "|begynnelse på videresendt melding|vidaresend melding",
        sent_from="sendt fra|sendt via|sendt med|hent outlook|få outlook|skaff outlook|last ned outlook",
    ),
    "fi": Language(
        wrote="kirjoitti|kirjoittaa|kirjoittivat|lainaus",
        personal="minä|minulle|meille|teidän|hän",
        sender="lähettäjä",
        date="lähetetty|päivämäärä|päiväys|pvm",
        to="vastaanottaja|vastaanottajat",
        cc="kopio|vastausosoite",
        subject="aihe",
        original="alkuperäinen viesti|alkuperäinen sähköposti",
        forwarded="välitetty viesti|edelleenlähetetty viesti|välitetty viesti alkaa|alkaa välitetty viesti"
        "|lähetetty edelleen|edelleenlähetetty viesti alkaa",
        sent_from="lähetetty iphone|lähetetty ipad|lähetetty android|lähetetty samsung|lähetetty minun|lähetetty laitt"
        "|lähetetty mobiil|lähetetty puhelimest|lähetetty windows|lähetetty outlook|lähetetty huawei"
        "|lähetetty sähköposti|hanki outlook|lataa outlook",
    ),
    "ru": Language(
        opens="в|во|в письме от",
        wrote="написал|написала|написали|пишет|писал|писала|писали|написано|цитирование",
        personal="я|мне|нам|мой|моя|наш|наша|ваш|ваша|он|она",
        sender="от|от кого|отправитель",
        date="отправлено|дата|отправлен|дата отправки",
        to="кому|получатель",
        cc="копия|скрытая копия",
        subject="тема",
        original="исходное сообщение|оригинальное сообщение|первоначальное сообщение|исходное письмо"
        "|оригинал сообщения|предыдущее сообщение",
        forwarded="пересылаемое сообщение|пересланное сообщение|пересылаемое письмо|пересланное письмо"
        "|начало переадресованного сообщения|переадресованное сообщение|начало пересылаемого сообщения"
        "|переадресованное письмо|перенаправленное сообщение",
        sent_from="отправлено с|отправлено из|отправлено через|отправлено от|отправлено со|послано с"
        "|скачать outlook|получить outlook",
    ),
    "ja": Language(
        wrote="のメール|のメッセージ|書きました|書き込みました|に書いた|が書いた|は書きました",
        personal="担当者|御社|貴社|私",
        sender="差出人|送信者|送信元|発信者",
        date="送信日時|日付|日時|送信|送信日|date",
        to="宛先|送信先",
        cc="ｃｃ|同報",
        subject="件名|題名",
        original="元のメッセージ|元のメール|オリジナルメッセージ|original message",
        forwarded="転送メッセージ|転送されたメッセージ|転送|以下、転送メッセージ|転送されたメール|転送元メール"
        "|ここから転送メール",
        sent_from="outlook for",
        sent_from_end="から送信|から送信されました|から送信しています|を入手|より送信",
    ),
    "zh": Language(
        opens="在|于|於",
        wrote="写道|寫道|写到|寫到|写|寫",
        personal="您|你|我|贵公司|貴公司",
        sender="发件人|寄件者|寄件人|发信人|發件人|發信人",
        date="发送时间|日期|傳送時間|发送日期|时间|時間|寄件日期|發送時間|发件时间|寄件時間",
        to="收件人|收件者",
        cc="抄送|副本|密送",
        subject="主题|主旨|主題|标题",
        original="原始邮件|原始郵件|原邮件|原始信件|邮件原件|原始訊息|原郵件|原始消息|回复的原邮件|回复的邮件",
        forwarded="转发的邮件|轉寄的郵件|转发邮件|轉寄郵件|已转发邮件|已轉寄的郵件|转发邮件信息"
        "|開始轉寄郵件|转发的消息|轉寄的訊息|开始转发的邮件|下面是转发的邮件",
        sent_from="发自|發自|从我的|從我的|获取|獲取|取得|来自我的|下载适用于",
    ),
}
