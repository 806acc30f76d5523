"""Errors that end a command with one plain message."""

EXIT_RUN, EXIT_INPUT = 1, 2
"""Exit codes."""


class InputError(Exception):
    """Bad input or usage: what, where, limit, remedy. Ends a command with exit code 2 and nothing written."""


class RunError(Exception):
    """A run could not be finished or kept. Ends a command with exit code 1; the record up to there survives."""
