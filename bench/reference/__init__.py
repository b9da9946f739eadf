"""Yardsticks: small servers that never change, so that ratios stay comparable over time."""
