"""Every address of the portal, and the one rule for addresses that came from outside."""

import re
from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

from backend.actor import TENANT_ROLES, Role

HOME = "/"
SIGN_IN = "/sign-in"
ACCOUNT = "/account"
USAGE = "/usage"
INVOICES = "/invoices"
INVOICE = "/invoices/[invoice_id]"
BILLING = "/billing"
ALL_INVOICES = "/all-invoices"
PAYMENTS = "/payments"
PRICES = "/prices"
DEPLOYMENTS = "/deployments"
ALERTS = "/alerts"
ALERT = "/alerts/[alert_fingerprint]"
SILENCES = "/alerts?tab=silences"
NEW_SILENCE = "/silences/new"
# What the form for a silence begins with: an alert, an earlier silence, or a live one that gets another end.
OF_ALERT, OF_SILENCE, EXTENDED = "alert", "like", "silence"
RUNBOOKS = "/runbooks"
RUNBOOK = "/runbooks/[runbook_name]"
ASK = "/runbooks/ask"
ACTIONS = "/runbooks/run"
ACTION = "/runbooks/run/[runbook_action]"
RUNS = "/runs"
RUN = "/runs/[runbook_run]"
# In the address of an action's form: the alert that one came from, and the run whose parameters are used again.
FROM_ALERT, LIKE_RUN = "from_alert", "like_run"
OVERVIEW = "/overview"
JOBS = "/jobs"
DEPLOYS = "/deploys"
# The names in brackets are vars of every state, so they are long.
WORKLOAD = "/deploys/[workload_namespace]/[workload_kind]/[workload_name]"
POD_LOG = f"{WORKLOAD}/pods/[pod_name]/log"
AUDIT = "/audit"
AUDIT_EXPORT = "/audit/export"

# What the staff's list of invoices is narrowed by.
COMPANY, DAY, STATUS = "company", "day", "status"
# And the list of deployments.
SERVICE, RESULT, AUTHOR, DEPLOY = "service", "result", "author", "deploy"

POST_SIGN_IN = "/auth/login"
POST_SIGN_OUT = "/auth/logout"
POST_SIGN_OUT_EVERYWHERE = "/auth/logout-everywhere"
POST_PASSWORD = "/auth/password"  # noqa: S105 - an address
POST_RUN_INPUT = "/runbooks/inputs"
POST_PAY = "/pay/start"
PAY_RETURN = "/pay/return"
PAY_OPEN = "/pay/open"
HAND_OFF = "/pay/{attempt_id}"
TO_BANK = "/pay/{attempt_id}/bank"
LANGUAGE = "/lang/{code}"
THEME = "/theme/{code}"
METRICS = "/api/v1/metrics"
POST_ALERTS = "/api/v1/alerts"
POST_DEPLOYMENT = "/api/v1/deployments"
OPENAPI = "/api/v1/openapi.json"
LIVE_LOG = "/api/v1/logs/{namespace}/{pod}"
RUN_LOG = "/api/v1/runs/{run_id}/log"
RUN_LOG_TEXT = "/api/v1/runs/{run_id}/log.txt"
LIVE = "/healthz"
READY = "/readyz"
SELLER_LOGO = "/seller-logo"
OWN_MARK = "/favicon.svg"
MANUAL = "/docs"
MANUAL_FILE = "/docs/{path:path}"

# A dot stands within a name only, so that no path climbs.
_OWN_PATH = re.compile(
    r"/(?!/)(?:[A-Za-z0-9/_-]|(?<=[A-Za-z0-9])\.(?=[A-Za-z0-9]))*(\?[A-Za-z0-9=&._%/+~-]*)?"
)
# A search of sixty Persian letters takes 360.
_MAX_PATH = 800


def home_of(role: Role | None) -> str:
    """The page that a role comes for."""
    return USAGE if role in TENANT_ROLES else OVERVIEW


def invoice(invoice_id: object) -> str:
    """The page of one invoice."""
    return f"{INVOICES}/{invoice_id}"


def invoices_of_company(tenant_id: object) -> str:
    """The staff's list of invoices, narrowed to a company."""
    return with_query(ALL_INVOICES, {COMPANY: str(tenant_id)})


def invoices_of_day(day: date) -> str:
    """The staff's list of invoices, narrowed to a day."""
    return with_query(ALL_INVOICES, {DAY: day.isoformat()})


