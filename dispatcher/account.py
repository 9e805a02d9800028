"""What a Trigger counts, and the law that it keeps."""

from dispatcher.lane import Lane


class Account:
    """At every moment, in this process or over all of them where the channel is durable and no other one has a part in
    it:

        matched + redriven = waiting + in_flight + delivered + dead_lettered + dropped

    `redriven` are dead letters under way once more, and those that the subscriber took at last. One that fails again is
    taken back from it: it is the dead letter that it was, and no second one.

    Where several processes share the channel each counts for itself, since it began:

        matched + redriven + adopted = waiting + in_flight + delivered + dead_lettered + dropped + ceded
    """

    lane: Lane
    dead_letter_lane: Lane | None
    stored: int
    """Events kept in the dead letter store."""
    redriven: int
    """Dead letters that are under way once more, or were delivered at last."""
    _matched_before: int
    """Matched in earlier processes, as far as it has ended or was parked; what else did comes again."""
    _found: int
    """Parked by other processes before its lanes were there."""

    @property
    def matched(self) -> int:
        """Events that its filter let through."""
        return self._matched_before + self.lane.matched

    @property
    def adopted(self) -> int:
        """Events that other processes had parked, and left to this one."""
        return self._found + sum([lane.adopted for lane in self._lanes])

    @property
    def ceded(self) -> int:
        """Events that other processes took over from this one."""
        return sum([lane.ceded for lane in self._lanes])

    @property
    def waiting(self) -> int:
        """Events held that are not in flight, in memory and in its queues."""
        return sum(lane.waiting for lane in self._lanes)

    @property
    def parked(self) -> int:
        """Those of the waiting that are in its queues."""
        return sum(lane.parked for lane in self._lanes)

    @property
    def retrying(self) -> int:
        """Those of the waiting that wait for a retry."""
        return sum(lane.retrying for lane in self._lanes)

    @property
    def blocked_keys(self) -> int:
        """Keys whose events wait for one that is to be retried, where order is kept."""
        return self.lane.blocked_keys

    @property
    def in_flight(self) -> int:
        """Events on their way to the subscriber or to the dead letter sink, or whose reply is on its way."""
        return sum(lane.in_flight for lane in self._lanes)

    @property
    def delivered(self) -> int:
        """Events that the subscriber took."""
        return self.lane.done

    @property
    def retried(self) -> int:
        """Attempts after a first one, to the subscriber or to the dead letter sink."""
        return sum(lane.retried for lane in self._lanes)

    @property
    def dead_lettered(self) -> int:
        """Events that the dead letter sink took, or the store."""
        return self.stored + (0 if self.dead_letter_lane is None else self.dead_letter_lane.done)

    @property
    def dropped(self) -> int:
        """Events that were not yet delivered when the Trigger was removed."""
        return sum(lane.dropped for lane in self._lanes)

    @property
    def balance(self) -> int:
        """0 while the law of conservation holds: its left side less its right side."""
        came = self.matched + self.redriven + self.adopted
        return came - self.waiting - self.in_flight - self._ended - self.ceded

    @property
    def is_idle(self) -> bool:
        """Whatever it holds is parked."""
        return not self.in_flight and self.waiting == self.parked

    @property
    def _ended(self) -> int:
        return self.delivered + self.dead_lettered + self.dropped

    @property
    def _lanes(self) -> tuple[Lane, ...]:
        return (self.lane,) if self.dead_letter_lane is None else (self.lane, self.dead_letter_lane)
