"""What can go wrong at somebody else's IMAP server, by what is to be done about it."""

from __future__ import annotations


class Trouble(Exception):
    """The connection cannot be used any more, or never could: begin anew after a while."""


class LoginRefused(Trouble):
    """The server does not take our login: it is not hammered, and a human hears of it."""


class NotDone(Exception):
    """The server would not do one thing, or its answer made no sense; the connection is good for others."""
