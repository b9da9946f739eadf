"""What hostile mails are made of: the words that some reader looks for, and what breaks readers."""

from __future__ import annotations

# fmt: off

MARKS = (
    "\n", "\r\n", "\r", "\n\n", " ", "\t", "", "\x00", "\x0b", "\x85", "\xa0", "\u2028", "\ud800", "\ufeff",
)
"""What ends lines and words, and what must never be kept."""

LETTERS = (
    "a", "Z", "ß", "İ", "ı", "ł", "é", "e\u0301", "\u0301" * 40, "日本", "한", "ـ", "\u202e", "\u200b",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "ﬁ", "\u1e9b\u0323", "\u0344", "שּׁ", "K", ".",
)

ADDRESSES = (
    "jo@example.org", "Jo <jo@example.org>", '"Doe, Jo" <jo@example.org>', "jo@example.org (Jo)", "<>", "@",
    "<", "jo@a@b", "jo@[192.0.2.1]", '"a b"@example.org', "@a,@b:jo@example.org", "jo@bücher.example",
    "jö@example.org", "Group: a@example.org, b@example.org;", "undisclosed-recipients:;", "a..b.@example.jp",
    "=?utf-8?q?jo?=@example.org", "jo@example.org)eve@example.com", "(((", ")))", '"', '\\"', ",,,,", ";;",
    "help@desk.example", "MAILER-DAEMON",
)

WORDS = (
    "=?utf-8?q?=C3=BC?=", "=?utf-8?b?w7w=?=", "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "=?utf-8?q?", "?=",
    "=?x?b?!!!?=", "=?utf-8*de?q?a_b?=", "=?utf-7?q?+ADw-?=", "=?utf-16?b?/v8=?=",
    "=?utf-8?b?w7?= =?utf-8?b?w?=", "=?", "=?utf-8?q??=", "=?utf-8?q?=0A=0DBcc:_x?=", "=?utf-8?q?=00?=",
    "=?gb18030?b?gTCBMA==?=", "=?utf-8?q?=ED=A0=80?=",
)

PARAMETERS = (
    "; charset=utf-8", "; charset=utf-16", "; charset=iso-2022-jp", "; charset=utf-7", "; charset=hz",
    "; charset=x", "; boundary=b", '; boundary="b"', "; boundary=", '; boundary="',
    "; boundary=b; boundary=c", "; boundary*0=b", "; filename*=utf-8''%e2%82%ac.txt",
    "; filename*0*=utf-8''a%", "; filename*1=b", "; filename*999=z", "; name=../x", "; format=flowed",
    "; delsp=yes", "; start=<a>", "; report-type=delivery-status", "; filename=con", ";;;", '; a="\\',
    "; method=REQUEST", "; smime-type=enveloped-data", "; protocol=application/pgp-encrypted",
    "; name=winmail.dat",
)

TYPES = (
    "text/plain", "text/html", "text/calendar", "text/enriched", "text/rtf", "text/rfc822-headers", "text/",
    "/", "", "multipart/mixed", "multipart/alternative", "multipart/related", "multipart/report",
    "multipart/signed", "multipart/encrypted", "multipart/digest", "multipart/appledouble", "multipart/",
    "message/rfc822", "message/delivery-status", "message/feedback-report",
    "message/disposition-notification", "message/partial", "application/ms-tnef", "application/pkcs7-mime",
    "application/octet-stream", "image/png", "message/global",
)

ENCODINGS = (
    "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "BASE64 ", "=?q?", "",
)

FIELDS = (
    "From", "To", "Cc", "Reply-To", "Sender", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
    "Received", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID",
    "Content-Location", "Auto-Submitted", "Precedence", "List-Id", "X-Loop", "X-Failed-Recipients",
    "Return-Path", "X-Spam-Status", "Authentication-Results", "DKIM-Signature", "X-Auto-Response-Suppress",
    "Disposition-Notification-To", "MIME-Version",
)
"""Fields that some rule reads."""

VALUES = (
    "auto-replied", "auto-generated", "no", "bulk", "<one@example.org>", "<a> <b> <c>",
    "Mon, 3 Feb 2025 10:00:00 +0100", "Mon, 99 Foo 99999 99:99:99 +9999", "1 Jan 0001 00:00 +2400",
    "Automatic reply: x", "Re: [#2616-2] x", "attachment", "inline",
    "mx.desk.example; dmarc=pass header.from=example.org", "mx.desk.example; dkim=pass (((", "Yes, score=9",
    "v=1; a=rsa-sha256; d=example.org; s=k; h=from:from; bh=AAAA; b=AAAA", "v=1; a=ed25519-sha256; l=-1; b=;",
)

QUOTES = (
    "> ", ">", ">>>>", "> > ", ">\xa0", "|", "\n> quoted line of some length\n", "-- \n", "--\nJo Doe\n",
    "Sent from my iPhone\n", "On Mon, 3 Feb 2025 at 10:00, Jo Doe <jo@example.org> wrote:\n",
    "On Mon, Jo\n<jo@example.org>\nwrote:\n", "wrote:\n", "-----Original Message-----\n",
    "-- write your reply above this line --\n", "________________________________\n",
    "From: Jo\nSent: today\nTo: me\nSubject: x\n", "Von: Jo\nGesendet: heute\nAn: mich\nBetreff: x\n",
    "From:\n" * 5, "Am 03.02.2025 um 10:00 schrieb Jo:\n", "W dniu 3.02.2025 o 10:00, Jo pisze:\n",
    "Le 3 févr. 2025 à 10:00, Jo a écrit :\n", "2025年2月3日(月) 10:00 Jo <jo@example.org>:\n",
    "---------- Forwarded message ---------\n", "Begin forwarded message:\n", "My own words.\n", "Thanks!\n",
    "An answer of some length between the lines.\n", "*From:* Jo\n*Sent:* today\n",
)

