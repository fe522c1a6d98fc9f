"""Errors in words: one sentence that says what, where, and how to fix it."""

from __future__ import annotations

from hedgerow.domain.errors import (
    ConcurrentUpdate,
    EmbeddingFailed,
    HedgerowError,
    InputRefused,
    KeyUnknown,
    ModelUnavailable,
    NewsUnavailable,
    SecretUnreadable,
    UnknownEventVersion,
)

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
        case UnknownEventVersion():
            return (
                f"a newer Hedgerow has written {error.kind} events in version "
                f"{error.schema_version}, this one knows up to {error.newest_known}: "
                "use the newer one."
            )
        case KeyUnknown():
            return (
                f"vault: key {error.key_id} is not at hand; restore the vault's key file from a "
                "backup, or give that key to HEDGEROW_VAULT_KEY."
            )
        case SecretUnreadable():
            return (
                f"{error.place}: {error.problem}; restore that row from a backup, or connect the "
                "exchange account again."
            )
        case EmbeddingFailed():
            return (
                f"{error.service}: {error.problem} ({error.attempts} attempts); try again later, "
                "or see HEDGEROW_EMBEDDINGS_URL."
            )
        case ModelUnavailable():
            attempts = "1 attempt" if error.attempts == 1 else f"{error.attempts} attempts"
            return f"{error.model}: {error.problem} ({attempts}); `hedgerow doctor` asks it again."
        case NewsUnavailable():
            return (
                f"news of {error.source}: {error.problem}; try again later, or see "
                "HEDGEROW_NEWS_FEEDS."
            )
        case _:
            return f"{error} — nothing was half done; please report this with the command you ran."
