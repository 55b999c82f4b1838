"""What the operator of Prometheus knows of the kinds that the chart writes for it, as JSON schemas.

Only the fields that the chart uses stand here, as the operator 0.93 has them in its CRDs, so a field that does not is a
fault. The group's versions do not depend on that of Kubernetes.
"""

from typing import Any

GROUP = "monitoring.coreos.com"

Schema = dict[str, Any]


def _object(*required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


_TEXT = {"type": "string"}
_NAME = {"type": "string", "minLength": 1}
_TEXTS = _list(_TEXT)
_MAP = {"type": "object", "additionalProperties": _TEXT}
_SWITCH = {"type": "boolean"}
# Units from the largest to the smallest, each at most once: `1h30m`.
_UNITS = "".join(rf"(\d+{unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms"))
_DURATION = {"type": "string", "minLength": 1, "pattern": rf"^(0|{_UNITS})$"}
_CREDENTIALS = _object("key", name=_TEXT, key=_TEXT)
_AUTHORIZATION = _object(type=_TEXT, credentials=_CREDENTIALS)

_RELABELLING = _object(
    sourceLabels=_TEXTS,
    targetLabel=_TEXT,
    regex=_TEXT,
    replacement=_TEXT,
    action={"enum": ["replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep"]},
)
_ENDPOINT = _object(
    port=_TEXT,
    path=_TEXT,
    interval=_DURATION,
    scrapeTimeout=_DURATION,
    authorization=_AUTHORIZATION,
    relabelings=_list(_RELABELLING),
)
_SERVICE_MONITOR = _object(
    "selector",
    "endpoints",
    selector=_object(matchLabels=_MAP),
    namespaceSelector=_object(matchNames=_TEXTS),
    endpoints=_list(_ENDPOINT),
)

_RULE = _object(
    "expr",
    alert=_TEXT,
    record=_TEXT,
    expr={"type": ["string", "integer"]},
    labels=_MAP,
    annotations=_MAP,
    **{"for": _DURATION},
)
_GROUP_OF_RULES = _object("name", name=_NAME, interval=_DURATION, rules=_list(_RULE))
_PROMETHEUS_RULE = _object(groups=_list(_GROUP_OF_RULES))

_MATCHERS = _list(_object("name", name=_NAME, value=_TEXT, matchType={"enum": ["=", "!=", "=~", "!~"]}))
_WAITS = {"groupWait": _DURATION, "groupInterval": _DURATION, "repeatInterval": _DURATION}
_SUB_ROUTE = _object(
    "receiver", receiver=_TEXT, matchers=_MATCHERS, groupBy=_TEXTS, **_WAITS, **{"continue": _SWITCH}
)
_ROUTE = _object("receiver", receiver=_TEXT, groupBy=_TEXTS, routes=_list(_SUB_ROUTE), **_WAITS)
_WEBHOOK = _object(url=_TEXT, sendResolved=_SWITCH, httpConfig=_object(authorization=_AUTHORIZATION))
_RECEIVER = _object("name", name=_NAME, webhookConfigs=_list(_WEBHOOK))
_INHIBITION = _object(sourceMatch=_MATCHERS, targetMatch=_MATCHERS, equal=_TEXTS)
_ALERTMANAGER_CONFIG = _object(route=_ROUTE, receivers=_list(_RECEIVER), inhibitRules=_list(_INHIBITION))

_SPECS = {
    ("ServiceMonitor", "v1"): _SERVICE_MONITOR,
    ("PrometheusRule", "v1"): _PROMETHEUS_RULE,
    ("AlertmanagerConfig", "v1alpha1"): _ALERTMANAGER_CONFIG,
}


def schema_of(kind: str, version: str) -> Schema:
    """The schema of a kind. Raises LookupError for one that the operator, or the chart, does not have."""
    if (kind, version) not in _SPECS:
        raise LookupError(f"the operator has no kind {kind} of {GROUP}/{version} that the chart writes")
    metadata = _object("name", name=_NAME, namespace=_NAME, labels=_MAP, annotations=_MAP)
    return _object(
        *("apiVersion", "kind", "metadata", "spec"),
        apiVersion=_TEXT,
        kind=_TEXT,
        metadata=metadata,
        spec=_SPECS[kind, version],
    )
