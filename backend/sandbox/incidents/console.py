"""The incident console: a plain page of the sandbox that starts and ends incidents and shows their state."""

from html import escape
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from backend.i18n.catalog import Lang, as_language
from backend.i18n.format import number
from backend.sandbox.incidents.board import AlertStage, Board, IncidentState
from backend.sandbox.incidents.catalogue import BY_KEY, INCIDENTS, BothWords, Incident

_TITLE = BothWords("میز حادثه‌ها", "Incident console")
_LEAD = BothWords(
    "هر دکمه حادثه‌ای واقعی می‌سازد. ببینید پرتال چه می‌گوید، سپس به حادثه پایان دهید.",
    "Each button makes an incident the way production makes it. See what the portal says, then end it.",
)
_MARK = BothWords("بخش آزمایشی، نه خود محصول", "Sandbox, not the product")
_START, _END = BothWords("آغاز حادثه", "Start"), BothWords("پایان حادثه", "End")
_LOOK = BothWords("دیدن در پرتال", "See it in the portal")
_CALM = BothWords("آرام", "Calm")
_ON = BothWords("در جریان از {s} ثانیه پیش", "Under way for {s} s")
_OVER = BothWords("پایان یافت", "Ended")
_MENDED = BothWords(
    "از بیرون این میز برطرف شد، مثلاً با یک دستورالعمل", "Mended from outside, such as by a runbook"
)
_ALERT = BothWords("هشدار آن: {names}", "Its alert: {names}")
_WAITING = BothWords("هشدار {names} هنوز نیامده است", "{names} does not fire yet")
_PENDING = BothWords("هشدار {names} در آستانهٔ فعال شدن است", "{names} is pending")
_FIRING = BothWords("هشدار {names} فعال است", "{names} fires")
_FIRED = BothWords("هشدار {names} پس از {s} ثانیه فعال شد", "{names} fired after {s} s")
_RESOLVED = BothWords("و {s} ثانیه پس از پایان برطرف شد", "and resolved {s} s after the end")
_UNKNOWN = BothWords("Prometheus پاسخ نمی‌دهد", "Prometheus does not answer")
_PROBLEM = BothWords("انجام نشد: {why}", "That did not work: {why}")

