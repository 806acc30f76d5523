"""Errors that end a command with one plain message."""


class InputError(Exception):
    """Bad input or usage: what, where, limit, remedy. Ends a command with exit code 2 and nothing written."""


class RunError(Exception):
    """A run could not be finished or kept. Ends a command with exit code 1; the record up to there survives."""
