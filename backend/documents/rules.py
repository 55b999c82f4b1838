"""Rules of a search: which documents are nearest to a question, and whether they speak of it at all."""

from collections import defaultdict
from collections.abc import Sequence

from backend.documents.types import Chunk, Match, Matches
from backend.i18n.catalog import Lang

MOST_DOCUMENTS = 5
# A passage whose words are less than this share of what was asked, by their rarity, only happens to have some of them.
# People say one thing in more ways in Persian, where PostgreSQL knows no stems.
_LEAST_SHARE: dict[Lang, float] = {"en": 0.5, "fa": 0.4}
# A word that no document has counts no more than one that some have: it may be another word for what they say.
_MOST_RARITY = 2.5
# Questions and the passages that answer them are about this near in the provider's embeddings, others far less.
_LEAST_LIKENESS = 0.45
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


def is_answered(matches: Matches, names: Sequence[str], lang: Lang) -> bool:
    """Whether one passage of these documents has enough of the question's words."""
    rarity = [min(rare, _MOST_RARITY) for rare in matches.rarity]
    shares = (_share(match, rarity) for match in matches.found if match.name in names)
    return max(shares, default=0.0) >= _LEAST_SHARE[lang] * sum(rarity) > 0


def is_alike(likeness: Sequence[float]) -> bool:
    """Whether the meaning of a passage comes near enough to that of the question; ``likeness`` are cosines."""
    return max(likeness, default=0.0) >= _LEAST_LIKENESS


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
