"""The rule of taking back: which invoices lose credit that turned out to be none."""

from collections import Counter
from collections.abc import Iterable, Mapping

from backend.invoices.types import InvoiceId


def to_reopen(
    uses: Iterable[tuple[InvoiceId, int]], reopened: Mapping[InvoiceId, int], debt_rial: int
) -> Counter[InvoiceId]:
    """What each invoice loses so that a debt is gone, or as much of it as uses of credit cover.

    Args:
        uses: what credit paid on which invoice, the youngest use first; both are positive.
        reopened: what was taken from these uses before, for each invoice.
        debt_rial: what the credit lacks; nothing is taken when it lacks nothing.
    """
    found: Counter[InvoiceId] = Counter()
    taken = Counter(reopened)
    for invoice_id, used in uses:
        gone = min(used, taken[invoice_id])
        taken[invoice_id] -= gone
        part = min(used - gone, debt_rial - found.total())
        if part > 0:
            found[invoice_id] += part
    return found
