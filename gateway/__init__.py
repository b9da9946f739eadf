"""Helpgate: an email-first helpdesk gateway. `docs/flow.md` follows one mail through it."""

__version__ = "0.1.0"
