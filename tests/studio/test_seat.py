import pytest

from studio.seat import SILENT_SECS, Seat, SeatTakenError


class Now:
    secs = 0.0

    def __call__(self):
        return self.secs


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def seat(now):
    return Seat(now)


def test_the_first_browser_to_act_gets_the_seat(seat):
    seat.greet("watcher")
    seat.claim("driver")
    assert seat.holder == 2
    assert seat.holds("driver")


def test_a_second_browser_is_told_who_has_it(seat):
    seat.claim("a")
    with pytest.raises(SeatTakenError, match="Browser 1 has the seat; this is browser 2"):
        seat.claim("b")
    assert seat.holds("a")


def test_the_seat_can_be_taken_on_purpose(seat):
    seat.claim("a")
    seat.take("b")
    assert seat.holds("b")
    with pytest.raises(SeatTakenError):
        seat.claim("a")


def test_a_browser_that_left_frees_the_seat(seat):
    seat.claim("a")
    seat.leave("a")
    assert seat.holder is None
    seat.claim("b")


def test_a_browser_that_fell_silent_loses_the_seat_to_the_next(seat, now):
    seat.claim("a")
    now.secs = SILENT_SECS + 1
    assert seat.holder is None
    seat.claim("b")
    assert seat.holder == 2
