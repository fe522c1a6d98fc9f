"""Errors in words: one sentence that says what, where, and how to fix it."""

from __future__ import annotations

from hedgerow.domain.errors import ConcurrentUpdate, HedgerowError, InputRefused

EXIT_DIFFERENCES = 1
"""The exit code of a command that looked for differences and found some."""


def sentence(error: HedgerowError) -> str:
    """One clear sentence for a person."""
    match error:
        case InputRefused():
            return f"{error.where}: {error.what}; {error.fix}."
        case ConcurrentUpdate():
            return (
                f"the fund of user {error.user_id} was saved by another process meanwhile; "
                "nothing of this step was kept: run the command again."
            )
        case _:
            return f"{error} — nothing was half done; please report this with the command you ran."
