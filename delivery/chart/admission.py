"""A ValidatingAdmissionPolicy at work: its own expressions, evaluated by Google's evaluator of CEL."""

from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel

from delivery.chart.rendering import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request of the API server, as admission sees it: the object that is to be, and the one that was."""

    object: Manifest | None = None
    old: Manifest | None = None
    user: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The variables of an expression that say what is asked."""
        operation = "CREATE" if self.old is None else "DELETE" if self.object is None else "UPDATE"
        request = {"operation": operation, "userInfo": {"username": self.user}}
        return {"object": self.object, "oldObject": self.old, "request": request, "variables": {}}


def refusals(policy: Manifest, asked: Manifest | Request) -> list[str]:
    """The messages of the validations that refuse an object. An expression that cannot be evaluated refuses, too."""
    request = asked if isinstance(asked, Request) else Request(object=asked)
    data = request.data
    environment = cel.NewEnv(variables=dict.fromkeys(data, cel.Type.DYN))

    def holds(expression: str) -> bool:
        return environment.compile(expression).eval(data=data).value() is True

    if not all(holds(each["expression"]) for each in policy["spec"].get("matchConditions") or ()):
        return []
    for variable in policy["spec"].get("variables") or ():
        found = environment.compile(variable["expression"]).eval(data=data)
        # Whoever reads one that could not be evaluated fails, and so refuses.
        if found.type() != cel.Type.ERROR:
            data["variables"][variable["name"]] = found.plain_value()
    return [each["message"] for each in policy["spec"]["validations"] if not holds(each["expression"])]
