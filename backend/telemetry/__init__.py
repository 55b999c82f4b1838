"""DocuChat's instruments, shipped by the side that bills from them, so the two never disagree about a name.

Needs only the standard library, `prometheus_client` and `openai`; reads no settings. Use:
`metered.MeteredOpenAI` and `metered_async.AsyncMeteredOpenAI` for the vendor's SDK, `middleware.RequestTimer` for an
ASGI application, `exposition.MetricsApp` for `/metrics`, `metrics.register_tenants` for children at zero.
"""
