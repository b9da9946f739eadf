"""Desks: their addresses, sealed and plain, and what the operator may set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.desk.tables import STATUSES, Desk, FormerAddress
from gateway.errors import Conflict, Invalid, NotFound
from gateway.mail.address import address_key, parse_address
from gateway.mail.token import Keyring, Purpose
from gateway.store.unit import Unit

TOKEN = "{token}"
PATTERN = "{local}+{token}@{domain}"
LOCAL_MAX = 28  # with a separator; 36 more for the token make the 64 of RFC 5321 §4.5.3.1.1


@dataclass(frozen=True, slots=True)
class Destination:
    """The desk an address leads to, and what stood in it beside the plain address."""

    desk: Desk
    detail: str


class Directory:
    """Every desk by every form of its address: a value, made anew when desks change.

    Old letters can always be answered: former addresses lead to their desk, where no desk has them now.
    hosts: the first desk of each domain, those of before included.
    """

    def __init__(self, desks: Sequence[Desk], former: Sequence[FormerAddress] = ()) -> None:
        self.desks = {desk.id: desk for desk in desks}
        self._plain = {desk.address_key: desk for desk in desks}
        self._patterns = [(_compile(pattern), desk) for desk in desks for pattern in _sealed(desk)]
        before = [(one.pattern, self.desks[one.desk_id]) for one in former]
        self.hosts = {pattern.rpartition("@")[2]: desk for pattern, desk in reversed(before)}
        self.hosts |= {desk.address_key.rpartition("@")[2]: desk for desk in reversed(desks)}
        self._former_plain = {pattern: desk for pattern, desk in before if TOKEN not in pattern}
        self._former_patterns = [(_compile(pattern), desk) for pattern, desk in before if TOKEN in pattern]
        self._found = lru_cache(maxsize=512)(self._find)  # a mail's addresses are asked about again and again

    def find(self, address: str) -> Destination | None:
        """Where mail to this address goes, or None for nobody of ours. RFC 5233 §1."""
        return self._found(address)

    def _find(self, address: str) -> Destination | None:
        key = address_key(address)
        return _find(key, self._plain, self._patterns) or _find(
            key, self._former_plain, self._former_patterns
        )

    def is_ours(self, address: str) -> bool:
        """Whether mail to this address comes back to us."""
        return self.find(address) is not None


def directory(unit: Unit) -> Directory:
    """The directory as it is now."""
    return Directory(everyone(unit), unit.rows(FormerAddress, "1 = 1"))


def everyone(unit: Unit) -> list[Desk]:
    """Every desk, oldest first."""
    return unit.rows(Desk, "1 = 1 ORDER BY id")


def named(unit: Unit, name: str) -> Desk:
    """The desk of this name. Raises NotFound."""
    desk = unit.row(Desk, "lower(name) = lower(?)", name)
    if desk is None:
        raise NotFound("desk.unknown", name=name)
    return desk


def by_id(unit: Unit, id: int) -> Desk:
    """The desk with this id. Raises NotFound."""
    desk = unit.row(Desk, "id = ?", id)
    if desk is None:
        raise NotFound("desk.unknown", name=str(id))
    return desk


def add(unit: Unit, name: str, address: str) -> Desk:
    """A new desk. Raises Invalid or Conflict."""
    name, plain = _checked_name(name), _checked_address("address", address)
    if unit.row(Desk, "address_key = ? OR lower(name) = lower(?)", address_key(plain), name):
        raise Conflict("desk.exists", name=name, address=plain)
    _refuse_long_local(plain, PATTERN)
    id = unit.insert(
        Desk,
        name=name,
        address=plain,
        address_key=address_key(plain),
        reply=PATTERN,
        bounce=PATTERN,
        created_at=unit.now,
    )
    return by_id(unit, id)


def change(unit: Unit, desk: Desk, settings: dict[str, str]) -> Desk:
    """Set values of a desk, given as text by their names. Raises Invalid that names the field."""
    columns: dict[str, str | int | None] = {}
    for name, text in settings.items():
        if name not in _SETTERS:
            raise Invalid(name, "desk.unknown_setting", name=name, known=" ".join(_SETTERS))
        columns[name] = _SETTERS[name](name, text.strip())
    address = str(columns.get("address", desk.address))
    columns["address_key"] = address_key(address)
    for pattern in ("reply", "bounce"):
        _refuse_long_local(address, str(columns.get(pattern, getattr(desk, pattern))))
    clash = unit.row(
        Desk,
        "(address_key = ? OR lower(name) = lower(?)) AND id <> ?",
        columns["address_key"],
        str(columns.get("name", desk.name)),
        desk.id,
    )
    if clash is not None:
        raise Conflict("desk.exists", name=clash.name, address=clash.address)
    unit.change(Desk, desk.id, **columns)
    changed = by_id(unit, desk.id)
    _keep_former(unit, desk, changed)
    return changed


def former(unit: Unit, desk: Desk) -> list[str]:
    """The addresses a desk had before and takes mail at, `{token}` in the place of a token."""
    return [one.pattern for one in unit.rows(FormerAddress, "desk_id = ? ORDER BY pattern", desk.id)]


def forget(unit: Unit, desk: Desk, pattern: str) -> None:
    """Take no more mail at an address of before, as `former` tells it. Raises NotFound."""
    if pattern not in former(unit, desk):
        raise NotFound("desk.never_had", name=desk.name, address=pattern)
    unit.run("DELETE FROM former_address WHERE desk_id = ? AND pattern = ?", desk.id, pattern)


def sealed_reply(desk: Desk, keys: Keyring, purpose: Purpose, handle: int, newest: int = 0) -> str:
    """Where answers to a letter go: the desk's address with a token, or plain where the host has none."""
    return _fill(desk.reply, desk, keys.seal(purpose, handle, newest)) if desk.reply else desk.address


