"""The doors of the portal, and the OpenAPI document that describes them, made from the models that read the bodies."""

from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.http import alerts, deployments
from portal.http.doors import JSON, PROBLEM, PROBLEMS, Door, DoorProblem

DOORS: tuple[Door[Any], ...] = (deployments.DOOR, alerts.DOOR)
_SCHEMAS = "#/components/schemas/"


async def document(_request: Request) -> Response:
    """GET: the document. It names no host: the doors are where it was found."""
    return JSONResponse(openapi())


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    """The OpenAPI document of all doors."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(DoorProblem, "serialization")]
    for door in DOORS:
        models += [(door.body, "validation"), (door.answer, "serialization")]
    _, schemas = models_json_schema(models, ref_template=_SCHEMAS + "{model}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "DocuChat portal: doors for machines", "version": "1"},
        "paths": {door.path: {"post": _operation(door)} for door in DOORS},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {f"{door.name}_token": {"type": "http", "scheme": "bearer"} for door in DOORS},
        },
    }


def _operation(door: Door[Any]) -> dict[str, Any]:
    return {
        "operationId": f"post_{door.name}",
        "summary": door.summary,
        "security": [{f"{door.name}_token": []}],
        "requestBody": {"required": True, "content": {JSON: {"schema": _ref(door.body.__name__)}}},
        "responses": {
            "200": {
                "description": "Done, or done before.",
                "content": {JSON: {"schema": _ref(door.answer.__name__)}},
            },
            **_problems(),
        },
    }


def _problems() -> dict[str, Any]:
    return {
        str(int(status)): {
            "description": title,
            "content": {PROBLEM: {"schema": _ref(DoorProblem.__name__)}},
        }
        for status, title in PROBLEMS.values()
    }


def _ref(model: str) -> dict[str, str]:
    return {"$ref": f"{_SCHEMAS}{model}"}
