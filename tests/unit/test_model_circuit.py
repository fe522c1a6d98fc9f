"""When a provider is left alone, and when it is asked again."""

from __future__ import annotations

import pytest

from hedgerow.infrastructure.models.circuit import Admission, Circuit
from hedgerow.infrastructure.models.faults import Fault, of_status
from hedgerow.infrastructure.models.patience import Pace, Patience

MOST = Pace(draw=lambda least, most: most)
BUSY = Fault("answered 429", is_passing=True)


@pytest.fixture
def circuit() -> Circuit:
    return Circuit(failures_max=3, rest_s=30.0)


def fail(circuit: Circuit, times: int, now_s: float = 0.0) -> None:
    for _ in range(times):
        circuit.failed(now_s)


def admits(circuit: Circuit, now_s: float) -> bool:
    return circuit.admit(now_s) is not Admission.REFUSED


class TestCircuit:
    def test_stays_closed_below_its_limit(self, circuit: Circuit) -> None:
        fail(circuit, 2)
        assert admits(circuit, 0.0)

    def test_opens_after_failures_in_a_row(self, circuit: Circuit) -> None:
        fail(circuit, 3)
        assert not admits(circuit, 29.9)

    def test_an_answer_between_failures_starts_the_row_anew(self, circuit: Circuit) -> None:
        fail(circuit, 2)
        circuit.answered()
        fail(circuit, 2)
        assert admits(circuit, 0.0)

    def test_lets_one_probe_through_after_its_rest(self, circuit: Circuit) -> None:
        fail(circuit, 3)
        assert [admits(circuit, 30.0) for _ in range(3)] == [True, False, False]

    def test_closes_once_the_probe_is_answered(self, circuit: Circuit) -> None:
        fail(circuit, 3)
        assert admits(circuit, 30.0)
        circuit.answered()
        circuit.left(Admission.PROBE)
        assert [admits(circuit, 30.0) for _ in range(3)] == [True] * 3

    def test_opens_again_where_the_probe_fails(self, circuit: Circuit) -> None:
        fail(circuit, 3)
        assert admits(circuit, 30.0)
        circuit.failed(31.0)
        circuit.left(Admission.PROBE)
        assert [admits(circuit, 60.9), admits(circuit, 61.0)] == [False, True]

    def test_a_probe_that_is_broken_off_makes_room_for_another(self, circuit: Circuit) -> None:
        fail(circuit, 3)
        assert admits(circuit, 30.0)
        circuit.left(Admission.PROBE)
        assert admits(circuit, 30.0)

    def test_a_call_from_before_it_opened_makes_no_room(self, circuit: Circuit) -> None:
        early = circuit.admit(0.0)
        fail(circuit, 3)
        assert circuit.admit(30.0) is Admission.PROBE
        circuit.left(early)
        assert circuit.admit(30.0) is Admission.REFUSED

    def test_rests_as_long_as_it_is_told(self, circuit: Circuit) -> None:
        circuit.rest(10.0, 100.0)
        circuit.rest(20.0, 5.0)
        assert [admits(circuit, 109.9), admits(circuit, 110.0)] == [False, True]


class TestPatience:
    def test_pauses_grow_to_a_limit(self) -> None:
        patience = Patience(attempts=9, pause_s=0.5, pause_s_max=5.0)
        pauses = [patience.pause_after(BUSY, attempt, MOST) for attempt in range(1, 7)]
        assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]

    def test_pauses_are_drawn_from_zero(self) -> None:
        least = Pace(draw=lambda least, most: least)
        assert Patience().pause_after(BUSY, 1, least) == 0.0

    def test_ends_with_the_last_attempt(self) -> None:
        assert Patience(attempts=2).pause_after(BUSY, 2, MOST) is None

    def test_what_the_provider_asks_for_comes_first(self) -> None:
        asked = Fault("answered 429", is_passing=True, retry_after_s=20.0)
        assert Patience(pause_s=0.5).pause_after(asked, 1, MOST) == 21.0

    def test_has_none_with_whoever_asks_for_too_much_or_will_not_change(self) -> None:
        too_long = Fault("answered 429", is_passing=True, retry_after_s=31.0)
        for fault in (too_long, Fault("answered 400", is_passing=False)):
            assert Patience(retry_after_s_max=30.0).pause_after(fault, 1, MOST) is None


PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 529, 599)
STAYING = (302, 400, 401, 402, 403, 404, 413, 422)


@pytest.mark.parametrize("status", [*PASSING, *STAYING])
def test_which_answers_may_pass(status: int) -> None:
    fault = of_status(status, {}, "HEDGEROW_OPENAI_API_KEY")
    assert fault.is_passing is (status in PASSING)
    assert str(status) in fault.problem


def test_milliseconds_go_before_seconds() -> None:
    headers = {"retry-after-ms": "1500", "retry-after": "7"}
    assert of_status(429, headers, "X").retry_after_s == 1.5
