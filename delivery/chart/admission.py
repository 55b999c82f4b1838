"""A ValidatingAdmissionPolicy at work: its own expressions, evaluated by Google's evaluator of CEL."""

from typing import Any

from cel_expr_python import cel

from delivery.chart.rendering import Manifest


def refusals(policy: Manifest, asked: Manifest) -> list[str]:
    """The messages of the validations that refuse an object. An expression that cannot be evaluated refuses, too."""
    environment = cel.NewEnv(variables={"object": cel.Type.DYN, "variables": cel.Type.DYN})
    data: dict[str, Any] = {"object": asked, "variables": {}}
    for variable in policy["spec"].get("variables") or ():
        found = environment.compile(variable["expression"]).eval(data=data)
        # Whoever reads one that could not be evaluated fails, and so refuses.
        if found.type() != cel.Type.ERROR:
            data["variables"][variable["name"]] = found.plain_value()
    return [
        validation["message"]
        for validation in policy["spec"]["validations"]
        if environment.compile(validation["expression"]).eval(data=data).value() is not True
    ]
