"""Other helpdesks, measured beside ours, each in an environment of its own."""
