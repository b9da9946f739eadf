"""The tables of the configuration: every key there is, of which kind, and its default."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

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

    def lying_in(self, folder: Path) -> Self:
        """The same, with relative paths starting in `folder`."""
        moved = self.model_copy()
        moved._folder = folder
        return moved

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


def _networks(value: Any) -> Any:
    if isinstance(value, str):
        value = [part for part in value.replace(",", " ").split() if part]
    return tuple(ipaddress.ip_network(one, strict=False) if isinstance(one, str) else one for one in value)
