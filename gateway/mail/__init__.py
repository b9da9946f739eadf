"""Mail as such: bytes to values and values to bytes, without a database and without a socket."""
