"""The page at ``/sandbox/``: what a person may do to the gateway by hand."""

from html import escape
from itertools import islice

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from backend.sandbox import pages
from backend.sandbox.zibal import codes
from backend.sandbox.zibal.control import acted
from backend.sandbox.zibal.faults import CALLBACK_ONLY, FaultPoint, GatewayFaultKind
from backend.sandbox.zibal.sessions import GatewaySession, Memory, iso_time

_ROWS = 50
_ACTS = ("pay", "cancel", "fail", "refund", "refunding", "reverse")


def console_routes() -> list[Route]:
    """The page and where its forms go."""
    return [Route("/", _show), Route("/console", _change, methods=["POST"])]


async def _show(request: Request) -> Response:
    memory: Memory = request.app.state.memory
    return HTMLResponse(pages.page("Zibal sandbox", _faults(memory) + _sessions(memory)))


async def _change(request: Request) -> Response:
    """Handle a button: change a session, switch a fault on, or switch all faults off."""
    memory: Memory = request.app.state.memory
    form = {name: str(value) for name, value in (await request.form()).items()}
    try:
        _obey(memory, form)
    except (ValueError, TypeError, KeyError) as wrong:
        problem = f"<p>{escape(str(wrong))}</p><p><a href='.'>Back</a></p>"
        return HTMLResponse(pages.page("That does not work", problem), 400)
    return RedirectResponse("./", 303)


def _obey(memory: Memory, form: dict[str, str]) -> None:
    if "heal" in form:
        memory.faults.clear()
    elif "act" in form:
        acted(memory, memory.session(int(form["track_id"])), form["act"], {})
    elif "advance_s" in form:
        memory.clock_offset_s += float(form["advance_s"])
    else:
        wanted = {name: form[name] for name in ("point", "kind")}
        value = orjson.loads(form["value"]) if form.get("value") else None
        times = int(form["times"]) if form.get("times") else None
        memory.faults.add({**wanted, "value": value, "times": times, "after": "after" in form})


def _faults(memory: Memory) -> str:
    on = "".join(
        f"<li>{fault.point} {fault.kind} {escape(str(fault.value or ''))} "
        f"{'after the effect' if fault.after else ''} {f'{fault.times} more times' if fault.times else ''}</li>"
        for fault in memory.faults.listed()
    )
    points = "".join(f"<option>{point}</option>" for point in FaultPoint)
    kinds = "".join(f"<option>{kind}</option>" for kind in GatewayFaultKind)
    alone = ", ".join(sorted(CALLBACK_ONLY))
    return (
        f"<h2>Faults</h2><ul>{on or '<li>none</li>'}</ul>"
        f"<form method=post action=console><label>at <select name=point>{points}</select></label> "
        f"<label>do <select name=kind>{kinds}</select></label> <label>value <input name=value size=8></label> "
        "<label>times <input name=times size=3 inputmode=numeric></label> "
        "<label><input type=checkbox name=after> after the effect</label> <button>Switch on</button> "
        f"<button name=heal value=1>All off</button></form><p><small>Only for the callback: {alone}. "
        "The value is JSON: seconds, a code, an object of fields, a list of names.</small></p>"
        f"<form method=post action=console><p>Gateway's clock: {iso_time(memory.now())} (Tehran) "
        "<label>set forward by <input name=advance_s size=6 value=900> s</label> <button>Set</button></p></form>"
    )


def _sessions(memory: Memory) -> str:
    rows = "".join(_row(memory, session) for session in islice(memory.sessions(), _ROWS))
    head = "<tr><th>Track id<th>Order<th>Rial<th>Opened<th>Status<th></tr>"
    return f"<h2>The last {_ROWS} sessions</h2><table>{head}{rows}</table>"


def _row(memory: Memory, session: GatewaySession) -> str:
    buttons = "".join(f"<button name=act value={act}>{act}</button> " for act in _ACTS)
    return (
        f"<tr><td><a href='{escape(memory.public_url)}/start/{session.track_id}'>{session.track_id}</a>"
        f"<td>{escape(session.order_id)}<td>{session.amount:,}<td>{(iso_time(session.created_at) or '')[:19]}"
        f"<td dir=auto>{session.status} {escape(codes.status_text(session.status))}"
        f"<td><form method=post action=console><input type=hidden name=track_id value={session.track_id}>"
        f"{buttons}</form></tr>"
    )
