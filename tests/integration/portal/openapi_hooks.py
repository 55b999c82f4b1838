"""Hooks for schemathesis, which loads this file into a process of its own: moments that a sender could name."""

from datetime import UTC, datetime, timedelta

import schemathesis
from hypothesis import strategies as st

_NOW = datetime.now(UTC)

schemathesis.openapi.format(
    "date-time",
    st.integers(min_value=0, max_value=3_600).map(lambda ago: (_NOW - timedelta(seconds=ago)).isoformat()),
)
