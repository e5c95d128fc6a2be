"""A world of videos: a shelf of thumbnails, viewers who click and watch, and clickbait that nobody watches for long.

A video's title can shout. Shouting attracts clicks and disappoints: the watch is short, and a viewer who leaves a video
within seconds may leave altogether. What a model may see are the columns of `VideoWorld.videos` and whether the topic
is the viewer's; what is true (`VideoWorld.truth`) also depends on qualities that no column holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.worlds import chance

TOPICS = ("cooking", "news", "repairs", "sport")
SHORT_MIN = 2.0  # a video below this many minutes counts as short
LEFT_AT_ONCE_S = 30.0  # a click watched for less than this many seconds counts as left at once


@dataclass(frozen=True)
class VideoWorld:
    """A catalogue of videos, and viewers who are offered a few of them at a time.

    Attributes:
        seed: Seed of everything that is drawn.
        n_videos: Videos in the catalogue; at least 20.
        n_channels: Channels that publish them; at least 1.
        lure: How strongly a shouting title raises the log odds of a click.
        letdown: How strongly it shortens the watch, on a logarithmic scale.
        patience: Probability of looking at the next video after one that was not clicked, or was watched.
        forgiveness: The same after a video that was left at once.

    Raises:
        ValueError: If there are too few videos or channels, or a probability is outside [0, 1].

    Source: [covington2016youtube] for the trouble with clicks. Chapter: Set up the problem.

    >>> world = VideoWorld(seed=0)
    >>> requests = world.requests(3, day=0)
    >>> candidates = world.candidates(requests, per_request=4)
    >>> candidates.columns.tolist()
    ['request_id', 'video_id', 'channel', 'minutes', 'shouting', 'topic', 'match']
    """

    seed: int = 0
    n_videos: int = 1_000
    n_channels: int = 8
    lure: float = 2.6
    letdown: float = 3.4
    patience: float = 0.95
    forgiveness: float = 0.55

    def __post_init__(self) -> None:
        if self.n_videos < 20 or self.n_channels < 1:
            raise ValueError(
                f"VideoWorld: n_videos={self.n_videos} and n_channels={self.n_channels}. "
                "A shelf needs at least 20 videos and one channel."
            )
        for name in ("patience", "forgiveness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"VideoWorld: {name} is {getattr(self, name)}, and a probability lies in [0, 1].")

    @cached_property
    def videos(self) -> pd.DataFrame:
        """What anybody can see of a video before it is clicked.

        Returns:
            One row a video: `video_id`, `channel`, `minutes` (length), `shouting` (how loud title and thumbnail are,
            from 0 to 1) and `topic`.

        Chapter: Set up the problem.
        """
        ids = np.arange(self.n_videos)
        topic = (chance.uniform(self.seed, "topic", ids) * len(TOPICS)).astype(int)
        return pd.DataFrame(
            {
                "video_id": ids,
                "channel": (chance.uniform(self.seed, "channel", ids) * self.n_channels).astype(int),
                "minutes": np.exp(1.5 + 0.9 * chance.normal(self.seed, "length", ids)),
                "shouting": chance.uniform(self.seed, "shouting", ids) ** 2,
                "topic": np.array(TOPICS)[topic],
            }
        )

    def requests(self, n: int, *, day: int) -> pd.DataFrame:
        """Viewers who open the home page on one day; a viewer comes once, and different days bring different viewers.

        Args:
            n: Number of requests; at least 1.
            day: Number of the day, from 0.

        Returns:
            One row a request: `request_id` and `interest`, the topic that the viewer's history shows.

        Raises:
            ValueError: If `n` is below 1 or `day` is negative.

        Chapter: Set up the problem.
        """
        if n < 1 or day < 0:
            raise ValueError(f"VideoWorld.requests: n={n}, day={day}. Ask for at least 1 request on a day from 0 on.")
        ids = day * 10_000_000 + np.arange(n)
        interest = (chance.uniform(self.seed, "interest", ids) * len(TOPICS)).astype(int)
        return pd.DataFrame({"request_id": ids, "interest": np.array(TOPICS)[interest]})

    def candidates(self, requests: pd.DataFrame, *, per_request: int = 24) -> pd.DataFrame:
        """The videos that an earlier stage found for each request, with what is visible about them.

        Args:
            requests: Columns `request_id` and `interest`.
            per_request: Candidates for each request; between 1 and the size of the catalogue.

        Returns:
            One row a request and candidate: the ids, the columns of `videos`, and `match` (1 where the video's topic is
            the viewer's interest). Rows of a request stand together, in no meaningful order.

        Raises:
            ValueError: If `per_request` is out of range, or `requests` lacks a column.

        Chapter: Set up the problem.
        """
        if not 1 <= per_request <= self.n_videos:
            raise ValueError(
                f"VideoWorld.candidates: per_request={per_request}; between 1 and {self.n_videos} was expected."
            )
        _need(requests, "requests", "request_id", "interest")
        ids = requests["request_id"].to_numpy()
        # A random start and a stride without a common divisor never repeat a video within a request.
        strides = np.flatnonzero(np.gcd(np.arange(1, self.n_videos), self.n_videos) == 1) + 1
        start = (chance.uniform(self.seed, "start", ids) * self.n_videos).astype(int)
        stride = strides[(chance.uniform(self.seed, "stride", ids) * len(strides)).astype(int)]
        video = (start[:, None] + stride[:, None] * np.arange(per_request)).ravel() % self.n_videos
        rows: pd.DataFrame = self.videos.iloc[video].reset_index(drop=True)
        rows.insert(0, "request_id", np.repeat(ids, per_request))
        interest = np.repeat(requests["interest"].to_numpy(), per_request)
        return rows.assign(match=(rows["topic"].to_numpy() == interest).astype(int))

    def shuffle(self, candidates: pd.DataFrame) -> npt.NDArray[np.float64]:
        """A random score for every candidate: the small share of traffic that a careful team serves in random order.

        Args:
            candidates: Columns `request_id` and `video_id`.

        Returns:
            One score in (0, 1) for every row.

        Chapter: Set up the problem.
        """
        return chance.uniform(self.seed, "shuffle", candidates["request_id"], candidates["video_id"])

    def features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What a model may see, as numbers.

        Args:
            rows: Candidates or a log, with the columns of `candidates`.

        Returns:
            A row a row: `shouting`, its square, `match`, `length` (log minutes), its square, and a column a channel.

        Raises:
            ValueError: If a column is missing.

        Chapter: Set up the problem.
        """
        _need(rows, "rows", "shouting", "match", "minutes", "channel")
        length = np.log(rows["minutes"].to_numpy())
        loud = rows["shouting"].to_numpy()
        columns = {"shouting": loud, "shouting_2": loud**2, "match": rows["match"].to_numpy()}
        columns |= {"length": length, "length_2": length**2}
        channel = rows["channel"].to_numpy()
        columns |= {f"channel_{c}": (channel == c).astype(float) for c in range(1, self.n_channels)}
        return pd.DataFrame(columns, index=rows.index)

    def truth(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What is true of a video for a viewer. For judging only: no model may see it.

        Args:
            rows: Candidates or a log, with the columns of `candidates`.

        Returns:
            One row a row: `click` (probability of a click when the video is looked at), `watch_s` (expected seconds
            watched after a click) and `value_s`, their product: the expected seconds watched per look.

        Raises:
            ValueError: If a column is missing.

        Chapter: Set up the problem.
        """
        mean, length_s = self._mean_watch_s(rows), 60 * rows["minutes"].to_numpy()
        watch = mean * -np.expm1(-length_s / mean)  # mean of an exponential watch that ends with the video
        click = self._attraction(rows)
        return pd.DataFrame({"click": click, "watch_s": watch, "value_s": click * watch}, index=rows.index)

    def respond(self, shown: pd.DataFrame) -> pd.DataFrame:
        """What viewers do with the shelves they are shown.

        A viewer looks from the top, clicks or not, watches, and looks on or leaves. The draws for a viewer and a video
        are the same whatever else is on the shelf, so two rankings of the same candidates meet the same luck.

        Args:
            shown: Columns of `candidates`, and `position` (from 1, without gaps within a request).

        Returns:
            The log: the rows that came into view, with `clicked` (0 or 1) and `watched_s` (0 without a click). Rows
            that the viewer never reached are not in it, as on a phone, which reports what was scrolled into view.

        Raises:
            ValueError: If a column is missing, or a request shows two videos at one position.

        Chapter: Set up the problem.
        """
        _need(shown, "shown", "request_id", "video_id", "position")
        twice = shown.duplicated(["request_id", "position"])
        if twice.any():
            first = shown[twice].iloc[0]
            raise ValueError(
                f"shown: {twice.sum()} rows share a request_id and a position (first: request_id={first.request_id}, "
                f"position={first.position}). Number the rows of each request from 1."
            )
        log = shown.sort_values(["request_id", "position"], kind="stable").reset_index(drop=True)
        who, what = log["request_id"].to_numpy(), log["video_id"].to_numpy()
        clicked = chance.uniform(self.seed, "click", who, what) < self._attraction(log)
        watch = self._mean_watch_s(log) * chance.exponential(self.seed, "watch", who, what)
        watched = np.where(clicked, np.minimum(watch, 60 * log["minutes"].to_numpy()), 0.0)
        goes_on = np.where(clicked & (watched < LEFT_AT_ONCE_S), self.forgiveness, self.patience)
        leaves = pd.Series(chance.uniform(self.seed, "stay", who, what) >= goes_on)
        gone = leaves.groupby(who).cumsum() - leaves.astype(int) > 0  # somebody who left earlier on this shelf
        return log.assign(clicked=clicked.astype(int), watched_s=watched)[~gone.to_numpy()].reset_index(drop=True)

    def sessions(self, log: pd.DataFrame) -> pd.DataFrame:
        """The log summed up by session, which is what the owner of the product looks at.

        Args:
            log: As `respond` returns it.

        Returns:
            One row a request, ordered by `request_id`: `clicks`, `minutes` (watched) and `left_at_once` (clicks watched
            for less than 30 s).

        Chapter: Set up the problem.
        """
        at_once = (log["clicked"] == 1) & (log["watched_s"] < LEFT_AT_ONCE_S)
        columns = {"clicks": log["clicked"], "minutes": log["watched_s"] / 60, "left_at_once": at_once.astype(int)}
        return pd.DataFrame(columns).groupby(log["request_id"]).sum().reset_index()

    def _attraction(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        channel, video = rows["channel"].to_numpy(), rows["video_id"].to_numpy()
        log_odds = -4.2 + self.lure * rows["shouting"].to_numpy() + 0.7 * rows["match"].to_numpy()
        log_odds += 0.3 * chance.normal(self.seed, "channel appeal", channel)
        log_odds += 0.2 * chance.normal(self.seed, "appeal", video)
        return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)

    def _mean_watch_s(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        channel, video = rows["channel"].to_numpy(), rows["video_id"].to_numpy()
        log_mean = np.log(300) - self.letdown * rows["shouting"].to_numpy() + 0.3 * rows["match"].to_numpy()
        log_mean += 0.3 * chance.normal(self.seed, "channel worth", channel)
        log_mean += 0.2 * chance.normal(self.seed, "worth", video)
        return np.asarray(np.exp(log_mean), dtype=np.float64)


def top(
    candidates: pd.DataFrame, score: npt.ArrayLike, *, k: int, reserved: int = 0, reserve: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """The best k candidates of every request, with a few places kept for rows that would not earn them.

    Args:
        candidates: Column `request_id`; one row a request and candidate.
        score: One finite number for every row; higher is shown earlier. Ties keep the order of the rows.
        k: Places on the shelf; at least 1.
        reserved: Of the k places, those kept for the best rows of `reserve`; fewer where a request has fewer such rows.
        reserve: One boolean for every row, True for rows that may take a reserved place.

    Returns:
        At most k rows a request, ordered by score, with `score` and `position` from 1.

    Raises:
        ValueError: If a score is missing or not finite, or places are reserved and `reserve` does not say for what.

    Chapter: Set up the problem.

    >>> shelf = pd.DataFrame({"request_id": [1, 1, 1], "video_id": ["a", "b", "c"]})
    >>> top(shelf, [0.2, 0.9, 0.5], k=2).video_id.tolist()
    ['b', 'c']
    >>> top(shelf, [0.2, 0.9, 0.5], k=2, reserved=1, reserve=[True, False, False]).video_id.tolist()
    ['b', 'a']
    """
    _need(candidates, "candidates", "request_id")
    scores = np.asarray(score, dtype=np.float64)
    if scores.shape != (len(candidates),) or not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores)).sum())
        raise ValueError(
            f"top: {scores.size} scores for {len(candidates)} candidates, {bad} of them not finite. "
            "Give one finite score for every row."
        )
    if not 0 <= reserved <= k or k < 1 or (reserved and reserve is None):
        raise ValueError(
            f"top: k={k}, reserved={reserved}. Reserve at most k of at least 1 places, "
            "and pass `reserve` to say for which rows."
        )
    rows = candidates.assign(score=scores)
    rows = rows.iloc[np.lexsort((-scores, rows["request_id"].to_numpy()))]
    kept = np.zeros(len(rows), dtype=bool)
    if reserved:
        may = np.asarray(reserve, dtype=bool)[np.lexsort((-scores, candidates["request_id"].to_numpy()))]
        place = pd.Series(may.astype(int)).groupby(rows["request_id"].to_numpy()).cumsum().to_numpy()
        kept = may & (place <= reserved)
    first = rows.iloc[np.lexsort((~kept, rows["request_id"].to_numpy()))].groupby("request_id", sort=False).head(k)
    shown = first.iloc[np.lexsort((-first["score"].to_numpy(), first["request_id"].to_numpy()))].reset_index(drop=True)
    return shown.assign(position=shown.groupby("request_id").cumcount() + 1)


def _need(table: pd.DataFrame, name: str, *columns: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(
            f"{name}: column {missing[0]!r} is missing; needed are {', '.join(columns)}. "
            f"It has: {', '.join(map(str, table))}."
        )
