"""How many files and connections the system lets us have open at a time: getrlimit(2)."""

from __future__ import annotations

import resource

from gateway.config import Settings
from gateway.log import logger

OURS = 100  # the store's files for each thread, pipes to readers, a smarthost, mailboxes

log = logger("daemon")


def claim(settings: Settings, pages: int) -> None:
    """Take as many as every connection at once would need, `pages` browsers among them; say so where we may not.

    When they are spent, mail is put off and connections end unanswered: nothing is lost, but nobody tells why.
    """
    listeners = bool(settings.smtp.listen) + bool(settings.lmtp.listen)
    wanted = OURS + pages + listeners * settings.smtp.max_connections
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if wanted <= allowed or allowed == resource.RLIM_INFINITY:
        return
    granted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, most))
    if granted < wanted:
        log.warning("few open files", allowed=granted, wanted=wanted)
