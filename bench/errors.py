"""What can stop a measurement."""

from __future__ import annotations


class CannotMeasure(Exception):
    """A measurement could not be made; the text says why in one line."""
