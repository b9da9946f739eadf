"""Addresses that no person writes from, by their local parts. RFC 2142, RFC 5321 §4.5.1."""

from __future__ import annotations

import re

from gateway.mail.evidence import Evidence

_DAEMONS = frozenset({"mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon"})
_ROLES = frozenset(
    {
        *(
            "postmaster",
            "root",
            "daemon",
            "cron",
            "nobody",
            "www-data",
            "apache",
            "mailer",
            "monitoring",
            "nagios",
        ),
        *(
            "notification",
            "notifications",
            "notify",
            "alerts",
            "bounce",
            "bounces",
            "newsletter",
            "newsletters",
        ),
    }
)
_RESPONDERS = frozenset(
    {"autoreply", "auto-reply", "autoresponder", "auto-responder", "autorespond", "vacation"}
)
_DONT_ANSWER = (
    r"(?:do[-_.]?not|dont|no|not)[-_.]?reply",  # en
    r"(?:bitte[-_.]?)?nicht[-_.]?antworten|keine[-_.]?antwort",  # de
    r"ne[-_.]?pas[-_.]?repondre|pas[-_.]?de[-_.]?reponse",  # fr
    r"no[-_.]?(?:responder|contestar|responda)",  # es
    r"(?:nao|non)[-_.]?(?:rispondere|responda|responder)",  # it, pt
    r"nie[-_.]?odpowiadaj|bez[-_.]?odpowiedzi",  # pl
    r"niet[-_.]?(?:beantwoorden|antwoorden|reageren)|geen[-_.]?antwoord",  # nl
    r"ne[-_.]?odpov(?:id|ed)a(?:t|jte)",  # cs, sk
    r"ne[-_.]?otvech(?:at|ayte)|ne[-_.]?vidpovida(?:ty|yte)",  # ru, uk
    r"(?:svara?[-_.]?(?:inte|ej|ikke))|(?:ej|ikke|ingen)[-_.]?svar",  # sv, da, nb
    r"ala[-_.]?vastaa|ei[-_.]?vastausta",  # fi
)
_NO_REPLY = re.compile(rf"(?:^|[-_.+0-9])(?:{'|'.join(_DONT_ANSWER)})(?![a-z])")
_LIST = re.compile(r"owner-.|.+-(?:bounces?|owner)(?:[+=].*)?$|.+-return-[0-9]+-")


def is_mailer_daemon(evidence: Evidence) -> bool:
    """A mail server speaks."""
    return not _DAEMONS.isdisjoint(evidence.sender_names)


def is_no_reply(evidence: Evidence) -> bool:
    """The address itself says that it wants no answer."""
    return any(_NO_REPLY.search(name) for name in evidence.sender_names)


def is_role(evidence: Evidence) -> bool:
    """The address of a part of a system."""
    return not _ROLES.isdisjoint(evidence.sender_names)


def is_responder(evidence: Evidence) -> bool:
    """The address of a program that answers."""
    return not _RESPONDERS.isdisjoint(evidence.sender_names)


def is_list(evidence: Evidence) -> bool:
    """A list manager sent it on: majordomo, Mailman, ezmlm."""
    return any(_LIST.match(name) for name in evidence.carrier_names)
