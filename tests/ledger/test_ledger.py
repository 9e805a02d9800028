"""The ledger finds what is planted, and nothing else."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.ledger import Ledger, Route
from tests.ledger.record import NO_ANSWER, Received, Sent
from tests.ledger.verdict import Place, Verdict

ROUTES = {"order": Route(frozenset({"exact", "ordered"}), frozenset({"guest"})), "refund": Route(frozenset({"buried"}))}


def a_send(seq: int, *, status: int = 202, route: str = "order", key: str = "k") -> Sent:
    return Sent(0, seq, key, route, status)


def a_request(trigger: str, seq: int, *, status: int = 202, key: str = "k", is_altered: bool = False) -> Received:
    return Received(trigger, 0, seq, key, 0.0, status, is_altered)


def a_ledger(*records: Sent | Received) -> Ledger:
    ledger = Ledger(ROUTES, ordered=["ordered"])
    for record in records:
        if isinstance(record, Sent):
            ledger.sent(record)
        else:
            ledger.received(record)
    return ledger


def clean(count: int) -> list[Sent | Received]:
    """So many events of one key, each delivered to both of its Triggers."""
    return [
        *(a_send(seq) for seq in range(count)),
        *(a_request(trigger, seq) for seq in range(count) for trigger in ("exact", "ordered")),
    ]


def findings(verdict: Verdict) -> list[Sequence[Place]]:
    return [
        verdict.lost,
        verdict.misrouted,
        verdict.unasked,
        verdict.reordered,
        verdict.altered,
        verdict.unexplained,
    ]


def test_a_clean_history_has_no_finding() -> None:
    verdict = a_ledger(*clean(50)).verdict()
    assert [] == verdict.findings
    assert (50, 50, 100, 0) == (verdict.sent, verdict.stored, verdict.delivered, verdict.duplicates)


def test_one_lost_event_is_found() -> None:
    history = [record for record in clean(50) if record != a_request("exact", 17)]
    verdict = a_ledger(*history).verdict()
    assert [Place("exact", 0, 17)] == verdict.lost
    assert ["1 lost: 0.17 at exact"] == verdict.findings


def test_what_the_server_says_waits_is_not_lost() -> None:
    """It tells how many wait, not which: what is missing beyond that is lost."""
    ledger = a_ledger(a_send(0), a_send(1), a_request("exact", 0), a_request("ordered", 0), a_request("ordered", 1))
    assert (1, []) == (ledger.verdict({"exact": 1}).waiting, ledger.verdict({"exact": 1}).lost)
    assert (0, 1) == (ledger.verdict({"ordered": 1}).waiting, len(ledger.verdict({"ordered": 1}).lost))


def test_one_misrouted_event_is_found() -> None:
    verdict = a_ledger(*clean(50), a_request("buried", 17)).verdict()
    assert [Place("buried", 0, 17)] == verdict.misrouted
    assert 1 == len(verdict.findings)


def test_a_dead_letter_of_a_trigger_that_did_not_want_the_event_is_misrouted() -> None:
    verdict = a_ledger(*clean(1), a_request("buried/deadletter", 0)).verdict()
    assert [Place("buried/deadletter", 0, 0)] == verdict.misrouted


def test_a_trigger_that_may_get_an_event_need_not() -> None:
    verdict = a_ledger(*clean(2), a_request("guest", 1)).verdict()
    assert [] == verdict.findings


def test_one_event_out_of_its_order_is_found() -> None:
    verdict = a_ledger(a_send(0), a_send(1), *(a_request(to, at) for to in ("exact", "ordered") for at in (1, 0)))
    assert [Place("ordered", 0, 0)] == verdict.verdict().reordered
    assert 1 == len(verdict.verdict().findings)


def test_an_event_that_overtakes_one_that_is_being_retried_is_out_of_order() -> None:
    ledger = a_ledger(a_send(0), a_send(1), a_request("exact", 0), a_request("exact", 1))
    for seq, status in ((0, 503), (1, 202), (0, 202)):
        ledger.received(a_request("ordered", seq, status=status))
    assert [Place("ordered", 0, 0)] == ledger.verdict().reordered


def test_other_keys_overtake() -> None:
    first, second = a_send(0, key="a"), a_send(1, key="b")
    ledger = a_ledger(first, second, a_request("exact", 0), a_request("exact", 1))
    ledger.received(a_request("ordered", 1, key="b"))
    ledger.received(a_request("ordered", 0, key="a"))
    assert [] == ledger.verdict().findings


def test_one_duplicate_without_a_stop_is_found() -> None:
    verdict = a_ledger(*clean(50), a_request("exact", 17)).verdict()
    assert [Place("exact", 0, 17)] == verdict.unexplained
    assert 1 == len(verdict.findings)


def test_a_duplicate_after_a_stop_is_counted_for_it() -> None:
    """For the last stop before it, once for each time."""
    ledger = a_ledger(*clean(3))
    for _ in range(3):
        ledger.stopped()
    ledger.received(a_request("exact", 1))
    ledger.received(a_request("exact", 2))
    ledger.stopped()
    ledger.received(a_request("exact", 2))
    verdict = ledger.verdict()
    assert [] == verdict.findings
    assert (3, {0: 2, 3: 1}, 2) == (verdict.duplicates, verdict.duplicates_by_stop, verdict.duplicates_max)


def test_an_event_that_was_on_its_way_at_a_stop_may_come_twice_after_it() -> None:
    """From the log, and from where it waited. One that was sent since then may not."""
    ledger = a_ledger(a_send(0, route="refund"))
    ledger.stopped()
    ledger.sent(a_send(1, route="refund"))
    for seq in (0, 0, 1):
        ledger.received(a_request("buried", seq))
    assert ([], {0: 1}) == (ledger.verdict().findings, ledger.verdict().duplicates_by_stop)
    ledger.received(a_request("buried", 1))
    assert [Place("buried", 0, 1)] == ledger.verdict().unexplained


def test_while_a_stop_lasts_what_is_sent_may_come_again() -> None:
    ledger = a_ledger()
    ledger.stopped(is_over=False)
    for seq in range(2):
        if seq:
            ledger.over()
        ledger.sent(a_send(seq, route="refund"))
        for _ in range(2):
            ledger.received(a_request("buried", seq))
    assert ({0: 1}, [Place("buried", 0, 1)]) == (ledger.verdict().duplicates_by_stop, ledger.verdict().unexplained)


def test_a_refused_attempt_is_no_delivery() -> None:
    ledger = a_ledger(a_send(0, route="refund"), a_request("buried", 0, status=503))
    assert [Place("buried", 0, 0)] == ledger.verdict().lost
    ledger.received(a_request("buried", 0))
    assert [] == ledger.verdict().findings


def test_an_unanswered_request_is_no_delivery() -> None:
    ledger = a_ledger(a_send(0, route="refund"), a_request("buried", 0, status=NO_ANSWER))
    assert [Place("buried", 0, 0)] == ledger.verdict().lost


def test_a_dead_letter_is_not_lost_wherever_it_is_kept() -> None:
    ledger = a_ledger(*(a_send(seq, route="refund") for seq in range(2)))
    ledger.received(a_request("buried/deadletter", 0))
    ledger.buried("buried", 0, 1)
    assert ([], 2) == (ledger.verdict().findings, ledger.verdict().dead_lettered)


def test_what_was_not_acknowledged_may_be_nowhere_but_not_half_stored() -> None:
    ledger = a_ledger(a_send(0, status=NO_ANSWER))
    assert ([], 1) == (ledger.verdict().findings, ledger.verdict().unknown)
    ledger.received(a_request("exact", 0))
    assert [Place("ordered", 0, 0)] == ledger.verdict().lost


def test_what_was_refused_is_delivered_to_nobody() -> None:
    verdict = a_ledger(a_send(0, status=503), a_request("exact", 0)).verdict()
    assert [Place("exact", 0, 0)] == verdict.unasked
    assert 1 == verdict.refused


def test_what_was_refused_may_be_stored_where_the_servers_answer_may_be_lost() -> None:
    """Whole, or not at all; other refusals are certain."""
    ledger = Ledger(ROUTES, is_503_uncertain=True)
    for seq, status in enumerate((503, 503, 400)):
        ledger.sent(a_send(seq, status=status))
    for trigger in ("exact", "ordered"):
        ledger.received(a_request(trigger, 0))
    assert ([], 3) == (ledger.verdict().findings, ledger.verdict().refused)
    ledger.received(a_request("exact", 1))
    ledger.received(a_request("exact", 2))
    assert [[Place("ordered", 0, 1)], [], [Place("exact", 0, 2)]] == findings(ledger.verdict())[:3]


def test_where_keys_move_an_era_ends_and_order_with_it() -> None:
    """What was sent before and after may overtake one another; in an era without order anything may."""
    ledger = Ledger(ROUTES, ordered=["ordered"])
    for seq in range(2):
        ledger.sent(a_send(seq))
    ledger.era(is_ordered=False)
    for seq in range(2, 4):
        ledger.sent(a_send(seq))
    ledger.era(is_ordered=True)
    for seq in range(4, 6):
        ledger.sent(a_send(seq))
    for seq in (4, 3, 2, 0, 1):
        ledger.received(a_request("ordered", seq))
    assert [] == ledger.verdict().reordered
    ledger.sent(a_send(6))
    for seq in (6, 5):
        ledger.received(a_request("ordered", seq))
    assert [Place("ordered", 0, 5)] == ledger.verdict().reordered


def test_what_nobody_sent_is_found() -> None:
    verdict = a_ledger(*clean(3), a_request("exact", 3)).verdict()
    assert [Place("exact", 0, 3)] == verdict.unasked


def test_a_changed_byte_is_found() -> None:
    verdict = a_ledger(a_send(0, route="refund"), a_request("buried", 0, is_altered=True)).verdict()
    assert [Place("buried", 0, 0)] == verdict.altered


def test_a_send_that_was_not_written_down_is_an_error_of_the_test() -> None:
    with pytest.raises(ValueError, match="producer 0 wrote down 2 after 0"):
        a_ledger(a_send(0), a_send(2))


def test_a_summary_names_every_count() -> None:
    verdict = a_ledger(*clean(2)).verdict()
    expected = (
        "2 sent (2 stored, 0 refused, 0 unknown), 4 delivered, 0 dead-lettered, 0 waiting, "
        "0 lost, 0 misrouted, 0 reordered, 0 duplicates (at most 0 of one stop)"
    )
    assert expected == verdict.summary


@given(st.permutations(range(12)), st.data())
def test_each_planted_fault_is_found_whatever_the_order(order: list[int], data: st.DataObject) -> None:
    """In any order of arrival: one event taken away, given twice or given elsewhere is one finding of its kind."""
    sends = [a_send(seq, route="refund") for seq in range(12)]
    requests = [a_request("buried", seq) for seq in order]
    assert [] == a_ledger(*sends, *requests).verdict().findings
    planted = data.draw(st.sampled_from(order))
    place = Place("buried", 0, planted)
    without = [request for request in requests if request.seq != planted]
    assert [[place], [], [], [], [], []] == findings(a_ledger(*sends, *without).verdict())
    twice = [*requests, a_request("buried", planted)]
    assert [[], [], [], [], [], [place]] == findings(a_ledger(*sends, *twice).verdict())
    elsewhere = [*requests, a_request("exact", planted)]
    assert [[], [Place("exact", 0, planted)], [], [], [], []] == findings(a_ledger(*sends, *elsewhere).verdict())


def test_deliveries_are_counted_once_each() -> None:
    ledger = a_ledger(*clean(3))
    ledger.stopped()
    ledger.received(a_request("exact", 1))
    ledger.received(a_request("exact", 1, status=503))
    assert (3, 0) == (ledger.delivered("exact"), ledger.delivered("buried"))
    assert (2, 0) == (ledger.repeats["exact"], ledger.repeats["ordered"])
