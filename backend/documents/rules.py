"""Rules of a search: which documents are nearest to a question, and whether they speak of it at all."""

from collections import defaultdict
from collections.abc import Sequence

from backend.documents.types import Chunk, Match, Matches

MOST_DOCUMENTS = 5
# A passage whose words are less than this share of what was asked, by their rarity, only happens to have some of them.
_LEAST_SHARE = 0.4
# A word anywhere in a document counts this much beside the same words in one passage of it.
_WHOLE_DOCUMENT = 0.5
# The usual constant of reciprocal rank fusion: first places in one order do not outweigh good ones in both.
_SMOOTHING = 60


def ranked(matches: Matches) -> list[tuple[Match, float]]:
    """The best passage of each document with the document's score, the best first. At most five."""
    by_name: dict[str, list[Match]] = defaultdict(list)
    for match in matches.found:
        by_name[match.name].append(match)
    found = []
    for its in by_name.values():
        best = max(its, key=lambda match: (_score(match.ranks, matches.rarity), -match.chunk_id))
        whole = _score(_together(its), matches.rarity)
        found.append((best, _score(best.ranks, matches.rarity) + _WHOLE_DOCUMENT * whole))
    return sorted(found, key=lambda pair: (-pair[1], pair[0].name))[:MOST_DOCUMENTS]


def is_answered(matches: Matches, names: Sequence[str]) -> bool:
    """Whether one passage of these documents has enough of the question's words."""
    total = sum(matches.rarity)
    shares = (_share(match, matches.rarity) for match in matches.found if match.name in names)
    return max(shares, default=0.0) >= _LEAST_SHARE * total > 0


def of_different_documents(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The first chunk of each document. At most five."""
    return list({chunk.name: chunk for chunk in reversed(chunks)}.values())[::-1][:MOST_DOCUMENTS]


def fused(orders: Sequence[Sequence[int]]) -> list[int]:
    """Several orders of the same things as one (reciprocal rank fusion), the best first."""
    scores: dict[int, float] = defaultdict(float)
    for order in orders:
        for place, each in enumerate(order, 1):
            scores[each] += 1 / (_SMOOTHING + place)
    return sorted(scores, key=lambda each: (-scores[each], each))


def _share(match: Match, rarity: Sequence[float]) -> float:
    return sum(rare for rare, rank in zip(rarity, match.ranks, strict=True) if rank)


def _together(its: Sequence[Match]) -> tuple[float, ...]:
    """The best rank of each word in any passage of a document."""
    return tuple(max(ranks) for ranks in zip(*(match.ranks for match in its), strict=True)) if its else ()


def _score(ranks: Sequence[float], rarity: Sequence[float]) -> float:
    return sum(rare * rank for rare, rank in zip(rarity, ranks, strict=True))
