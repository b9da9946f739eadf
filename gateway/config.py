"""The configuration: one TOML file, every key also from the environment, nothing unknown.

`config.example.toml` names every key with its unit and default. `[web] base_url` is
`HELPGATE_WEB__BASE_URL` in the environment, which wins. A secret `<key>` can be given as
`<key>_file`. Relative paths are relative to the folder of the file.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from gateway.clock import from_rfc3339
from gateway.errors import ConfigError

FILE_NAME = "helpgate.toml"
PREFIX = "HELPGATE_"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text without control characters: a line end in it would be a command of its own to a server (T74)."""
FILTER_FIELDS = (
    "X-Spam-Flag|X-Spam-Status|X-Spam|X-Spam-Action|X-Rspamd-Action|X-Spamd-Result|X-Bogosity|X-DSPAM-Result"
    "|X-MS-Exchange-Organization-SCL|X-Forefront-Antispam-Report|X-Barracuda-Spam-Flag|X-Barracuda-Spam-Status"
    "|X-Virus-Status|X-Virus|X-Amavis-Alert"
)
"""What `mail.filters` can read."""
One = TypeVar("One", bound="Section")
Networks = Annotated[tuple[Network, ...], BeforeValidator(lambda value: _networks(value))]  # noqa: PLW0108 - defined below


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(Section):
    """[web]: the HTTP listener and the address people see in links."""

    listen: str = "127.0.0.1:8080"
    base_url: str = "http://localhost:8080"
    trusted_proxies: Networks = ()


class Smtp(Section):
    """[smtp]: the listener for mail from the world or from an MTA in front."""

    listen: str = "127.0.0.1:2525"
    hostname: str = Field(default_factory=socket.gethostname)
    max_message_octets: int = Field(26_214_400, ge=65_536)
    tls_certificate: str = ""
    tls_key: str = ""
    relays: Networks = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
    max_connections: int = Field(100, ge=1)
    max_connections_per_ip: int = Field(10, ge=1)


class Lmtp(Section):
    """[lmtp]: the listener for an MTA on this machine and for `helpgate deliver`."""

    listen: str = "unix:data/lmtp.sock"


class StoreSection(Section):
    """[store]: where everything is kept."""

    url: str = Field("sqlite", repr=False)
    url_file: str = ""


class Smarthost(Section):
    """[smarthost]: who takes our outgoing mail."""

    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = Field("", repr=False)
    password_file: str = ""
    machine_sender: Literal["verp", "null"] = "verp"


class Imap(Section):
    """[[imap]]: one folder of one mailbox whose mail is taken for a desk."""

    desk: Name
    host: Name
    port: int = Field(993, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    username: Name
    password: str = Field("", repr=False)
    password_file: str = ""
    oauth: Literal["", "google", "microsoft", "generic"] = ""
    oauth_client_id: Line = ""
    oauth_client_secret: str = Field("", repr=False)
    oauth_client_secret_file: str = ""
    oauth_authorize_url: Line = ""
    oauth_device_url: Line = ""
    oauth_token_url: Line = ""
    oauth_scope: Line = ""
    folder: Name = "INBOX"
    after: Annotated[Line, Field(pattern=r"^(keep|seen|delete|move:.+)$")] = "keep"
    since: Annotated[str, Field(pattern=r"^(new|all|\d{4}-\d{2}-\d{2})$")] = "new"
    recipient_headers: tuple[Line, ...] = ("Delivered-To",)

    @property
    def name(self) -> str:
        """What the mailbox is called everywhere; the port and the way in may change, and it stays the same."""
        return f"{self.username} at {self.host.lower()}, {self.folder}"


class Authentication(Section):
    """[authentication]: what proves who wrote."""

    authserv_id: str = ""
    verify: bool = True
    agents: Literal["token+from", "token+from+authentication"] = "token+from"


class Filter(Section):
    """[filter]: what becomes of mail that a filter in front calls spam or a virus."""

    effect: Literal["tag", "hold", "ignore"] = "tag"
    headers: tuple[Annotated[str, Field(pattern=f"^(?i:{FILTER_FIELDS})$")], ...] = tuple(
        FILTER_FIELDS.split("|")
    )


class Acknowledge(Section):
    """[acknowledge]: budgets for receipts; all but the last for people who have proven nothing; 0 is no limit."""

    per_address_day: int = Field(1, ge=0)
    per_ip_hour: int = Field(5, ge=0)
    per_domain_hour: int = Field(50, ge=0)
    total_hour: int = Field(200, ge=0)
    proven_total_hour: int = Field(2000, ge=0)


class Notify(Section):
    """[notify]: when letters leave, and how often they are tried. Seconds."""

    delay_s: int = Field(60, ge=0)
    hold_s: int = Field(20, ge=0)
    retry_s: tuple[int, ...] = Field((60, 300, 900, 1800, 3600), min_length=1)
    give_up_s: int = Field(432_000, ge=0)
    uncertain_retry_s: int = Field(1800, ge=0)


class Operator(Section):
    """[operator]: who hears, at most hourly, of what needs a human."""

    address: str = ""


class Templates(Section):
    """[templates]: a folder of letters laid over ours."""

    folder: str = ""


class Metrics(Section):
    """[metrics]: a listener of its own for /metrics; empty leaves it on the web listener."""

    listen: str = ""


class Settings(BaseSettings):
    """The whole configuration, frozen. `folder` is where relative paths start."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False
    )

    data_dir: str = "./data"
    web: Web = Web()
    smtp: Smtp = Smtp()
    lmtp: Lmtp = Lmtp()
    store: StoreSection = StoreSection()
    smarthost: Smarthost = Smarthost()
    imap: tuple[Imap, ...] = ()
    authentication: Authentication = Authentication()
    filter: Filter = Filter()
    acknowledge: Acknowledge = Acknowledge()
    notify: Notify = Notify()
    operator: Operator = Operator()
    templates: Templates = Templates()
    metrics: Metrics = Metrics()
    _folder: Path = Path(".")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file, which comes in as init arguments."""
        return env_settings, init_settings

    @property
    def folder(self) -> Path:
        """The folder of the configuration file."""
        return self._folder

    def path(self, text: str) -> Path:
        """A path of the configuration, made absolute."""
        return (self._folder / text).absolute()

    @property
    def data_folder(self) -> Path:
        """Where the embedded store and its sockets lie."""
        return self.path(self.data_dir)


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
    settings._folder = folder
    return _with_secret_files(settings)


def _mend(kind: str, message: str, key: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; {_nearest(key)}config.example.toml lists every key"
    return f"{message[0].lower()}{message[1:]}"


def _nearest(key: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, [name for name, _ in keys()], 1)
    return f"did you mean {close[0]}? " if close else ""


def keys() -> list[tuple[str, Any]]:
    """Every key as `section.key` with its default, in the order of the file."""
    found: list[tuple[str, Any]] = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            inner = type(field.default).model_fields
            found += [
                (f"{name}.{key}", one.get_default(call_default_factory=False)) for key, one in inner.items()
            ]
        else:
            found.append((name, field.default))
    return found


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
    changed = settings.model_copy(update={"smarthost": smarthost, "store": store, "imap": mailboxes})
    changed._folder = settings.folder
    return changed


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


def _networks(value: Any) -> Any:
    if isinstance(value, str):
        value = [part for part in value.replace(",", " ").split() if part]
    return tuple(ipaddress.ip_network(one, strict=False) if isinstance(one, str) else one for one in value)


__all__ = ["Settings", "build", "keys", "load"]
