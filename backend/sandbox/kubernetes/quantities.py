"""Amounts of resources as Kubernetes writes them: ``250m``, ``512Mi``, ``2``."""

from decimal import Decimal, InvalidOperation

from backend.sandbox.kubernetes.store import Object

_UNITS = {
    "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip
_ROUND = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def amount(text: object) -> Decimal:
    """The number that a quantity means.

    Raises:
        ValueError: it is none.
    """
    written = str(text)
    for suffix in sorted(_UNITS, key=len, reverse=True):
        if written.endswith(suffix):
            written = written.removesuffix(suffix)
            break
    else:
        suffix = ""
    try:
        return Decimal(written) * _UNITS.get(suffix, Decimal(1))
    except InvalidOperation:
        raise ValueError(f"unable to parse quantity {text!r}") from None


def written(name: str, value: Decimal) -> str:
    """The shortest way to write an amount of a resource."""
    if name.endswith("cpu"):
        return f"{int(value)}" if value == int(value) else f"{int(value * 1000)}m"
    if name.endswith(("memory", "storage")):
        for suffix, size in _ROUND:
            if value and value % size == 0:
                return f"{int(value) // size}{suffix}"
    return f"{int(value)}"


def requests_of(spec: Object) -> dict[str, Decimal]:
    """The requests of a pod's containers together."""
    return _sum(spec, "requests")


def limits_of(spec: Object) -> dict[str, Decimal]:
    """The limits of a pod's containers together."""
    return _sum(spec, "limits")


def _sum(spec: Object, kind: str) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for container in spec.get("containers", ()):
        for name, text in container.get("resources", {}).get(kind, {}).items():
            total[name] = total.get(name, Decimal(0)) + amount(text)
    return total
