"""Object metadata: its fields, and Kubernetes' grammar of names, labels and annotations.

Source: the Kubernetes API conventions and its validation messages, which clients show to people. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.schema import ANYTHING, BOOLEAN, INT64, STRING, array, mapping, record

OWNER_REFERENCE: Final = record(
    {
        "apiVersion": STRING,
        "kind": STRING,
        "name": STRING,
        "uid": STRING,
        "controller": BOOLEAN,
        "blockOwnerDeletion": BOOLEAN,
    },
    required=("apiVersion", "kind", "name", "uid"),
)
METADATA: Final = record(
    {
        **dict.fromkeys(("name", "generateName", "namespace", "uid", "resourceVersion", "selfLink"), STRING),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), STRING),
        **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), INT64),
        **dict.fromkeys(("labels", "annotations"), mapping(STRING)),
        "finalizers": array(STRING),
        "ownerReferences": array(OWNER_REFERENCE),
        "managedFields": array(ANYTHING),
    }
)
_NAME_MAX: Final = 253
_LABEL_MAX: Final = 63
_ANNOTATIONS_MAX_BYTES: Final = 256 * 1024
"""Keys and values together (Kubernetes' TotalAnnotationSizeLimitB)."""
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN_WORDS: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    rf"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_WORDS: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    rf"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_QUALIFIED_WORDS: Final = "must be a name such as example.com/name or name, of at most 63 of [-A-Za-z0-9_.]"
_LABEL_VALUE_WORDS: Final = "must be empty or at most 63 of [-A-Za-z0-9_.], with alphanumerics at both ends"


def is_subdomain(text: str) -> bool:
    """True for an RFC 1123 subdomain of at most 253 characters: what names of objects are."""
    return len(text) <= _NAME_MAX and re.fullmatch(_SUBDOMAIN, text) is not None


def is_label_value(text: str) -> bool:
    """True for a legal value of a label; the empty text is one."""
    return len(text) <= _LABEL_MAX and (not text or re.fullmatch(_QUALIFIED, text) is not None)


def validate(item: Object, *, is_namespaced: bool) -> Iterator[FieldError]:
    """Everything in the metadata that Kubernetes would refuse. The fields' types are taken for checked."""
    metadata = item["metadata"]
    yield from _validate_names(metadata, is_namespaced=is_namespaced)
    for key, value in metadata.get("labels", {}).items():
        if not _is_qualified(key):
            yield FieldError("metadata.labels", f'Invalid value: "{shown(key)}": {_QUALIFIED_WORDS}')
        if not is_label_value(value):
            yield FieldError(at("metadata.labels", key), f'Invalid value: "{shown(value)}": {_LABEL_VALUE_WORDS}')
    annotations = metadata.get("annotations", {})
    for key in annotations:
        if not _is_qualified(key.lower()):
            yield FieldError("metadata.annotations", f'Invalid value: "{shown(key)}": {_QUALIFIED_WORDS}')
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_MAX_BYTES:
        yield FieldError("metadata.annotations", f"Too long: may not be more than {_ANNOTATIONS_MAX_BYTES} bytes")


def _validate_names(metadata: Object, *, is_namespaced: bool) -> Iterator[FieldError]:
    name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
    if not name:
        yield FieldError("metadata.name", "Required value: name or generateName is required")
    elif not is_subdomain(name):
        yield FieldError("metadata.name", f'Invalid value: "{shown(name)}": {_SUBDOMAIN_WORDS}')
    if not is_namespaced and namespace:
        yield FieldError("metadata.namespace", "Forbidden: not allowed on this type")
    elif is_namespaced and not (len(namespace) <= _LABEL_MAX and re.fullmatch(_LABEL, namespace)):
        yield FieldError("metadata.namespace", f'Invalid value: "{shown(namespace)}": {_LABEL_WORDS}')


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return bool(name) and is_label_value(name) and (not slash or is_subdomain(prefix))
