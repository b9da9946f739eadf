"""The configuration: one TOML file, every key also from the environment, nothing unknown.

`config.example.toml` names every key with its unit and default. `[web] base_url` is
`HELPGATE_WEB__BASE_URL` in the environment, which wins. A secret `<key>` can be given as
`<key>_file`. Relative paths are relative to the folder of the file.

`tables` says what can be configured, `loading` how it gets here.
"""

from __future__ import annotations

from gateway.config.loading import build, load
from gateway.config.tables import (
    FILTER_FIELDS,
    PREFIX,
    Acknowledge,
    Authentication,
    Filter,
    Imap,
    Network,
    Settings,
    keys,
)

__all__ = [
    "FILE_NAME",
    "FILTER_FIELDS",
    "PREFIX",
    "Acknowledge",
    "Authentication",
    "Filter",
    "Imap",
    "Network",
    "Settings",
    "build",
    "keys",
    "load",
]

FILE_NAME = "helpgate.toml"
