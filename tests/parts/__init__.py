"""Real programs, and servers that misbehave, started by the tests on free loopback ports."""
