"""Reflex's own configuration; everything that differs between machines is in backend/config.py instead."""

import os
from contextlib import suppress

import reflex as rx

from backend.setting_values import redis_address
from portal.plugins import (
    CSPPlugin,
    NewVersionPlugin,
    NoScriptPlugin,
    SameOriginPlugin,
    StableLockPlugin,
    VazirmatnPlugin,
)
from portal.plugins.same_origin import BUILD_ADDRESS

# A build has no settings at all, so these are read by name and not through backend.config.
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000").strip().rstrip("/")
# A wrong value is refused with a sentence by backend.config at the start; here it must only not crash first.
REDIS_URL = ""
with suppress(ValueError):
    REDIS_URL = redis_address(os.environ.get("REDIS_URL", "").strip())

config = rx.Config(
    app_name="portal",
    api_url=f"http://{BUILD_ADDRESS}",
    deploy_url=None,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    redis_url=REDIS_URL or None,
    state_manager_mode="redis" if REDIS_URL else "memory",
    redis_token_expiration=1800,
    cors_allowed_origins=[PUBLIC_URL],
    # portal/http/client_address.py reads the forwarded address for all.
    trusted_proxy_hops=0,
    default_color_mode="light",
    frontend_compression_formats=["brotli", "gzip"],
    plugins=[
        rx.plugins.TailwindV4Plugin(),
        VazirmatnPlugin(),
        CSPPlugin(),
        SameOriginPlugin(),
        NewVersionPlugin(),
        NoScriptPlugin(),
        StableLockPlugin(),
    ],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
