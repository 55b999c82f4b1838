"""The quota controller: what a namespace uses of what it may."""

from backend.sandbox.kubernetes.admission import quota_used
from backend.sandbox.kubernetes.store import ObjectKey, Store


class QuotaController:
    """Keeps the figures of quotas."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def sync(self, key: ObjectKey) -> None:
        """Count once."""
        quota = self._store.find("resourcequotas", key)
        if quota is not None:
            hard = quota.get("spec", {}).get("hard", {})
            self._store.put_status(
                "resourcequotas", quota, {"hard": hard, "used": quota_used(self._store, quota)}
            )
