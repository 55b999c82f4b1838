"""True without a screen: plain synchronous Python that never imports Reflex."""