TAGS = (
    "<b>", "</b>", "<p>", "</p>", "<div class=gmail_quote>", "</div>", "<blockquote type=cite>",
    "</blockquote>", "<br>", "<table>", "<tr>", "<td>", "</table>", "<ul><li>", "<ol start=9999><li>",
    "<pre>", "</pre>", "<hr id=stopSpelling>", "<a href=https://example.org/>", "<a href='javascript:1'>",
    "<a href=//x>", "</a>", "<img src=cid:a alt=x>", "<img src=x", "<script>", "</script>", "<style>",
    "</style", "<svg><style>", "<math>", "<!--", "-->", "<!", "<?", "<![CDATA[", "]]>", "<textarea>",
    "<template>", "<noscript>", "<title>", "<p onclick=x style=y>", "<", ">", "&", "&lt;script&gt;", "&#0;",
    "&#xd800;", "&nbsp;", "&ampamp;", '"', "'", "<a\x00b>", "<p dir=rtl dir=ltr>", "<div id=divRplyFwdMsg>",
    "<o:p>", "</", '<blockquote class="moz-cite-prefix">', "<div style='border-top:solid #E1E1E1 1.0pt'>",
    "<div name=quote>", "<form>",
)

REPORTS = (
    "Reporting-MTA: dns; mx.example.org\n", "\nFinal-Recipient: rfc822; jo@example.org\n", "Action: failed\n",
    "Action: delayed\n", "Status: 5.1.1\n", "Status: 4.4.7\n",
    "Diagnostic-Code: smtp; 550 5.1.1 nobody\n here\n", "Original-Recipient: rfc822;\n",
    "Hi. This is the qmail-send program at example.org.\n", "<jo@example.org>:\n550 no such user\n",
    "--- Below this line is a copy", "This is the mail system at host mx.example.org.\n",
    "<jo@example.org>: host mx said: 550 5.1.1 nobody (in reply to RCPT)\n",
    "This message was created automatically by mail delivery software.\n",
    "  jo@example.org\n    retry timeout exceeded\n", "Delivery has failed to these recipients or groups:\n",
    "Feedback-Type: abuse\n", "Message-ID: <one@desk.example>\n",
    "Your message to jo@example.org couldn't be delivered.\n",
    "The following addresses had permanent fatal errors\n",
)

OCTETS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xed\xa0\x80", b"\x1b$B", b"\x1b(B", b"\x0e\x0f", b"~{",
    b"\r", b"\n", b"--b\r\n", b"--b--\r\n", b"\n--b\n", b"--", b'x\x9f>"\x00\x00', b"{\\rtf1\\ansi ",
    b"BEGIN:VCALENDAR\r\n", b"begin 644 a.txt\n#0V%T\n`\nend\n", b"=\r\n", b"=3D=", b"====", b"AAAA",
    b"From x\n", b">From x\n", b"=?utf-8?q?",
    b"BEGIN:VEVENT\r\nDTSTART:20250203T100000Z\r\nRRULE:FREQ=SECONDLY\r\n",
    b"END:VEVENT\r\nEND:VCALENDAR\r\n", b"MIME-Version", b"-----BEGIN PGP MESSAGE-----\r\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----\r\n", b"0\x80\x06\t", b"LZFu", b"MELA",
)
EVENTS = (
    "DTSTART:20250203T100000Z\r\n", "DTEND;TZID=Europe/Berlin:20250203T110000\r\n", "SUMMARY:x\r\n",
    "METHOD:REQUEST\r\n",
    "DTSTART;VALUE=DATE:20250203\r\n", "ORGANIZER;CN=Jo:mailto:jo@example.org\r\n", "LOCATION:\\, \\n\r\n", ";X=\"",
    "ATTENDEE;PARTSTAT=DECLINED:mailto:a@b.example\r\n", "DESCRIPTION:long\r\n  folded\r\n", "BEGIN:VEVENT\r\n",
    "RRULE:FREQ=SECONDLY;COUNT=99999999\r\n", "END:VEVENT\r\n", "BEGIN:VALARM\r\n", "BEGIN:VTIMEZONE\r\nTZID:x\r\n",
    "END:VCALENDAR\r\n", "DTSTART:9", "DTSTART:00000000T999999Z\r\n", "DURATION:P9999999W\r\n", "EXDATE:1,2,3\r\n",
    "TZOFFSETFROM:+9999\r\n", "ATTACH;ENCODING=BASE64:=\r\n",
)

OBJECTS = (0x800C, 0x800F, 0x8010, 0x9002, 0x9003, 0x9005, 0x9007, 0x1000)
KINDS = (0x1E, 0x1F, 0xD, 0x102, 0x101E, 0x1003, 0x3, 0x40, 0x48, 0x99)
PROPERTIES = (0x1000, 0x1013, 0x1009, 0x3FDE, 0x370E, 0x3712, 0x3707, 0x3704, 0x3701, 0x8001)
"""What winmail.dat consists of: objects, kinds of values, numbers of properties. MS-OXTNEF §2.1.3."""
# fmt: on


def dictionary() -> list[bytes]:
    """Every piece once as octets, for whoever cuts and pastes mails."""
    texts = (
        *LETTERS,
        *ADDRESSES,
        *WORDS,
        *PARAMETERS,
        *TYPES,
        *ENCODINGS,
        *FIELDS,
        *VALUES,
        *QUOTES,
        *TAGS,
        *REPORTS,
        *EVENTS,
    )
    found = [text.encode("utf-8", "replace") for text in (*texts, *MARKS)]
    return sorted({*found, *OCTETS} - {b""})
