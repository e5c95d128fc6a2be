"""Make `data/tables/encoder.npz` and `encoder.json` again: run it in a checkout that has the extra `encoder`.

The texts are those of SearchWorld(seed=0, documents=1_000): each page as its title and text, and what 300 people search
for on two days, as the search system without training corrects and places it.
"""

import json
import platform
import time
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch

from mlsd_lib.offline import encoder
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld

TEXTS = (
    "SearchWorld(seed=0, documents=1_000): its documents as title + '. ' + text, and encoder.questions of what the "
    "understanding of search.fit(documents) hands on (rewritten, near) for requests(users, n=1_200, day=0, seed=1) and "
    "requests(users, n=1_000, day=1, seed=2), users = users(300, seed=1); and a few words to try: "
)
WORDS = ("solicitor", "lawyer", "trattoria", "italian restaurant", "taqueria", "mexican restaurant", "dentist")

world = SearchWorld(seed=0, documents=1_000)
users = world.users(300, seed=1)
requests = pd.concat([world.requests(users, 1_200, day=0, seed=1), world.requests(users, 1_000, day=1, seed=2)])
asked = search.fit(world.documents).trace(requests).after["understanding"].requests
pages = sorted({*(world.documents["title"] + ". " + world.documents["text"])})
questions = sorted({*encoder.questions(asked["rewritten"], asked["near"]), *WORDS} - {*pages})

torch.set_num_threads(1)
encoder.encode(pages[:64])  # loads and warms what is not to be timed
start = time.process_time()
made = encoder.encode(pages)
page_ms = (time.process_time() - start) / len(pages) * 1_000
start = time.process_time()
alone = np.concatenate([encoder.encode([question]) for question in questions])
question_ms = (time.process_time() - start) / len(questions) * 1_000
packed = encoder.packed([*pages, *questions], np.concatenate([made, alone]))
np.savez_compressed(encoder.path("npz"), **packed)
told = encoder.Origin(
    model=encoder.MODEL,
    licence="Apache-2.0",
    weights_sha256=encoder.SHA256,
    libraries={name: version(name) for name in ("sentence-transformers", "transformers", "torch", "numpy")},
    texts=TEXTS + ", ".join(WORDS),
    count=len(pages) + len(questions),
    page_ms=round(page_ms, 1),
    question_ms=round(question_ms, 1),
    machine=f"{platform.system()} {platform.machine()}, one thread, Python {platform.python_version()}",
    command="python data/make_vectors.py",
)
encoder.path("json").write_text(json.dumps(asdict(told), indent=1) + "\n", encoding="utf-8")
print(f"{told.count} texts, {told.page_ms} ms a page, {told.question_ms} ms a question")
