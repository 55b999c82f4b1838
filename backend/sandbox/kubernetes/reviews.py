"""Access reviews: what may I do, and what may somebody else?"""

from typing import Any

from backend.sandbox.kubernetes.access import Access, Wish
from backend.sandbox.kubernetes.roles import AUTHORIZATION
from backend.sandbox.kubernetes.store import Object, RefusedError

SELF = "selfsubjectaccessreviews"
LOCAL = "localsubjectaccessreviews"
GENERAL = "subjectaccessreviews"
# The group whose members every real server lets do everything.
_MASTERS = "system:masters"
KINDS = {
    SELF: "SelfSubjectAccessReview",
    LOCAL: "LocalSubjectAccessReview",
    GENERAL: "SubjectAccessReview",
}


def reviewed(access: Access, account: str, resource: str, namespace: str, review: Object) -> Object:
    """The review with its answer.

    Raises:
        RefusedError: 403, the asker may not ask this; 400 and 422, the question makes no sense.
    """
    asked = Wish(verb="create", group=AUTHORIZATION, resource=resource, namespace=namespace)
    if not access.allows(account, asked):
        raise RefusedError(403, "Forbidden", access.refusal(account, asked))
    spec: dict[str, Any] = review.get("spec") or {}
    wanted: dict[str, Any] = spec.get("resourceAttributes") or {}
    if not wanted:
        text = f"{KINDS[resource]} is invalid: spec.resourceAttributes: Required value"
        raise RefusedError(422, "Invalid", text)
    if resource == LOCAL and wanted.get("namespace") != namespace:
        text = f"namespace mismatch: spec.resourceAttributes.namespace must be {namespace}"
        raise RefusedError(400, "BadRequest", text)
    about = account if resource == SELF else access.account_of(str(spec.get("user", "")))
    is_allowed = _MASTERS in (spec.get("groups") or ()) or access.allows(about, _wish(wanted))
    reason = 'RBAC: allowed by RoleBinding "portal"' if is_allowed else ""
    kind = {"kind": KINDS[resource], "apiVersion": f"{AUTHORIZATION}/v1"}
    return review | kind | {"status": {"allowed": is_allowed} | ({"reason": reason} if reason else {})}


def _wish(wanted: dict[str, Any]) -> Wish:
    below = f"/{wanted['subresource']}" if wanted.get("subresource") else ""
    return Wish(
        verb=wanted.get("verb", ""),
        group=wanted.get("group", ""),
        resource=f"{wanted.get('resource', '')}{below}",
        namespace=wanted.get("namespace", ""),
        name=wanted.get("name", ""),
    )
