"""What a user may do, and who the user is: everybody who was let in may do everything.

Source: `authorization.k8s.io/v1` and `authentication.k8s.io/v1`.
"""

from typing import Any, Final

from fastapi import Request, Response

from eventing.apiserver.answer import encode, refuse
from eventing.apiserver.body import CORE_TYPES, decode, media_type_of, read_body
from eventing.apiserver.call import user_of
from eventing.apiserver.refusal import Refused, bad_request, method_not_allowed
from eventing.resources.identity import Object

_ACCESS: Final = "selfsubjectaccessreviews"
_RULES: Final = "selfsubjectrulesreviews"
_SELF: Final = "selfsubjectreviews"
REVIEW_PATHS: Final = (
    f"/apis/authorization.k8s.io/v1/{_ACCESS}",
    f"/apis/authorization.k8s.io/v1/{_RULES}",
    f"/apis/authentication.k8s.io/v1/{_SELF}",
)
_KINDS: Final = {_ACCESS: "SelfSubjectAccessReview", _RULES: "SelfSubjectRulesReview", _SELF: "SelfSubjectReview"}


async def review(request: Request) -> Response:
    """The answer at each of `REVIEW_PATHS`: what was asked, with a status."""
    try:
        if request.method != "POST":
            raise method_not_allowed(("POST",))
        plural = request.scope["path"].rpartition("/")[2]
        content, media_type = await read_body(request), media_type_of(request, CORE_TYPES)
        given = await decode(content, media_type, _KINDS[plural])
        return Response(encode(_reviewed(plural, given, user_of(request))), 201, media_type="application/json")
    except Refused as error:
        return refuse(error)


def _reviewed(plural: str, given: Any, user: str) -> Object:
    if not isinstance(given, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {_KINDS[plural]})")
    group = "authentication.k8s.io/v1" if plural == _SELF else "authorization.k8s.io/v1"
    reviewed: Object = {"kind": _KINDS[plural], "apiVersion": group, "metadata": {}}
    if plural == _SELF:
        return {**reviewed, "status": {"userInfo": {"username": user}}}
    reviewed["spec"] = given.get("spec") or {}
    return {**reviewed, "status": {"allowed": True} if plural == _ACCESS else _everything()}


def _everything() -> Object:
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }
