"""Object metadata: its fields, and Kubernetes' grammar of names, labels and annotations.

Source: the Kubernetes API conventions and its validation messages, which clients show to people. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.schema import BOOLEAN, INT64, OPEN, STRING, array, mapping, record, string

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
"""A Namespace's own name, so that selectors of labels can choose it."""
OWNER_REFERENCE: Final = record(
    {
        "apiVersion": string("The version of the owner's kind."),
        "kind": string("The owner's kind."),
        "name": string("The owner's name."),
        "uid": string("The owner's uid: another object of the same name is not the owner."),
        "controller": BOOLEAN.described("True for the one owner that manages the object."),
        "blockOwnerDeletion": BOOLEAN.described(
            "True lets an owner that is deleted in the foreground wait until this object is gone."
        ),
    },
    "An object that this one goes with.",
    required=("apiVersion", "kind", "name", "uid"),
    is_atomic=True,
)
_MANAGED: Final = record(
    {
        "manager": string("Who it is."),
        "operation": string("Apply for a server-side apply, Update for every other write."),
        "apiVersion": string("The version in which it was written."),
        "time": string("When it was written last, RFC 3339."),
        "fieldsType": string("The form of `fieldsV1`: FieldsV1."),
        "fieldsV1": OPEN.described("The fields, as a tree."),
        "subresource": string("The part of the object it was written through, such as status."),
    },
    "What one writer has written.",
)
METADATA: Final = record(
    {
        "name": string("The object's name, unique among those of its kind and namespace. It never changes."),
        "generateName": string("The beginning of a name that the server makes up where `name` is empty."),
        "namespace": string("The namespace that the object is in. It never changes."),
        "uid": string("Tells the object from others that had its name before or will have it. The server's."),
        "resourceVersion": string(
            "Changes with every write, by the server. Who sends it along with a change is refused if somebody else was "
            "faster."
        ),
        "selfLink": string("Not used any more."),
        "creationTimestamp": string("When the object was created, RFC 3339. The server's."),
        "deletionTimestamp": string(
            "When its deletion was asked for, RFC 3339: it is gone once `finalizers` is empty. The server's."
        ),
        "generation": INT64.described("Counts the changes of what is wanted of the object. The server's."),
        "deletionGracePeriodSeconds": INT64.described("How long its deletion waits, in seconds. Always 0 here."),
        "labels": mapping(STRING, "Marks that selectors choose objects by."),
        "annotations": mapping(STRING, "Notes of people and tools; settings of some kinds."),
        "finalizers": array(
            STRING,
            "Who has something to do before the object is gone: each takes its name away when it is done.",
            list_type="set",
        ),
        "ownerReferences": array(
            OWNER_REFERENCE,
            "The objects that this one goes with: when the last of them is gone, it is deleted.",
            list_type="map",
            list_keys=("uid",),
            patch_key="uid",
        ),
        "managedFields": array(_MANAGED, "Who has written which fields. The server's."),
    },
    "The object's name, its marks, and what the server keeps about it.",
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
_QUALIFIED_WORDS: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_LABEL_VALUE_WORDS: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_QUALIFIED})?')"
)


def is_subdomain(text: str) -> bool:
    """True for an RFC 1123 subdomain of at most 253 characters: what names of objects are."""
    return len(text) <= _NAME_MAX and re.fullmatch(_SUBDOMAIN, text) is not None


def is_label_value(text: str) -> bool:
    """True for a legal value of a label; the empty text is one."""
    return len(text) <= _LABEL_MAX and (not text or re.fullmatch(_QUALIFIED, text) is not None)


def key_fault(key: str) -> str:
    """Why the text can be no key of a label or an annotation, empty where it can."""
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        return "prefix part must be non-empty"
    if "/" in prefix:
        optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return f"a qualified name {_QUALIFIED_WORDS} {optional}"
    if slash and not is_subdomain(prefix):
        return f"prefix part {_SUBDOMAIN_WORDS}"
    if not name:
        return "name part must be non-empty"
    if len(name) > _LABEL_MAX:
        return f"name part must be no more than {_LABEL_MAX} characters"
    return "" if re.fullmatch(_QUALIFIED, name) else f"name part {_QUALIFIED_WORDS}"


def value_fault(value: str) -> str:
    """Why the text can be no value of a label, empty where it can."""
    if is_label_value(value):
        return ""
    return f"must be no more than {_LABEL_MAX} characters" if len(value) > _LABEL_MAX else _LABEL_VALUE_WORDS


def validate(item: Object, *, is_namespaced: bool) -> Iterator[FieldError]:
    """Everything in the metadata that Kubernetes would refuse. The fields' types are taken for checked."""
    metadata = item["metadata"]
    is_namespace = (item.get("apiVersion"), item.get("kind")) == ("v1", "Namespace")
    yield from _validate_names(metadata, is_namespaced=is_namespaced, is_namespace=is_namespace)
    for key, value in metadata.get("labels", {}).items():
        if fault := key_fault(key):
            yield FieldError("metadata.labels", f'Invalid value: "{shown(key)}": {fault}')
        if fault := value_fault(value):
            yield FieldError(at("metadata.labels", key), f'Invalid value: "{shown(value)}": {fault}')
    annotations = metadata.get("annotations", {})
    for key in annotations:
        if fault := key_fault(key.lower()):
            yield FieldError("metadata.annotations", f'Invalid value: "{shown(key)}": {fault}')
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_MAX_BYTES:
        yield FieldError("metadata.annotations", f"Too long: may not be more than {_ANNOTATIONS_MAX_BYTES} bytes")


def _validate_names(metadata: Object, *, is_namespaced: bool, is_namespace: bool) -> Iterator[FieldError]:
    name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
    if not name:
        yield FieldError("metadata.name", "Required value: name or generateName is required")
    elif is_namespace and not _is_label(name):
        yield FieldError("metadata.name", f'Invalid value: "{shown(name)}": {_LABEL_WORDS}')
    elif not is_subdomain(name):
        yield FieldError("metadata.name", f'Invalid value: "{shown(name)}": {_SUBDOMAIN_WORDS}')
    if not is_namespaced and namespace:
        yield FieldError("metadata.namespace", "Forbidden: not allowed on this type")
    elif is_namespaced and not _is_label(namespace):
        yield FieldError("metadata.namespace", f'Invalid value: "{shown(namespace)}": {_LABEL_WORDS}')


def _is_label(text: str) -> bool:
    return len(text) <= _LABEL_MAX and re.fullmatch(_LABEL, text) is not None
