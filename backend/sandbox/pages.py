"""The plain look that the pages of all stand-ins share, so that nobody takes them for the product."""

import html

_STYLE = (
    "body{font:15px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2937}"
    "header{border-bottom:3px solid #f59e0b;margin-bottom:1rem}small{color:#b45309}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:start;padding:.35rem .6rem;border-bottom:1px solid #e5e7eb}"
    "iframe{width:100%;height:32rem;border:1px solid #d1d5db}pre{white-space:pre-wrap;background:#f3f4f6;padding:1rem}"
)


def page(title: str, body: str, *, refresh_s: int = 0) -> str:
    """A complete HTML document around a body that is already escaped; the title is escaped here."""
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><header><small>sandbox, not the product</small>"
        f"<h1 dir=auto>{html.escape(title)}</h1></header>{body}</body></html>"
    )
