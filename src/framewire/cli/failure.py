"""What a command that failed ends with: a line on the standard error, and status 1."""


class CommandError(Exception):
    """The command failed; the text says why."""
