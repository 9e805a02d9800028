"""GitHubSource: an event for each webhook call of a GitHub repository or organisation.

Source: Knative's sources.knative.dev/v1alpha1 GitHubSource. Its CRD lists 34 types of events; GitHub goes on inventing
them, so here any name passes. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, Context, Kind
from eventing.resources.schema import BOOLEAN, MISSING, STRING, Node, array, record, string
from eventing.resources.source import (
    READY_COLUMN,
    REASON_COLUMN,
    SINK_COLUMN,
    SOURCE,
    SOURCE_LABELS,
    SOURCE_STATUS,
    registry,
    validate_source,
)

CONDITIONS: Final = ("SecretsProvided", "SinkProvided", "WebhookConfigured")
"""What a GitHubSource's Ready depends on."""
GITHUB_EVENT_PREFIX: Final = "dev.knative.source.github."
_EVENT: Final = re.compile(r"[a-z][a-z0-9_]*")
_REQUIRED: Final = ("ownerAndRepository", "eventTypes", "accessToken", "secretToken")
_REGISTERED: Final = [
    "check_suite",
    "commit_comment",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "fork",
    "gollum",
    "installation",
    "integration_installation",
    "issue_comment",
    "issues",
    "label",
    "member",
    "membership",
    "milestone",
    "organization",
    "org_block",
    "page_build",
    "ping",
    "project_card",
    "project_column",
    "project",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "repository",
    "status",
    "team",
    "team_add",
    "watch",
]
"""The types that Knative's CRD tells of."""


def _secret(description: str) -> Node:
    key = {
        "name": string("The Secret's name, in the source's namespace."),
        "key": string("The entry of its data."),
    }
    return record({"secretKeyRef": record(key, "An entry of a Secret.", required=("name", "key"))}, description)


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    return [*_validate_spec(spec), *validate_source(spec)]


def _default(item: Object, _context: Context) -> None:
    item.setdefault("spec", {})


def _validate_spec(spec: Object) -> Iterator[FieldError]:
    for name in _REQUIRED:
        if not spec.get(name):
            yield FieldError(at("spec", name), MISSING)
        elif name.endswith("Token"):
            yield from _validate_secret(spec[name], at("spec", name, "secretKeyRef"))
    for index, event in enumerate(spec.get("eventTypes", ())):
        if not _EVENT.fullmatch(event):
            yield FieldError(at("spec.eventTypes", index), f"invalid value: {shown(event)}")


def _validate_secret(secret: Object, path: str) -> Iterator[FieldError]:
    reference = secret.get("secretKeyRef", {})
    yield from (FieldError(at(path, name), MISSING) for name in ("name", "key") if not reference.get(name))


GITHUB_SOURCE: Final = Kind(
    group="sources.knative.dev",
    version="v1alpha1",
    name="GitHubSource",
    plural="githubsources",
    description="Sends an event for each webhook call of a GitHub repository or organisation.",
    categories=("all", "knative", "eventing", "sources"),
    labels=SOURCE_LABELS,
    annotations=registry((f"{GITHUB_EVENT_PREFIX}{name}", "") for name in _REGISTERED),
    columns=(READY_COLUMN, REASON_COLUMN, SINK_COLUMN, AGE_COLUMN),
    fields={
        "spec": record(
            {
                **SOURCE,
                "ownerAndRepository": string("What calls: `OWNER/REPOSITORY`, or `OWNER` for an organisation."),
                "eventTypes": array(STRING, "Which of GitHub's events are sent, such as `push`.", items_min=1),
                "accessToken": _secret("The token by which the webhook is set up at GitHub."),
                "secretToken": _secret("The secret by which GitHub signs its calls."),
                "githubAPIURL": string("The API of a GitHub Enterprise server; github.com's by default."),
                "secure": BOOLEAN.described("Whether GitHub calls by HTTPS."),
                "serviceAccountName": string("Who runs the source in a cluster. Without effect here."),
            },
            "What the user wants.",
            required=_REQUIRED,
        ),
        "status": record(
            {**SOURCE_STATUS, "webhookIDKey": string("The webhook's number at GitHub.")}, "What there is."
        ),
    },
    default=_default,
    validate=_validate,
)
