"""A news site: a front page that decides what people see, and a box beside each article that could show them more.

What people read says what the front page showed them as much as what they like. A recommender that predicts the log
well may predict the front page; shown in the box, it offers what people have seen already.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance


@dataclass(frozen=True)
class FrontPage:
    """Stories, of which few stand where everybody sees them, and readers with tastes.

    Attributes:
        seed: Seed of everything that is drawn.
        stories: How many stories; at least 10. Story 0 stands at the top.
        steep: A reader sees story i (from 0) on the front page with probability (1 + i) ** -steep; at least 0.
        base: Log odds that a reader reads a story of average liking that they see.
        taste: How much taste adds to these log odds, as a standard deviation; at least 0.

    Raises:
        ValueError: If a parameter is out of range.

    Source: [garcin2014swissinfo]. Chapter: Offline evaluation.

    >>> world = FrontPage(seed=0, stories=50)
    >>> world.reads(np.arange(100)).columns.tolist()
    ['reader_id', 'story_id']
    """

    seed: int = 0
    stories: int = 300
    steep: float = 0.6
    base: float = -1.5
    taste: float = 1.5

    def __post_init__(self) -> None:
        if self.stories < 10 or not 0 <= self.steep < np.inf or not 0 <= self.taste < np.inf:
            raise ValueError(
                f"FrontPage: stories={self.stories} (at least 10), steep={self.steep} and taste={self.taste} (at least "
                "0)."
            )

    @cached_property
    def topics(self) -> Array:
        """What each story is about, as a text model would say it, of shape (stories, 4)."""
        return chance.normal(self.seed, "topic", np.arange(self.stories)[:, None], np.arange(4))

    def reads(self, readers: npt.ArrayLike) -> pd.DataFrame:
        """What readers read while nothing is recommended: all that a log holds.

        Args:
            readers: Ids of readers, integers from 0, of shape (readers,).

        Returns:
            A row a story that was read: `reader_id` and `story_id`, by reader.

        Chapter: Offline evaluation.
        """
        who = np.asarray(readers)
        read = self._seen(who) & self._would_read(who)
        at, story = np.nonzero(read)
        return pd.DataFrame({"reader_id": who[at], "story_id": story})

    def held_out(self, reads: pd.DataFrame, seed: int = 0) -> tuple[Array, pd.DataFrame]:
        """One read of each reader to be found again, and what is known of everybody without it.

        Args:
            reads: As `reads` returned them, for the readers 0, 1, … up to the last.
            seed: Seed of which read is held out.

        Returns:
            1.0 for each story that a reader is known to have read, of shape (readers, stories), and a row a reader with
            any read: `reader_id` and `story_id`, the one that is held out.

        Raises:
            ValueError: If there is no read, or one is of no story of this world.

        Chapter: Offline evaluation.

        >>> world = FrontPage(seed=0, stories=50)
        >>> known, held = world.held_out(world.reads(np.arange(100)))
        >>> bool(known[held["reader_id"], held["story_id"]].any())
        False
        """
        reader, story = reads["reader_id"].to_numpy(), reads["story_id"].to_numpy()
        if not len(reads) or reader.min() < 0 or story.min() < 0 or story.max() >= self.stories:
            raise ValueError(
                f"FrontPage: {len(reads)} reads; expected some, of readers from 0 and of stories from 0 to "
                f"{self.stories - 1}."
            )
        luck = chance.uniform(self.seed, "held out", seed, reader, story)
        held = reads.iloc[np.lexsort((luck, reader))].drop_duplicates("reader_id").reset_index(drop=True)
        known = np.zeros((int(reader.max()) + 1, self.stories))
        known[reader, story] = 1.0
        known[held["reader_id"], held["story_id"]] = 0.0
        return known, held

    def clicks(self, readers: npt.ArrayLike, shown: npt.ArrayLike) -> Array:
        """Which of the stories in the box are clicked: those that a reader has not seen yet and would read.

        Args:
            readers: Ids of readers, of shape (readers,).
            shown: Stories in each reader's box, of shape (readers, places).

        Returns:
            bool of the shape of `shown`.

        Raises:
            ValueError: If shapes do not fit or a story is none of this world.

        Chapter: Offline evaluation.

        >>> world = FrontPage(seed=0, stories=50, steep=0.0)  # everybody has seen everything
        >>> world.clicks([0, 1], [[3, 4], [5, 6]]).any().item()
        False
        """
        who, story = np.asarray(readers), np.asarray(shown)
        if story.ndim != 2 or len(story) != len(who) or ((story < 0) | (story >= self.stories)).any():
            raise ValueError(
                f"FrontPage: shown has the shape {story.shape} for {len(who)} readers; expected a row of stories from "
                f"0 to {self.stories - 1} for each."
            )
        new = self._would_read(who) & ~self._seen(who)
        return np.asarray(np.take_along_axis(new, story, axis=1))

    def _seen(self, who: Array) -> Array:
        story = np.arange(self.stories)
        return np.asarray(chance.uniform(self.seed, "sees", who[:, None], story) < (1.0 + story) ** -self.steep)

    def _would_read(self, who: Array) -> Array:
        likes = chance.normal(self.seed, "taste", who[:, None], np.arange(4)) @ self.topics.T / 2
        odds = self.base + self.taste * likes
        luck = chance.uniform(self.seed, "reads", who[:, None], np.arange(self.stories))
        return np.asarray(luck < 1 / (1 + np.exp(-odds)))
