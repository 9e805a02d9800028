"""What must be true of a run, whatever happened in it. Each law says what breaks it, in words."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.simulation.ledger import PARK_AFTER_S, Ledger, Published, Request
from tests.simulation.plan import TriggerPlan

ACKED_WITHIN_S = 0.002
"""An acknowledgement is gathered for a turn of the loop; a commit that begins later than this has it."""
_EPSILON_S = 1e-6
_FOREVER = float("inf")


def violations(ledger: Ledger) -> list[str]:
    """All that is wrong, in the order of the laws."""
    return [*ledger.broken, *Judge(ledger).judge()]


class Judge:
    """One ledger, looked at from several sides."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.main: dict[tuple[str, str], list[Request]] = defaultdict(list)
        self.dead: dict[tuple[str, str], list[Request]] = defaultdict(list)
        self.by_event: dict[str, list[Request]] = defaultdict(list)
        for request in ledger.requests:
            (self.dead if request.is_to_dead_letter_sink else self.main)[request.trigger, request.event].append(request)
            self.by_event[request.event].append(request)
        found = {(letter.trigger, letter.event) for letter in ledger.letters}
        self.letters = {
            (trigger.name, event)
            for trigger in ledger.plan.triggers
            for name, event in found
            if trigger.resource == name
        }
        """By Trigger and event. The store knows resources only: of two of one name it may have been either's."""
        self._promote()
        self.is_disturbed = len(ledger.processes) > 1

    def _promote(self) -> None:
        """Of a batch whose producer never got an answer all events are stored where one is."""
        for event in self.ledger.published.values():
            if not event.receipt and event.brought_by is None and event.id in self.by_event:
                for one in event.batch:
                    one.receipt = "stored"
                    one.told_s = self.ledger.processes[one.process].ended_s

    def judge(self) -> Iterator[str]:
        yield from self.nothing_stored_is_lost()
        yield from self.nothing_is_misrouted()
        yield from self.what_was_refused_is_nowhere()
        yield from self.nothing_comes_twice()
        yield from self.attempts_are_counted()
        yield from self.retries_keep_their_time()
        yield from self.keys_keep_their_order()
        yield from self.rates_are_kept()
        yield from self.counters_tell_the_truth()

    # When an event may have been judged, and by which wishes.

    def windows(self, event: Published) -> list[tuple[float, float]]:
        """Times between which it was judged for sure, once for the process that took it and once for each later one."""
        found = []
        for number, process in enumerate(self.ledger.processes):
            if number < event.process:
                continue
            since_s = event.told_s if number == event.process else process.began_s
            calm_s = process.calm_s[event.broker]
            place = bisect_left(calm_s, since_s)
            until_s = calm_s[place] if place < len(calm_s) and event.receipt else process.ended_s
            found.append((event.sent_s if number == event.process else since_s, until_s))
        return found

    def _matched(self, trigger: TriggerPlan, event: Published) -> list[bool]:
        """Whether it matched at each moment at which it may have been judged; False where there was no Trigger."""
        wishes = self.ledger.wishes[trigger.name]
        if not wishes or trigger.broker != event.broker:
            return [False]
        if trigger.start == "earliest":
            found = [wish.matches(event.type) for _, wish in wishes]
            return found if self.ledger.plan.is_retained or event.sent_s > wishes[0][0] else [*found, False]
        found = []
        for since_s, until_s in self.windows(event):
            found.append(wishes[0][0] <= since_s)
            for place, (from_s, wish) in enumerate(wishes):
                to_s = wishes[place + 1][0] if place + 1 < len(wishes) else _FOREVER
                if from_s <= until_s and to_s >= since_s:
                    found.append(wish.matches(event.type))
        return found

    def must(self, trigger: TriggerPlan, event: Published) -> bool:
        return (
            self.is_stored(event) and trigger.name not in self.ledger.deleted_s and all(self._matched(trigger, event))
        )

    def may(self, trigger: TriggerPlan, event: Published) -> bool:
        return any(self._matched(trigger, event)) and event.receipt != "refused"

    def is_stored(self, event: Published) -> bool:
        """By its receipt; a reply has none: it is stored where the delivery that brought it was not tried again, nor
        is going to be.
        """
        brought = event.brought_by
        if brought is None:
            return event.receipt == "stored"
        return (
            brought.ended_s is not None and self.is_durable(brought.process, brought.ended_s) and self.is_last(brought)
        )

    def is_last(self, request: Request) -> bool:
        """With this success the delivery was over."""
        key = request.trigger, request.event
        total = self.ledger.totals.get(request.trigger)
        is_over = total is not None and not total.waiting
        return is_over and request is self.main[key][-1] and key not in self.letters and key not in self.dead

    # The laws.

    def nothing_stored_is_lost(self) -> Iterator[str]:
        """A stored event was delivered or dead-lettered for every Trigger that it matched, or waits."""
        missing: dict[str, list[str]] = defaultdict(list)
        for event in self.ledger.published.values():
            for trigger in self.ledger.plan.triggers:
                if self.must(trigger, event) and not self.is_settled(trigger.name, event.id):
                    missing[trigger.name].append(event.id)
        for name, events in missing.items():
            total = self.ledger.totals.get(name)
            waiting = 0 if total is None else total.waiting
            if len(events) > waiting:
                yield f"lost: {name} never got {', '.join(events[:5])} ({len(events)} events), and only {waiting} wait"

    def is_settled(self, trigger: str, event: str) -> bool:
        key = trigger, event
        return key in self.letters or any(r.is_success for r in (*self.main.get(key, ()), *self.dead.get(key, ())))

    def nothing_is_misrouted(self) -> Iterator[str]:
        triggers = self.ledger.triggers
        for trigger, event in {**self.main, **self.dead}:
            if not self.may(triggers[trigger], self.ledger.published[event]):
                yield f"misrouted: {trigger} got {event}, which it did not ask for"

    def what_was_refused_is_nowhere(self) -> Iterator[str]:
        for event in self.ledger.published.values():
            if event.receipt == "refused" and event.id in self.by_event:
                yield f"refused, and yet delivered: {event.id}"

    def nothing_comes_twice(self) -> Iterator[str]:
        """After a success the event comes again only if a crash took the acknowledgement, or the delivery of the same
        event to somebody else, which was in memory.
        """
        for (trigger, event), found in [*self.main.items(), *self.dead.items()]:
            for request, later in pairwise(found):
                if request.is_success and not self.may_come_again(request, later):
                    times = f"at {request.ended_s:.6f}, and got it at {later.began_s:.6f}"
                    yield f"twice: {trigger} took {event} {times}"
            taken = [request for request in found if request.is_success]
            if len(taken) > 1 and not self.may_refuse_replies:
                again = sum(self.undone(number, taken) for number in range(found[-1].process))
                if len(taken) > 1 + again:
                    yield f"too often: {trigger} took {event} {len(taken)} times, crashes gave it back {again} times"

    def may_come_again(self, request: Request, later: Request) -> bool:
        if request.process == later.process and request.answer == "reply" and self.may_refuse_replies:
            return True
        event = self.ledger.published[request.event]
        # The log gives once more what somebody had in memory only: to all, also to those for whom it is parked as well.
        return any(self.is_in_log(event, number) for number in range(event.process, later.process)) or any(
            not self.is_durable(number, self.settled_s(request)) for number in range(request.process, later.process)
        )

    def undone(self, process: int, taken: Sequence[Request]) -> int:
        """How often the end of that process may have brought the event back: from the log, and for each success that
        was not safe.
        """
        event = self.ledger.published[taken[0].event]
        unsafe = sum(one.process == process and not self.is_durable(process, self.settled_s(one)) for one in taken)
        return unsafe + (process >= event.process and self.is_in_log(event, process))

    @property
    def may_refuse_replies(self) -> bool:
        return bool({"full disk", "broken disk", "small journal"} & self.ledger.plan.features)

    def is_in_log(self, event: Published, process: int) -> bool:
        """When that process ended, somebody may still have had the event in memory only."""
        if process > event.process and not self.is_in_log(event, process - 1):
            return False
        left_s = max(self.leaves_log_s(trigger, event, process) for trigger in self.ledger.plan.triggers)
        return not self.is_durable(process, left_s)

    def has_said_goodbye(self, process: int) -> bool:
        """It was asked to end, and had a disk to leave everything on."""
        return not self.ledger.processes[process].is_killed and not self.ledger.plan.disk_faults

    def leaves_log_s(self, trigger: TriggerPlan, event: Published, process: int) -> float:
        """When that Trigger, in that process, owed nothing more to the log: delivered, given up, or parked."""
        if not self.may(trigger, event):
            return 0.0
        key = trigger.name, event.id
        last = next((one for one in reversed(self.main.get(key, ())) if one.process == process), None)
        if last is not None and last.ends_badly and last.wish.has_dead_letter_sink:
            last = next((one for one in reversed(self.dead.get(key, ())) if one.process == process), None)
        if self.has_said_goodbye(process) and last is not None and last.ended_s is not None and not last.is_final:
            return last.ended_s  # parked with all that waited
        if last is None or not (last.is_final or last.wait_min_s > PARK_AFTER_S):
            return _FOREVER
        return self.settled_s(last)

    def settled_s(self, request: Request) -> float:
        """When its delivery is over for the product: with the answer, or with the commit that has the reply."""
        if request.ended_s is None:
            return _FOREVER
        if request.answer != "reply":
            return request.ended_s
        if self.may_refuse_replies:
            return _FOREVER  # nobody knows how that ended
        commits = self.ledger.processes[request.process].commits
        return next((ended_s for began_s, ended_s in commits if began_s >= request.ended_s), _FOREVER)

    def is_durable(self, process: int, since_s: float) -> bool:
        """A commit of that process took what was told at that time."""
        one = self.ledger.processes[process]
        if self.has_said_goodbye(process) and since_s < _FOREVER:
            return True
        return since_s < one.began_s or any(began_s >= since_s + ACKED_WITHIN_S for began_s, _ in one.commits)

    def attempts_are_counted(self) -> Iterator[str]:
        for (trigger, event), found in [*self.main.items(), *self.dead.items()]:
            published = self.ledger.published[event]
            most = max(wish.retry for _, wish in self.ledger.wishes[trigger]) + 1
            previous: Request | None = None
            for request in found:
                if request.number > most:
                    yield f"too often: attempt {request.number} of {event} to {trigger}, {most} are allowed"
                if previous is None or previous.process != request.process:
                    is_fine = request.number == 1 or self.is_disturbed
                else:
                    is_fine = request.number == previous.number + 1 or published.process < request.process
                    is_fine = is_fine or (request.number == 1 and self.is_redriven(previous, request))
                if not is_fine:
                    yield f"miscounted: attempt {request.number} of {event} to {trigger} at {request.began_s:.6f}"
                previous = request

    def is_redriven(self, previous: Request, request: Request) -> bool:
        ended_s = previous.ended_s or 0.0
        return any(ended_s <= at_s <= request.began_s for at_s in self.ledger.redrives_s)

    def retries_keep_their_time(self) -> Iterator[str]:
        """No retry begins before its wait is over. A wall clock that jumps ahead shortens what a restart bridges."""
        jumps = any(jump_s > 0 for _, jump_s in self.ledger.plan.wall_jumps)
        for (trigger, event), found in [*self.main.items(), *self.dead.items()]:
            for place, request in enumerate(found):
                if request.number == 1:
                    continue
                before = [one for one in found[:place] if one.number == request.number - 1 and one.ended_s is not None]
                if jumps and any(one.process != request.process for one in before):
                    continue
                due_s = min(((one.ended_s or 0.0) + one.wait_min_s for one in before), default=0.0)
                if not before:
                    yield f"attempt {request.number} of {event} to {trigger} without the one before"
                elif request.began_s < due_s - _EPSILON_S:
                    yield f"early: attempt {request.number} of {event} to {trigger} {due_s - request.began_s:.6f} s"

    def keys_keep_their_order(self) -> Iterator[str]:
        """Of one key no event is tried first before the older ones were delivered or given up."""
        for trigger in self.ledger.plan.triggers:
            wishes = self.ledger.wishes[trigger.name]
            if not wishes or not all(wish.is_ordered for _, wish in wishes):
                continue
            by_key: dict[str, list[Published]] = defaultdict(list)
            for event in self.ledger.published.values():
                if event.broker == trigger.broker and (trigger.name, event.id) in self.main:
                    by_key[event.key].append(event)
            for key, events in by_key.items():
                over_s, last = 0.0, ""
                for event in sorted(events, key=lambda event: event.number):
                    found = self.main[trigger.name, event.id]
                    if found[0].began_s < over_s:
                        yield f"out of order: {trigger.name} {key}: {event.id} at {found[0].began_s:.6f} before {last}"
                    ends = [r.ended_s for r in found if r.is_final and r.ended_s is not None]
                    # What was judged more than once, by different filters, may have come to match when it was late.
                    end_s = min(ends, default=_FOREVER) if self.must(trigger, event) else 0.0
                    if end_s > over_s:
                        over_s, last = end_s, event.id

    def rates_are_kept(self) -> Iterator[str]:
        """In any time no more requests than the rate allows, and a tenth of a second's at once, or one."""
        for trigger in self.ledger.plan.triggers:
            rates = {wish.rate for _, wish in self.ledger.wishes[trigger.name]}
            rate = rates.pop() if len(rates) == 1 else None
            if rate is None:
                continue
            begun: dict[int, list[float]] = defaultdict(list)
            for request in self.ledger.requests:
                if request.trigger == trigger.name and not request.is_to_dead_letter_sink:
                    begun[request.process].append(request.began_s)
            for times in begun.values():
                for place, first_s in enumerate(times):
                    for more, last_s in enumerate(times[place:], 1):
                        if more > rate * (last_s - first_s) + max(1.0, 0.1 * rate) + _EPSILON_S:
                            yield f"too fast: {trigger.name} sent {more} in {last_s - first_s:.6f} s, {rate} a second"
                            return

    def counters_tell_the_truth(self) -> Iterator[str]:
        for name, total in self.ledger.totals.items():
            if total.balance:
                yield f"unbalanced: {name} by {total.balance} at the end"
            if self.is_disturbed or self.ledger.redrives_s or total.waiting or name.endswith("+"):
                continue
            delivered = sum(
                requests[-1].is_success and self.is_last(requests[-1])
                for key, requests in self.main.items()
                if key[0] == name
            )
            if total.delivered != delivered:
                yield f"miscounted: {name} says {total.delivered} delivered, its sink took {delivered}"
