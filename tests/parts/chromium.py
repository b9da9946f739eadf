"""Debian's Chromium, driven by Playwright, with no way to any other machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.parts import programs
from tests.source import ROOT

ARTIFACTS = ROOT / "artifacts"
DESKTOP = (1280, 900)
PHONE = (390, 844)

_OFFLINE = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
)


class Chromium:
    """One browser. Playwright's loop sits in the thread that started it; no other may run there meanwhile."""

    def __init__(self) -> None:
        self._program = programs.need("chromium", "chromium")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._said: list[str] = []

    def start(self) -> None:
        options = [*_OFFLINE, *(["--no-sandbox"] if programs.is_root() else [])]
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=self._program, args=options)

    def stop(self) -> None:
        if self._browser:
            self._browser.close()
        if self._playwright:
            self._playwright.stop()

    @contextmanager
    def page(
        self,
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        javascript: bool = True,
        locale: str = "en-GB",
    ) -> Iterator[Page]:
        """A page in a profile of its own; what its console says is kept for `log_text`."""
        assert self._browser, "start() comes first"
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            locale=locale,
            accept_downloads=True,
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: self._said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self._said.append(f"error: {error}"))
        try:
            yield page
        finally:
            context.close()

    def log_text(self) -> str:
        """Console lines and script errors of all pages so far."""
        return "\n".join(self._said)


def shot(page: Page, name: str) -> Path:
    """A picture of the whole page, kept as artifacts/NAME.png."""
    ARTIFACTS.mkdir(exist_ok=True)
    path = ARTIFACTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
