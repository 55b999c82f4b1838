"""Everything that the overview reads: the shared snapshot, formatted once for each language and version."""

from threading import Lock

from backend.actor import Actor
from backend.i18n.catalog import LANGUAGES, Lang
from backend.overview import service as overview
from backend.overview.types import SystemOverview
from portal.features.overview import lines, tiles
from portal.features.overview.headline import to_headline, to_service
from portal.features.overview.rows import OverviewView

_lock = Lock()
_formatted: dict[Lang, tuple[SystemOverview, OverviewView]] = {}


def now(actor: Actor, lang: Lang) -> OverviewView:
    """The overview as it is now. Fifty tabs share what one makes of it."""
    found = overview.overview(actor)
    with _lock:
        known = _formatted.get(lang)
        if known is not None and known[0].version == found.version and known[0].facts == found.facts:
            return known[1]
        view = to_view(found, lang)
        _formatted[lang] = (found, view)
        assert len(_formatted) <= len(LANGUAGES)
        return view


def to_view(found: SystemOverview, lang: Lang) -> OverviewView:
    """All parts of the page in a language."""
    facts = found.facts
    return OverviewView(
        headline=to_headline(found.health, lang),
        services=[to_service(each, lang) for each in found.health.services],
        signals=tiles.signals(facts, lang),
        works=tiles.works(facts, lang),
        money=tiles.money(facts, lang),
        alerts=lines.alerts(facts, found.read_at, lang),
        rollouts=lines.rollouts(facts, lang),
        changes=lines.changes(facts, lang),
        silences=lines.silences(facts, lang),
        dependencies=lines.dependencies(facts, lang),
        chart=tiles.chart(facts.measures, lang),
        ages=lines.ages(facts),
        unknown=lines.unknown(facts),
    )
