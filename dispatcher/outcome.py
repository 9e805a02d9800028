"""What is done after an attempt: one pure function of its outcome, its number and the policy. The lane carries it out.

    an answer of 2xx                 Done, with the reply where the answer is a CloudEvent and one is wanted
    a reply larger than the bound    DeadLetter or Exhausted: asking again would bring the same reply
    no answer, or a retried status   Retry while attempts are left, then DeadLetter or Exhausted
    any other status                 DeadLetter or Exhausted at once

Sources: Knative's data plane contract; the table in `docs/delivery.md`.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from channels import codec
from channels.attribute import Value
from channels.dead_letter import ANSWER_MAX_BYTES
from channels.errors import MalformedEvent
from channels.event import Event
from dispatcher.retry import Policy, is_retried, parse_retry_after, wait_s

Reason = Literal["retriesexhausted", "refused", "replytoolarge", "backlogfull", "ttlexhausted", "deadlettersinkfailed"]
"""Why an event failed for good. The last three are words of the lanes, for what no single outcome says."""

_RETRY_AFTER_STATUSES: Final = (429, 503)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request. `headers` have lower-case names; of a name that came twice the first value counts.

    `status` is None where no answer came. `error` has the words for that, or for what made the answer unusable. `body`
    is at most as long as the sink's bound, and `is_truncated` where there was more.
    """

    status: int | None
    headers: Mapping[bytes, bytes]
    body: bytes
    error: str | None
    latency_s: float
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """Delivered. `reply` is the event that came back; `ignored` where something else came back, which nobody reads."""

    reply: Event | None
    ignored: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """To be sent again after that many seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Failed for good: the dead letter sink's."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Failed for good without a dead letter sink: kept in the built-in store."""

    reason: Reason


Verdict = Done | Retry | DeadLetter | Exhausted

DONE: Final = Done(None, ignored=False)
"""The plain case, compared by identity."""
IGNORED: Final = Done(None, ignored=True)


def decide(outcome: Outcome, attempt: int, policy: Policy, *, spread: float = 1.0, now_s: float = 0.0) -> Verdict:
    """What to do after attempt 1, 2, ... Never raises.

    `spread` is the jitter (see `retry`); `now_s`, the time since the epoch, is for dates in Retry-After.
    """
    if is_taken(outcome):
        return _delivered(outcome, policy)
    if not _may_pass(outcome):
        return give_up("refused", policy)
    if attempt > policy.retry:
        return give_up("retriesexhausted", policy)
    return Retry(_after_s(outcome, attempt, policy, spread, now_s))


def give_up(reason: Reason, policy: Policy) -> DeadLetter | Exhausted:
    """The verdict on an event that failed for good."""
    return DeadLetter(reason) if policy.has_dead_letter_sink else Exhausted(reason)


def is_taken(outcome: Outcome) -> bool:
    """True for a 2xx whose answer is whole, whatever it says."""
    return outcome.status is not None and 200 <= outcome.status < 300 and outcome.error is None


def error_attributes(outcome: Outcome, destination: str) -> dict[str, Value | None]:
    """The attributes of a dead letter, as changes for `Event.with_attributes`: None removes an earlier failure's.

    `knativeerrordata` is the base64 text of the first 1024 bytes of the answer or, without one, of the error's words.
    """
    answer = outcome.body or (outcome.error or "").encode(errors="replace")
    return {
        "knativeerrordest": destination,
        "knativeerrorcode": outcome.status,
        "knativeerrordata": base64.b64encode(answer[:ANSWER_MAX_BYTES]).decode("ascii") or None,
    }


def _delivered(outcome: Outcome, policy: Policy) -> Verdict:
    claims_event = _claims_event(outcome.headers)
    if not outcome.body and not claims_event:
        return DONE
    if not policy.wants_reply:
        return IGNORED
    if outcome.is_truncated:
        return give_up("replytoolarge", policy) if claims_event else IGNORED
    try:
        reply = codec.decode_reply(outcome.headers, outcome.body)
    except MalformedEvent:
        return IGNORED
    return IGNORED if reply is None else Done(reply, ignored=False)


def _claims_event(headers: Mapping[bytes, bytes]) -> bool:
    """True where the answer says that it is one CloudEvent, whether or not its body is complete."""
    if headers.get(b"ce-specversion") in (b"1.0", b"0.3"):
        return True
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return media.startswith(b"application/cloudevents") and not media.startswith(b"application/cloudevents-batch")


def _may_pass(outcome: Outcome) -> bool:
    """True where another attempt may end better. A 2xx is only here when its answer broke off, which counts as none."""
    status = outcome.status
    return is_retried(None if status is not None and 200 <= status < 300 else status)


def _after_s(outcome: Outcome, attempt: int, policy: Policy, spread: float, now_s: float) -> float:
    """The policy's wait, or what a busy sink asks for if that is longer: jitter never goes below it."""
    computed_s = wait_s(policy, attempt, spread)
    if outcome.status not in _RETRY_AFTER_STATUSES or (header := outcome.headers.get(b"retry-after")) is None:
        return computed_s
    asked_s = parse_retry_after(header, now_s)
    if asked_s is None:
        return computed_s
    cap_s = policy.backoff_max_s if policy.retry_after_max_s is None else policy.retry_after_max_s
    return max(computed_s, min(asked_s, cap_s))
