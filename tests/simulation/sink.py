"""The far end of a Trigger, scripted by the plan, and the near end that a lane sends to."""

import asyncio
from typing import TYPE_CHECKING, Final

from channels.event import Event
from dispatcher.outcome import Outcome
from tests.simulation.ledger import Request
from tests.simulation.plan import FAILURES, REPLY_TYPE, Answer, Phase, TriggerPlan

if TYPE_CHECKING:
    from dispatcher.attempt import Attempt
    from tests.simulation.simulation import Life, Simulation

_SYNCHRONOUS: Final = 0.1
"""How often an answer comes before `send` has returned, and how often it comes a few turns later than it might."""


class Receiver:
    """A sink as the world knows it: it outlives every process, and remembers what it is doing."""

    def __init__(self, simulation: "Simulation", trigger: TriggerPlan, *, is_dead_letter_sink: bool) -> None:
        self.simulation = simulation
        self.trigger = trigger
        self.is_dead_letter_sink = is_dead_letter_sink
        self._phases = trigger.dead_letter_sink if is_dead_letter_sink else trigger.sink

    @property
    def phase(self) -> Phase:
        now_s = self.simulation.outside.now_s
        return next(phase for phase in self._phases if now_s < phase.until_s)

    def choose(self, event: Event) -> tuple[Answer, float]:
        """What to answer, and after how long."""
        phase, dice = self.phase, self.simulation.dice
        answer = dice.choice(phase.answers)
        if answer == "reply" and (self.is_dead_letter_sink or event.type == REPLY_TYPE):
            answer = "ignored"
        least_s, most_s = phase.latency_s
        return answer, least_s + (most_s - least_s) * dice.random() ** 2


class SimulatedSink:
    """Fulfils `dispatcher.sink.Sink` for one process."""

    def __init__(self, life: "Life", receiver: Receiver) -> None:
        kind = "dead" if receiver.is_dead_letter_sink else "sink"
        self.uri = f"http://{kind}/{receiver.trigger.name}"
        self._life = life
        self._receiver = receiver
        self._is_main = not receiver.is_dead_letter_sink
        self._in_flight = 0

    def send(self, attempt: "Attempt") -> None:
        """Answer by script: now or later, while this process lives."""
        life, receiver = self._life, self._receiver
        attempt.started_s = asyncio.get_running_loop().time()
        if not life.is_alive:
            return
        simulation, name = receiver.simulation, receiver.trigger.name
        event = attempt.event
        wish = life.wishes[name]
        request = Request(
            name, event.id, not self._is_main, attempt.number, life.number, simulation.outside.now_s, wish
        )
        simulation.ledger.requests.append(request)
        self._in_flight += 1
        self._watch(request)
        simulation.count_request()
        answer, wait_s = receiver.choose(event)
        if answer == "gone":
            wait_s = 0.0005
        if answer == "timeout" or wait_s >= wish.timeout_s:
            answer, wait_s = "timeout", wish.timeout_s

        def end() -> None:
            if life.is_alive:
                self._in_flight -= 1
                self._end(attempt, request, answer)

        luck = simulation.dice.random()
        if luck < _SYNCHRONOUS and answer != "timeout":
            end()
        elif luck < 2 * _SYNCHRONOUS:
            simulation.outside.after(wait_s, lambda: life.hop(end))
        else:
            simulation.outside.after(wait_s, end)

    def request(self, event: Event) -> bytes:
        """Nothing goes over a wire."""
        raise NotImplementedError

    def _watch(self, request: Request) -> None:
        """What must not even begin."""
        simulation, name = self._receiver.simulation, request.trigger
        if simulation.story is not None:
            kind = "" if self._is_main else " (dead letter sink)"
            simulation.tell(f"{name}{kind} <- {request.event}, attempt {request.number}")
        wish = request.wish
        if self._life.is_held:
            simulation.broke(f"{name} gets {request.event} while the process stops")
        if name in simulation.ledger.deleted_s:
            simulation.broke(f"{name} is deleted, and gets {request.event}")
        if wish.is_paused and self._is_main:
            simulation.broke(f"{name} is paused, and gets {request.event}")
        limit = simulation.concurrency_of(name)
        if limit is not None and self._is_main and self._in_flight > limit:
            simulation.broke(f"{name} has {self._in_flight} in flight, {limit} are allowed")

    def _end(self, attempt: "Attempt", request: Request, answer: Answer) -> None:
        simulation = self._receiver.simulation
        now_s = simulation.outside.now_s
        wish = self._life.wishes[request.trigger]
        if not self._life.is_leaving:
            request.ended_s, request.answer, request.wish = now_s, answer, wish
            request.ends_badly = answer == "400" or (answer in FAILURES and request.number > wish.retry)
        if simulation.story is not None:
            simulation.tell(f"{request.trigger} -> {request.event}, attempt {request.number}: {answer}")
        if answer == "ok":
            attempt.lane.delivered(attempt)
        else:
            attempt.lane.finish(attempt, self._outcome(request, answer, now_s - request.began_s))

    def _outcome(self, request: Request, answer: Answer, latency_s: float) -> Outcome:
        simulation = self._receiver.simulation
        if answer == "plain":
            return Outcome(200, {}, b"", None, latency_s)
        if answer == "ignored":
            return Outcome(200, {b"content-type": b"text/plain"}, b"thanks", None, latency_s)
        if answer == "reply":
            headers = {b"ce-specversion": b"1.0", b"ce-source": b"/reply", b"ce-type": REPLY_TYPE.encode()}
            identity = simulation.publish_reply(request)
            simulation.tell(f"{request.trigger} replies with {identity}")
            headers[b"ce-id"] = identity.encode()
            return Outcome(200, headers, b"", None, latency_s)
        if answer in ("timeout", "gone"):
            return Outcome(None, {}, b"", f"the sink is {answer}", latency_s)
        headers = {}
        if answer in ("429", "503") and (asked_s := simulation.dice.choice((None, 0, 1, 3, 60))) is not None:
            headers[b"retry-after"] = str(asked_s).encode()
            request.retry_after_s = float(asked_s)
        return Outcome(int(answer), headers, b"no", None, latency_s)
