"""The rule of taking back: which invoices lose credit that turned out to be none."""

from collections import Counter
from collections.abc import Iterable, Mapping

from backend.invoices.types import InvoiceId


def to_reopen(
    uses: Iterable[tuple[InvoiceId, int]], reopened: Mapping[InvoiceId, int], debt_rial: int
) -> Counter[InvoiceId]:
    """The credit to take back from each invoice, in rial, until a debt is covered or no use of credit is left.

    Args:
        uses: credit used on invoices, the youngest use first; both are positive.
        reopened: credit taken back from these uses before, for each invoice.
        debt_rial: the missing credit; nothing is taken when it is zero.
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
