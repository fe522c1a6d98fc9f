"""Errors in words: one sentence that says what, where, and how to fix it."""

from __future__ import annotations

from hedgerow.domain.errors import ConcurrentUpdate, EmbeddingFailed, HedgerowError, InputRefused


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
        case EmbeddingFailed():
            return (
                f"{error.service}: {error.problem} ({error.attempts} attempts); try again later, "
                "or see HEDGEROW_EMBEDDINGS_URL."
            )
        case _:
            return f"{error} — nothing was half done; please report this with the command you ran."
