"""Hostile mails against everything that reads them, for a moment in the suite and for long by `make fuzz`."""
