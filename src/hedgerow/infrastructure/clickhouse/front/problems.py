"""What the front refuses by itself, with the codes that ClickHouse has for it."""

from __future__ import annotations

from typing import Final

BAD_ARGUMENTS: Final = 36
NOT_IMPLEMENTED: Final = 48
CANNOT_DECOMPRESS: Final = 271
SESSION_NOT_FOUND: Final = 372
SESSION_IS_LOCKED: Final = 373
AUTHENTICATION_FAILED: Final = 516
# Statuses that a server answers with; every other error is a 500.
_STATUSES: Final = {
    BAD_ARGUMENTS: 400,
    62: 400,  # the statement cannot be parsed
    47: 404,  # unknown identifier
    60: 404,  # unknown table
    81: 404,  # unknown database
    NOT_IMPLEMENTED: 501,
    CANNOT_DECOMPRESS: 400,
    SESSION_NOT_FOUND: 404,
    SESSION_IS_LOCKED: 409,
    AUTHENTICATION_FAILED: 403,
}


class FrontProblem(Exception):
    """A request that is answered with an error, as ClickHouse words and numbers it."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUSES.get(self.code, 500)

    @property
    def text(self) -> str:
        """The body of the answer."""
        return f"Code: {self.code}. DB::Exception: {self.problem}\n"
