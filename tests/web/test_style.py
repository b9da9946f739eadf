"""The two palettes of the public pages, by their numbers."""

from __future__ import annotations

import re

import pytest

from tests.source import ROOT


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast_is_enough(dark: bool) -> None:
    """WCAG 2.2, 1.4.3: 4.5 for text; 1.4.11: 3 for the bars and frames that mean something."""
    palette = _palettes()[dark]
    grounds = ("page", "support", "client", "internal", "added")
    texts = [(text, ground) for text in ("text", "muted", "link", "error") for ground in grounds]
    texts += [(f"on-{name}", name) for name in ("open", "pending", "onhold", "solved", "closed", "accent")]
    for text, ground in texts:
        assert _contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    for bar in ("accent", "support-bar", "client-bar", "error"):
        assert _contrast(palette[bar], palette["page"]) >= 3, bar


def _palettes() -> tuple[dict[str, str], dict[str, str]]:
    """The colours of the style, light and dark, by name."""
    css = (ROOT / "web_public" / "page.css").read_text(encoding="utf-8")
    colour = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
    light, dark = (dict(colour.findall(block)) for block in css.split(":root")[1:])
    assert light.keys() == dark.keys()
    return light, dark


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`. WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
