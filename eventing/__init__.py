"""Knative Eventing's API in one Python process. `Event` is the CloudEvent, `Client` sends one."""

from channels.event import Event
from eventing.client import Client

__all__ = ["Client", "Event"]
