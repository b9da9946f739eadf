"""The composition root: the one place that constructs things and decides in which order they start and end."""
