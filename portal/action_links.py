"""Links to actions' forms with their fields filled, for the pages where one sees that something must be done."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.i18n.catalog import Lang, text
from portal import routes
from portal.run_words import RISK_TONES
from runbooks import registry
from runbooks.offers import ActionOffer
from runbooks.wording import action_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLink:
    """An action that may help, with the address of its form. A link starts nothing."""

    title: str
    url: str
    risk: str
    risk_tone: str


def to_links(offered: Sequence[ActionOffer], lang: Lang, *, alert: str = "") -> list[ActionLink]:
    """The links of these actions. ``alert`` is the fingerprint of the alert that one comes from."""
    return [_link(each, lang, alert) for each in offered]


def _link(offer: ActionOffer, lang: Lang, alert: str) -> ActionLink:
    risk = registry.action_named(offer.action).risk
    return ActionLink(
        title=action_name(offer.action, lang),
        url=routes.action(offer.action, offer.fields, alert=alert),
        risk=text(f"runs.risk.{risk}", lang),
        risk_tone=RISK_TONES[risk],
    )