_STYLE = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{font:16px/1.65 Vazirmatn,system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;margin-block-end:1rem}
header{border-block-end:3px solid #f59e0b}h1{font-size:1.4rem;margin:0}header nav{margin-inline-start:auto}
main{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));margin-block-start:1rem}
article{border:1px solid #9ca3af66;border-inline-start:5px solid #9ca3af;border-radius:.5rem}
article{padding:.75rem 1rem;display:flex;flex-direction:column;gap:.4rem}
article.on{border-inline-start-color:#f59e0b}article.firing{border-inline-start-color:#dc2626}
article.over{border-inline-start-color:#16a34a}
h2{font-size:1.05rem;margin:0}p{margin:0}.state{font-weight:600}.problem{color:#dc2626;overflow-wrap:anywhere}
form{display:flex;gap:.75rem;align-items:center;margin-block-start:auto;flex-wrap:wrap}
button{font:inherit;min-height:2.75rem;padding:.25rem 1.25rem;border-radius:.4rem;cursor:pointer}
button{border:1px solid #b91c1c;background:#b91c1c;color:#fff}
.on button,.firing button{background:transparent;color:inherit;border-color:currentColor}
"""
# The cards are drawn by the server; this only fetches them again, and leaves a button alone that is being pressed.
_SCRIPT = """
const show=async()=>{const a=await fetch('cards'+location.search);
if(a.ok&&!document.querySelector('button:active'))document.querySelector('main').innerHTML=await a.text()};
setInterval(()=>show().catch(()=>{}),2000)
"""


def create_console(board: Board, portal_url: str) -> Starlette:
    """The console's web application."""
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/cards", _cards_alone),
            Route("/incidents/{key}/{act}", _act, methods=["POST"]),
        ]
    )
    app.state.board, app.state.portal_url = board, portal_url
    return app


async def _page(request: Request) -> Response:
    lang = as_language(request.query_params.get("lang"))
    other: Lang = "en" if lang == "fa" else "fa"
    name = "English" if other == "en" else "فارسی"
    direction = "rtl" if lang == "fa" else "ltr"
    cards = await run_in_threadpool(_cards, request.app.state.board, request.app.state.portal_url, lang)
    title = _say(_TITLE, lang)
    return HTMLResponse(
        f'<!doctype html><html lang="{lang}" dir="{direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><header><h1>{title}</h1><small>{_say(_MARK, lang)}</small>"
        f'<nav><a href="?lang={other}" lang="{other}">{name}</a></nav></header>'
        f"<p>{_say(_LEAD, lang)}</p><br><main>{cards}</main><script>{_SCRIPT}</script></body></html>"
    )


async def _cards_alone(request: Request) -> Response:
    lang = as_language(request.query_params.get("lang"))
    return HTMLResponse(
        await run_in_threadpool(_cards, request.app.state.board, request.app.state.portal_url, lang)
    )


async def _act(request: Request) -> Response:
    """Start or end an incident, for this page only: another site's form must not."""
    key, act = request.path_params["key"], request.path_params["act"]
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        return PlainTextResponse("another site's form", 403)
    if key not in BY_KEY or act not in {"start", "end"}:
        return PlainTextResponse("no such incident", 404)
    board: Board = request.app.state.board
    await run_in_threadpool(board.start if act == "start" else board.end, key)
    lang = as_language(request.query_params.get("lang"))
    return RedirectResponse(f"/?lang={lang}", 303)


def _cards(board: Board, portal_url: str, lang: Lang) -> str:
    board.refresh()
    return "".join(_card(board, one, portal_url, lang) for one in INCIDENTS)


def _card(board: Board, incident: Incident, portal_url: str, lang: Lang) -> str:
    state, stage = board.states[incident.key], board.stage_of(incident)
    look = "calm"
    if state.is_on:
        look = "firing" if stage is AlertStage.FIRING else "on"
    elif state.ended_at is not None:
        look = "over"
    act, label = ("end", _END) if state.is_on else ("start", _START)
    problem = f'<p class="problem">{_say(_PROBLEM, lang, why=state.problem)}</p>' if state.problem else ""
    return (
        f'<article class="{look}" id="{incident.key}"><h2>{_say(incident.title, lang)}</h2>'
        f"<p>{_say(incident.story, lang)}</p>"
        f'<p class="state" role="status">{_state_words(state, board.clock(), lang)}</p>'
        f"<p>{_alert_words(incident, state, stage, lang)}</p>{problem}"
        f'<form method="post" action="incidents/{incident.key}/{act}?lang={lang}">'
        f"<button>{_say(label, lang)}</button>"
        f'<a href="{escape(portal_url + incident.page)}" target="_blank">{_say(_LOOK, lang)}</a></form></article>'
    )


def _state_words(state: IncidentState, now: float, lang: Lang) -> str:
    if state.is_on:
        return _say(_ON, lang, s=_seconds(now - (state.started_at or now), lang))
    if state.ended_at is None:
        return _say(_CALM, lang)
    return _say(_MENDED if state.was_mended else _OVER, lang)


def _alert_words(incident: Incident, state: IncidentState, stage: AlertStage, lang: Lang) -> str:
    if stage is AlertStage.UNKNOWN:
        return _say(_UNKNOWN, lang)
    names = ("، " if lang == "fa" else ", ").join(incident.alerts)
    if state.fired_after_s is not None:
        said = _say(_FIRED, lang, names=names, s=_seconds(state.fired_after_s, lang))
        if state.resolved_after_s is None:
            return said
        return f"{said} {_say(_RESOLVED, lang, s=_seconds(state.resolved_after_s, lang))}"
    words = {AlertStage.FIRING: _FIRING, AlertStage.PENDING: _PENDING}.get(stage, _WAITING)
    return _say(words if state.is_on else _ALERT, lang, names=names)


def _seconds(value: float, lang: Lang) -> str:
    return number(round(value), lang)


def _say(words: BothWords, lang: Lang, **places: str) -> str:
    sentence = words.fa if lang == "fa" else words.en
    return escape(sentence.format(**places))
