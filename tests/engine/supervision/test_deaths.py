"""How long an engine's grave stays open, and when it is closed for good."""

from service.engine.supervision.deaths import DeathRecord


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_death_is_answered_at_once_and_further_ones_more_slowly() -> None:
    record = DeathRecord(limit=5, window_seconds=600, clock=Clock())
    assert [record.back_off() for _ in range(5)] == [0.0, 1.0, 2.0, 4.0, None]


def test_deaths_before_the_window_do_not_count() -> None:
    clock = Clock()
    record = DeathRecord(limit=3, window_seconds=600, clock=clock)
    for _ in range(20):
        assert record.back_off() == 0.0
        clock.now += 601


def test_the_back_off_has_a_limit() -> None:
    record = DeathRecord(limit=100, window_seconds=600, clock=Clock())
    assert [record.back_off() for _ in range(20)][-1] == 30.0
