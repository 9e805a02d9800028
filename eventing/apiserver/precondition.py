"""Whether the caller means the object that is there, in the state that it is in. Pure; the words are Kubernetes'."""

from dispatcher.fault import FieldError
from eventing.apiserver.query import DeleteOptions
from eventing.apiserver.refusal import MODIFIED, FailedPrecondition
from eventing.apiserver.target import Target
from eventing.errors import InvalidResource
from eventing.resources.identity import Object


def check_versioned(given: Object, target: Target) -> None:
    """Custom kinds are replaced only by who has seen what is there. Raises InvalidResource."""
    if target.kind.group and not given["metadata"].get("resourceVersion"):
        reason = "Invalid value: 0x0: must be specified for an update"
        raise InvalidResource([FieldError("metadata.resourceVersion", reason)])


def check_same(old: Object, item: Object) -> None:
    """The uid and the version of an update, where it names them. Raises FailedPrecondition."""
    given, found = item["metadata"], old["metadata"]
    uid, version = given.get("uid"), given.get("resourceVersion")
    if uid and uid != found["uid"]:
        raise FailedPrecondition(f"Precondition failed: UID in precondition: {uid}, UID in object meta: {found['uid']}")
    if version and version != found["resourceVersion"]:
        raise FailedPrecondition(MODIFIED)


def check_deletable(old: Object, options: DeleteOptions) -> None:
    """The preconditions of a deletion. Raises FailedPrecondition."""
    uid, version = old["metadata"]["uid"], old["metadata"]["resourceVersion"]
    if options.uid not in (None, uid):
        raise FailedPrecondition(
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). The object might "
            "have been deleted and then recreated"
        )
    if options.resource_version not in (None, version):
        raise FailedPrecondition(
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({version}). The object might have been modified"
        )
