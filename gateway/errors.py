"""What can go wrong, by what the caller can do about it.

    GatewayError
    ├─ ConfigError         a key of the configuration is wrong; names the key and the mend
    ├─ StoreError          the store could not answer: try the same thing again
    │   ├─ StoreFull       … because the disk (or a quota) is full
    │   └─ StoreDoubtful   … and nobody knows what of it is on the disk: only a new start can tell
    ├─ DeskError           a verb was refused; carries a catalogue key, never a sentence
    │   ├─ NotFound        no such thing, or not yours to see
    │   ├─ Denied          yours to see, not yours to do
    │   ├─ Invalid         a value is wrong; names the field
    │   └─ Conflict        right once, no longer
    └─ CourierError        what the next mail server said of a letter
        ├─ Retry           transient: 4xx, network, TLS
        ├─ Refused         permanent: 5xx for this letter
        └─ Uncertain       the connection ended between the final dot and its reply

They are raised where they are known and translated once, at the edge (SMTP reply, HTTP
status, exit code, fate of an inbound mail).
"""

from __future__ import annotations


class GatewayError(Exception):
    """Anything this program raises on purpose."""


class ConfigError(GatewayError):
    """The configuration cannot be used as it is."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        super().__init__(f"{key}: {problem}" if key else problem)


class StoreError(GatewayError):
    """The store did not do it; nothing was changed, and trying again may help."""


class StoreFull(StoreError):
    """No room left for what should have been stored."""


class StoreDoubtful(StoreError):
    """The disk failed to keep what was written (a failed fsync), and may have forgotten more."""


class DeskError(GatewayError):
    """A verb of the desk was refused. `key` is a key of the message catalogue."""

    def __init__(self, key: str, **values: str | int) -> None:
        self.key = key
        self.values = values
        super().__init__(key)


class NotFound(DeskError):
    """There is no such thing, or it is not for this person to see."""


class Denied(DeskError):
    """This person may not do that."""


class Invalid(DeskError):
    """A value given by a person is wrong."""

    def __init__(self, field: str, key: str, **values: str | int) -> None:
        self.field = field
        super().__init__(key, **values)


class Conflict(DeskError):
    """The thing has changed meanwhile."""


class CourierError(GatewayError):
    """What became of one letter at the next mail server; `reply` holds its last words."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        super().__init__(reply)


class Retry(CourierError):
    """Transient: try again later (RFC 5321 §4.2.1, 4yz)."""


class Refused(CourierError):
    """Permanent for this letter (RFC 5321 §4.2.1, 5yz to RCPT, DATA or the final dot)."""


class Uncertain(CourierError):
    """Sent, but the reply to the final dot never came (RFC 5321 §4.5.3.2.6)."""
