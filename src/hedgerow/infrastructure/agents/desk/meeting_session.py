"""The session of one meeting while it lasts: in memory, for nobody else is to write it."""

from __future__ import annotations

from typing import Any

from google.adk.sessions.base_session_service import (
    BaseSessionService,
    GetSessionConfig,
    ListSessionsResponse,
)
from google.adk.sessions.session import Session


class MeetingSession(BaseSessionService):
    """A session service that knows one session.

    A meeting has a dozen events a second and nobody to share them with; they are stored together
    when it is over. What was paid for is recorded call by call before (usecases/model_calls.py), so
    that a meeting whose process dies is held again at no cost, and to the letter.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """There is the one, and there will be no other."""
        raise AssertionError("a meeting has one session")

    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """The session itself: it is not copied."""
        return self.session if self.session.id == session_id else None

    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """The one there is."""
        return ListSessionsResponse(sessions=[self.session])

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """A meeting is not undone."""
        raise AssertionError("a meeting keeps its session")
