"""The skeleton of a chapter: everything a chapter must have, in the order in which a reader meets it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FRAMEWORK = "  - caption: The framework, step by step\n    chapters:\n"
TEMPLATE = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
mlsd:
  step: {step}
  title: "{title}"
---

# {title}

> The interviewer's question, in the interviewer's words.

:::{{covers}}
:builds_on: the chapter before this one
- The first thing that a reader can do afterwards.
:::

Start from a situation. Then ask the question that the first experiment answers.

:::{{predict}} What share of the draws is above the bound, in per cent?
:name: {slug}_above
:unit: %
:scale: 100
:::

```{{code-cell}} ipython3
:tags: [hide-output, nbval-check-output]

import numpy as np

from mlsd_lib import study
from mlsd_lib.receipts import given, receipt

bound, draws, seed = 1.0, 100_000, 0
above = np.mean(np.random.default_rng(seed).normal(size=draws) > bound)
given({slug}_draws=draws)
receipt(seed=seed, {slug}_above=above)
```

Of {{glue:text}}`{slug}_draws:,` draws, {{glue:text}}`{slug}_above:.1%` lie above it. Read the number aloud:
what moved, by how much, with what uncertainty, what it costs, what you would decide.

## Take-aways

- One sentence that a reader will still know next month.

## Exercises

:::{{exercise}} A first one
:label: ex-{slug}-1

What share lies below the bound?
:::

:::{{solution-start}} ex-{slug}-1
:class: dropdown
:::

```{{code-cell}} ipython3
below = 1 - above
study.check("the two shares make a whole", below + above, close_to=1.0, within=1e-9)
```

:::{{solution-end}}
:::

## Check yourself

:::{{quiz}} Why does a chapter quote its numbers through receipts?
:type: one
- So that the page looks tidy. <!-- no: It does, but that is not why. -->
- So that a number in the prose cannot differ from the run. <!-- yes: Nothing is typed in, so nothing can go stale. -->
:::

:::{{interview}}
What to say aloud, and what would change your decision.
:::

## Further reading

The reasons for keeping a first model simple are in {{cite}}`zinkevich2017rules`.
"""


def new_chapter(root: Path, *, title: str, step: int) -> int:
    """Write the skeleton of a framework chapter and enter it into the table of contents.

    Args:
        root: The checkout.
        title: The chapter's title.
        step: Which of the eight steps it belongs to.

    Returns:
        0; 2 where the title has no letters, or a chapter of that name exists.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if not slug or not slug[0].isalpha():
        print(f"mlsd new-chapter: the title {title!r} must begin with a letter of a to z.", file=sys.stderr)
        return 2
    docname = f"chapters/framework/{step:02d}-{slug}"
    path = root / f"{docname}.md"
    if path.exists():
        print(f"mlsd new-chapter: {docname}.md exists already; nothing was changed.", file=sys.stderr)
        return 2
    toc = root / "_toc.yml"
    toc.write_text(_entered(toc.read_text(encoding="utf8"), docname), encoding="utf8")
    escaped = title.replace('"', '\\"')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(step=step, title=escaped, slug=slug.replace("-", "_")), encoding="utf8")
    print(f"{docname}.md is written and stands in _toc.yml. Next: `make book`, then `make refresh`, then `make test`.")
    return 0


def _entered(toc: str, docname: str) -> str:
    """The table of contents with a chapter entered in the order of the steps."""
    head, mark, tail = toc.partition(FRAMEWORK)
    if not mark:
        raise ValueError("_toc.yml: there is no part 'The framework, step by step' to enter the chapter into.")
    lines = tail.splitlines(keepends=True)
    size = next((i for i, line in enumerate(lines) if not line.startswith("      - file: ")), len(lines))
    entries = sorted([*lines[:size], f"      - file: {docname}\n"])
    return head + mark + "".join(entries) + "".join(lines[size:])
