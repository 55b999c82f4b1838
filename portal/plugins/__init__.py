"""Reflex build plugins: font, hashes of the security policy, address-free build, language, and a stable lock file."""

from portal.plugins.csp import CSPPlugin
from portal.plugins.new_version import NewVersionPlugin
from portal.plugins.no_script import NoScriptPlugin
from portal.plugins.same_origin import SameOriginPlugin
from portal.plugins.stable_lock import StableLockPlugin
from portal.plugins.vazirmatn import VazirmatnPlugin

__all__ = [
    "CSPPlugin",
    "NewVersionPlugin",
    "NoScriptPlugin",
    "SameOriginPlugin",
    "StableLockPlugin",
    "VazirmatnPlugin",
]
