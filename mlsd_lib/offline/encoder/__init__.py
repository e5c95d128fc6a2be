"""A pre-trained encoder reused: vectors of texts, for a model that has to know that a solicitor is a lawyer.

The encoder, all-MiniLM-L6-v2 (Apache-2.0), is an extra of 90 MB that brings PyTorch. So that a page can do without it,
`data/tables/encoder.npz` has the vectors of the pages and questions of one small world, and `encoder.json` beside it
says which, and where they come from. `python data/make_vectors.py` makes both again.

Whole texts are kept. The vectors of the world's 1,500 words and phrases, averaged with rarity as weights, would serve
every world of its kind and found less: of the relevant pages that share no word with their question, 26 in 100 among 50
candidates, against 51. A page says what it is about in one sentence of five. Rare words the encoder knows badly, too:
of the seven that the table holds to try, "taqueria" is nearest to "trattoria", not "italian restaurant".
"""

from mlsd_lib.offline.encoder.retrieval import alternate, nearest, no_word_shared, questions, retrieve, similarity
from mlsd_lib.offline.encoder.table import DIMENSIONS, MODEL, SHA256, Origin, encode, origin, packed, path, vectors

__all__ = [
    "DIMENSIONS",
    "MODEL",
    "SHA256",
    "Origin",
    "alternate",
    "encode",
    "nearest",
    "no_word_shared",
    "origin",
    "packed",
    "path",
    "questions",
    "retrieve",
    "similarity",
    "vectors",
]
