"""Measures Helpgate from outside, against references and peers, and writes `docs/performance.md`."""
