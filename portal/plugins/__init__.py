"""Reflex build plugins: the font, the hashes of the content security policy, the address-free build."""

from portal.plugins.csp import CSPPlugin
from portal.plugins.same_origin import SameOriginPlugin
from portal.plugins.vazirmatn import VazirmatnPlugin

__all__ = ["CSPPlugin", "SameOriginPlugin", "VazirmatnPlugin"]
