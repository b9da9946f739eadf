"""What writing a letter needs, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config import Settings
from gateway.mail.template import Stationery
from gateway.mail.token import Keyring


@dataclass(frozen=True, slots=True)
class Desktop:
    """The configuration, the keys that seal and the templates."""

    settings: Settings
    keys: Keyring
    stationery: Stationery
