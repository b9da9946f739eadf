"""The commands as an operator runs them: processes of their own beside a daemon."""
