"""The goals of `docs/performance.md`, one small function for each measurement, by theme."""
