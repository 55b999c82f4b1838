"""Reflex build plugins: the font, the hashes of the security policy, the address-free build, the lock in one form."""

from portal.plugins.csp import CSPPlugin
from portal.plugins.same_origin import SameOriginPlugin
from portal.plugins.stable_lock import StableLockPlugin
from portal.plugins.vazirmatn import VazirmatnPlugin

__all__ = ["CSPPlugin", "SameOriginPlugin", "StableLockPlugin", "VazirmatnPlugin"]
