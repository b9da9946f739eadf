"""`helpgate demo`: the daemon with nothing configured and a mail catcher for a smarthost."""
