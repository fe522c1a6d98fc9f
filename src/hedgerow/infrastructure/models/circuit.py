"""A provider that fails again and again is left alone for a while."""

from __future__ import annotations

from enum import Enum


class Admission(Enum):
    """Whether, and as what, a call may be made."""

    CALL = "call"
    PROBE = "probe"
    REFUSED = "refused"


class Circuit:
    """Whether a provider is asked: closed, open for `rest_s`, then open to one probe.

    It opens after `failures_max` failures in a row. Once the rest is over a single call goes
    through: its answer closes the circuit, its failure opens it again. Moments are seconds of a
    clock that only goes forward.
    """

    def __init__(self, failures_max: int, rest_s: float) -> None:
        self._failures_max = failures_max
        self._rest_s = rest_s
        self._failures = 0
        self._open_until_s: float | None = None
        self._is_probed = False

    def admit(self, now_s: float) -> Admission:
        """Whether a call may be made now; whoever makes it says how it ended, and that it did."""
        if self._open_until_s is None:
            return Admission.CALL
        if now_s < self._open_until_s or self._is_probed:
            return Admission.REFUSED
        self._is_probed = True
        return Admission.PROBE

    def answered(self) -> None:
        """The provider is there, whatever it said."""
        self._failures = 0
        self._open_until_s = None

    def failed(self, now_s: float) -> None:
        """A call failed in a way that may pass."""
        self._failures += 1
        if self._failures >= self._failures_max:
            self.rest(now_s, self._rest_s)

    def rest(self, now_s: float, seconds: float) -> None:
        """Be open for so many seconds, or for longer where it is already."""
        self._open_until_s = max(self._open_until_s or now_s, now_s + seconds)

    def left(self, admission: Admission) -> None:
        """A call has ended, or was broken off; after a probe another may be made."""
        if admission is Admission.PROBE:
            self._is_probed = False
