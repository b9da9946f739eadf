"""The configuration as it is given: read from its file and the environment, checked, its secrets fetched."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.clock import from_rfc3339
from gateway.config.tables import PREFIX, Imap, Section, Settings, keys
from gateway.errors import ConfigError

One = TypeVar("One", bound=Section)


def load(file: Path) -> Settings:
    """The configuration in `file`, checked. Raises ConfigError that names the key and the mend."""
    if not file.is_file():
        raise ConfigError(
            "",
            f"there is no configuration file {file}: run `helpgate init` to make one, or name it with --config",
        )
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("", f"{file} is not valid TOML: {error}") from None
    settings = build(tree, file.absolute().parent)
    _refuse_readable_secrets(file, settings)
    return settings


def build(tree: dict[str, Any], folder: Path) -> Settings:
    """The configuration in a tree of tables, with the environment laid over it."""
    _refuse_unknown_environment()
    try:
        settings = Settings(**tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(key, _mend(first["type"], first["msg"], key)) from None
    return _with_secret_files(settings.lying_in(folder))


def _mend(kind: str, message: str, key: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; {_nearest(key)}config.example.toml lists every key"
    return f"{message[0].lower()}{message[1:]}"


def _nearest(key: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, [name for name, _ in keys()], 1)
    return f"did you mean {close[0]}? " if close else ""


def _refuse_unknown_environment() -> None:
    known = {PREFIX + name.upper().replace(".", "__") for name, _ in keys()} | {PREFIX + "CONFIG"}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and "__" in name and name.upper() not in known:
            raise ConfigError(name, "unknown key in the environment; config.example.toml lists every key")


def _with_secret_files(settings: Settings) -> Settings:
    """The secrets that stand in files of their own, put in their places."""
    smarthost = _opened(settings, settings.smarthost, "smarthost", "password")
    store = _opened(settings, settings.store, "store", "url")
    mailboxes = tuple(
        _opened(settings, one, f"imap.{number}", "password", "oauth_client_secret")
        for number, one in enumerate(settings.imap)
    )
    for number, one in enumerate(mailboxes):
        _refuse_half_logins(f"imap.{number}", one, mailboxes[:number])
    return settings.model_copy(update={"smarthost": smarthost, "store": store, "imap": mailboxes})


def _opened(settings: Settings, section: One, name: str, *secrets: str) -> One:
    """A table with the secrets that it names files for."""
    found = {}
    for key in secrets:
        if file := getattr(section, f"{key}_file"):
            default = type(section).model_fields[key].default
            given = getattr(section, key)
            found[key] = _secret(settings, f"{name}.{key}", file, "" if given == default else given)
    return section.model_copy(update=found) if found else section


def _refuse_half_logins(key: str, one: Imap, before: tuple[Imap, ...]) -> None:
    """A mailbox has one way to log in, whole, and is named once."""
    if bool(one.password) == bool(one.oauth):
        raise ConfigError(f"{key}.password", "give a password (or password_file), or oauth, and not both")
    if one.oauth and not one.oauth_client_id:
        raise ConfigError(
            f"{key}.oauth_client_id", "oauth needs the id that the provider gave to this program"
        )
    if one.oauth == "generic" and not one.oauth_token_url:
        raise ConfigError(f"{key}.oauth_token_url", "a generic provider needs its address for tokens")
    if one.since not in ("new", "all"):
        try:
            from_rfc3339(one.since)
        except ValueError:
            raise ConfigError(
                f"{key}.since", f"{one.since} is no day: write new, all or 2026-11-21"
            ) from None
    if any(other.name == one.name for other in before):
        raise ConfigError(f"{key}.folder", f"{one.name} is there twice")


def _secret(settings: Settings, key: str, name: str, given: str) -> str:
    if given:
        raise ConfigError(f"{key}_file", "give the secret or its file, not both")
    file = settings.path(name)
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{key}_file", f"cannot read {file}: {error.strerror}") from None
    _refuse_readable(file, f"{key}_file")
    return secret


def _refuse_readable_secrets(file: Path, settings: Settings) -> None:
    """A file that holds a secret must not be readable by others (mode 0640 at most)."""
    smarthost, store = settings.smarthost, settings.store
    secrets: list[tuple[object, str]] = [
        (smarthost.password, smarthost.password_file),
        (":" in _login(store.url), store.url_file),
    ]
    for one in settings.imap:
        secrets += [
            (one.password, one.password_file),
            (one.oauth_client_secret, one.oauth_client_secret_file),
        ]
    if any(secret and not own_file for secret, own_file in secrets):
        _refuse_readable(file, "")


def _login(url: str) -> str:
    """The `user:password` of a URL, or nothing."""
    return url.partition("://")[2].rpartition("@")[0]


def _refuse_readable(file: Path, key: str) -> None:
    if stat.S_IMODE(file.stat().st_mode) & 0o037:
        raise ConfigError(
            key, f"{file} holds a secret and others may read it: run `chmod 640 {file.name}` first"
        )