def payment(track_id: object) -> str:
    """The staff's page of payments with the evidence of one open."""
    return f"{PAYMENTS}?track={track_id}"


def alert(fingerprint: object) -> str:
    """The page of one alert."""
    return f"{ALERTS}/{fingerprint}"


def runbook(name: str) -> str:
    """The page of an alert's runbook."""
    return f"{RUNBOOKS}/{name}"


def action(name: str, fields: Mapping[str, str] | None = None, *, alert: str = "", like_run: str = "") -> str:
    """The form of an action, filled with these fields."""
    origin = {FROM_ALERT: alert, LIKE_RUN: like_run}
    query = {**(fields or {}), **{name: value for name, value in origin.items() if value}}
    return with_query(f"{RUNBOOKS}/run/{name}", query)


def run(run_id: object) -> str:
    """The page of a run."""
    return f"{RUNS}/{run_id}"


def run_log(run_id: object, launch: int) -> str:
    """The stream of a run's log. Another process of the same run has another address, so that a page follows it."""
    return with_query(RUN_LOG.format(run_id=run_id), {"launch": launch})


def run_log_text(run_id: object) -> str:
    """The whole log of a run as a text file."""
    return RUN_LOG_TEXT.format(run_id=run_id)


def deployment(deploy_id: object) -> str:
    """The staff's list of deployments, narrowed to one."""
    return with_query(DEPLOYMENTS, {DEPLOY: str(deploy_id)})


def deployments_of(service: str) -> str:
    """The staff's list of deployments, narrowed to a service."""
    return with_query(DEPLOYMENTS, {SERVICE: service})


def workload(namespace: str, kind: str, name: str) -> str:
    """The page of a workload."""
    return f"{DEPLOYS}/{namespace}/{kind.lower()}/{name}"


def pod_log(workload_page: str, pod: str, query: Mapping[str, str | int]) -> str:
    """The page of a pod's log, below the page of its workload."""
    return with_query(f"{workload_page}/pods/{pod}/log", query)


def live_log(namespace: str, pod: str, query: Mapping[str, str | int]) -> str:
    """The stream of a pod's log."""
    return with_query(LIVE_LOG.format(namespace=namespace, pod=pod), query)


def silence_of(fingerprint: object) -> str:
    """The form for a silence of one alert."""
    return with_query(NEW_SILENCE, {OF_ALERT: str(fingerprint)})


def silence_again(silence_id: object) -> str:
    """The form for a silence like an earlier one."""
    return with_query(NEW_SILENCE, {OF_SILENCE: str(silence_id)})


def silence_extended(silence_id: object) -> str:
    """The form for another end of a live silence."""
    return with_query(NEW_SILENCE, {EXTENDED: str(silence_id)})


def hand_off(attempt_id: object) -> str:
    """The page that takes the browser to the bank."""
    return f"/pay/{attempt_id}"


def to_bank(attempt_id: object) -> str:
    """The way from there to the bank, past the question whether the payment still stands."""
    return f"/pay/{attempt_id}/bank"


def with_query(path: str, query: Mapping[str, str | int]) -> str:
    """A page's address with parameters."""
    joint = "&" if "?" in path else "?"
    return f"{path}{joint}{urlencode(query)}" if query else path


def sign_in(query: Mapping[str, str | int]) -> str:
    """The sign-in page's address with parameters."""
    filled = {name: value for name, value in query.items() if value}
    return f"{SIGN_IN}?{urlencode(filled)}" if filled else SIGN_IN


def own_path(value: object, otherwise: str = HOME) -> str:
    """A path of this portal out of untrusted input: never another host, never a script."""
    if isinstance(value, str) and len(value) <= _MAX_PATH and _OWN_PATH.fullmatch(value):
        return value
    return otherwise


def own_address(path: str, query: str) -> str:
    """A page of this portal with its query, out of untrusted input; without the query where that is none of ours."""
    return own_path(f"{path}?{query}" if query else path, otherwise=own_path(path))


def sign_in_again(path: str, query: str, *, error: str = "") -> str:
    """The sign-in page, which leads back to the page where one is; from the start and from itself to nowhere else."""
    is_page = path.rstrip("/") not in {"", SIGN_IN}
    return sign_in({"next": own_address(path, query) if is_page else "", "error": error})


def account(query: Mapping[str, str | int]) -> str:
    """The account page's address with parameters."""
    return f"{ACCOUNT}?{urlencode(query)}"