def sealed_path(desk: Desk, keys: Keyring, handle: int) -> str:
    """The reverse-path of one letter: it says which letter failed. RFC 5321 §4.4."""
    return _fill(desk.bounce, desk, keys.seal(Purpose.PATH, handle)) if desk.bounce else desk.address


def domain(desk: Desk) -> str:
    """The domain of a desk's address, for Message-IDs."""
    return desk.address.rpartition("@")[2]


def delay_ms(desk: Desk, default_s: int) -> int:
    """How long a letter waits for more to say."""
    seconds = default_s if desk.delay_s is None else desk.delay_s
    return 0 if desk.instantly else seconds * 1000


def _keep_former(unit: Unit, before: Desk, now: Desk) -> None:
    """What led to the desk leads there for ever: letters with it are in people's mailboxes."""
    gone = {before.address_key, *_sealed(before)} - {now.address_key, *_sealed(now)}
    for pattern in sorted(gone):
        unit.add(FormerAddress, desk_id=now.id, pattern=pattern)


def _find(
    key: str, plain: dict[str, Desk], patterns: list[tuple[re.Pattern[str], Desk]]
) -> Destination | None:
    if desk := plain.get(key):
        return Destination(desk, "")
    found = [(match[1], desk) for pattern, desk in patterns if (match := pattern.fullmatch(key))]
    if not found:
        return None
    detail, desk = min(found, key=lambda one: len(one[0]))  # a desk may be at another one's sub-address
    return Destination(desk, detail)


def _sealed(desk: Desk) -> list[str]:
    """The forms of a desk's sealed addresses, for comparing, with `{token}` in the place of the token."""
    patterns = dict.fromkeys(filter(None, (desk.reply, desk.bounce)))
    return [address_key(_fill(pattern, desk, TOKEN)) for pattern in patterns]


def _fill(pattern: str, desk: Desk, token: str) -> str:
    local, _, host = desk.address.rpartition("@")
    return pattern.replace("{local}", local).replace("{domain}", host).replace("{token}", token)


def _compile(pattern: str) -> re.Pattern[str]:
    """A pattern for every address a sealed one can be, and any other detail in the token's place."""
    return re.compile(re.escape(pattern).replace(re.escape(TOKEN), "([^@]+)"))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise Invalid("name", "desk.bad_name")
    return name


def _checked_address(field: str, text: str) -> str:
    plain = parse_address(text)
    if plain is None:
        raise Invalid(field, "address.unreadable", address=text)
    return plain


def _refuse_long_local(address: str, pattern: str) -> None:
    """A sealed address must fit. RFC 5321 §4.5.3.1.1."""
    if not pattern:
        return
    local = pattern.rpartition("@")[0].replace("{local}", address.rpartition("@")[0]).replace("{token}", "")
    if len(local.encode()) > LOCAL_MAX:
        raise Invalid("address", "desk.local_part_too_long", limit=LOCAL_MAX)


def _name(name: str, text: str) -> str:
    return _checked_name(text)


def _seconds(name: str, text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) > 86_400:
        raise Invalid(name, "desk.bad_seconds", name=name)
    return int(text)


def _switch(name: str, text: str) -> int:
    words = {"yes": 1, "true": 1, "on": 1, "1": 1, "no": 0, "false": 0, "off": 0, "0": 0}
    if text.lower() not in words:
        raise Invalid(name, "desk.bad_switch", name=name)
    return words[text.lower()]


def _status(name: str, text: str) -> str:
    if text not in STATUSES:
        raise Invalid(name, "desk.bad_status", known=" ".join(STATUSES))
    return text


def _pattern(name: str, text: str) -> str:
    if text and (text.count("{token}") != 1 or text.count("@") != 1 or "{token}" not in text.split("@")[0]):
        raise Invalid(name, "desk.bad_pattern", name=name, example=PATTERN)
    return text


def _locale(name: str, text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?", text):
        raise Invalid(name, "desk.bad_locale", locale=text)
    return text


def _timezone(name: str, text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):  # a zone that is not there is a KeyError
        raise Invalid(name, "desk.bad_timezone", timezone=text) from None
    return text


def _senders(name: str, text: str) -> str:
    return " ".join(_checked_address(name, one) for one in text.replace(",", " ").split())


_SETTERS = {
    "name": _name,
    "address": _checked_address,
    "delay_s": _seconds,
    "instantly": _switch,
    "answered_status": _status,
    "closed_letter": _switch,
    "reply": _pattern,
    "bounce": _pattern,
    "form_senders": _senders,
    "locale": _locale,
    "timezone": _timezone,
}
SETTINGS = tuple(_SETTERS)
