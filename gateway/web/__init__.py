"""HTTP at the edge: the public ticket page, health and metrics."""
