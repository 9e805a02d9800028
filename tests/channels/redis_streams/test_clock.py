"""The clock of parked deliveries is the server's, and goes only forward."""

from channels.redis_streams.clock import ServerClock


def test_it_counts_on_from_what_the_server_said() -> None:
    """In the middle between question and answer."""
    now_s = [10.0]
    clock = ServerClock(lambda: now_s[0])
    clock.learn(50_000_000, 9.0, 10.0)
    assert 50_500_000 == clock.now_us()
    now_s[0] = 12.0
    assert (52_500_000, 53_500_000) == (clock.now_us(), clock.now_us(1.0))


def test_a_surer_answer_moves_it_forward_only() -> None:
    """One that is less sure, or earlier, changes nothing."""
    clock = ServerClock(lambda: 0.0)
    clock.learn(1_000_000, 0.0, 0.0 + 0.4)
    before_us = clock.now_us()
    clock.learn(9_000_000, 0.0, 0.5)
    assert before_us == clock.now_us()
    clock.learn(1_000, 0.0, 0.3)
    assert before_us == clock.now_us()
    clock.learn(2_000_000, 0.0, 0.2)
    assert 1_900_000 == clock.now_us()
