import numpy as np
import pytest

from mlsd_lib.worlds.search.typing_errors import KINDS, SHARES, misspell

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def near(one: str, other: str) -> bool:
    (x, line), (u, row) = [
        (keys.index(key), n) for key in (one, other) for n, keys in enumerate(KEYBOARD) if key in keys
    ]
    return abs(line - row) <= 1 and abs(x + 0.5 * line - u - 0.5 * row) <= 1


def which(before: str, after: str) -> str:
    """The kind of the one error that makes `after` of `before`."""
    if len(after) == len(before) - 1:
        gone = [c for n, c in enumerate(before) if before[:n] + before[n + 1 :] == after]
        return "joined" if gone[:1] == [" "] else "omission" if gone else "?"
    if len(after) == len(before) + 1:
        return "doubling" if any(before[: n + 1] + before[n:] == after for n in range(len(before))) else "?"
    differ = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    if len(differ) == 1 and near(before[differ[0]], after[differ[0]]):
        return "neighbour"
    swapped = len(differ) == 2 and differ[1] == differ[0] + 1
    swapped = swapped and before[differ[0]] + before[differ[1]] == after[differ[1]] + after[differ[0]]
    return "transposition" if swapped else "?"


def many(text: str, n: int = 4_000) -> list[str]:
    where, how, choice = np.random.default_rng(0).random((3, n))
    return misspell(np.array([text] * n), where, how, choice).tolist()


def test_each_error_is_one_of_the_kinds_and_as_common_as_stated() -> None:
    kinds = [which("italian restaurant", typed) for typed in many("italian restaurant")]
    for kind, share in zip(KINDS, SHARES, strict=True):
        assert kinds.count(kind) / len(kinds) == pytest.approx(share, abs=0.025)


def test_long_words_get_more_errors_and_first_letters_none() -> None:
    typed = [text.split() for text in many("jazz restaurants")]
    two = [words for words in typed if len(words) == 2]
    long, short = (
        np.mean([words[place] != word for words in two]) for place, word in ((1, "restaurants"), (0, "jazz"))
    )
    assert long / short == pytest.approx(10 / 3, rel=0.15)  # letters but the first
    assert {words[0][0] for words in two if len(words[0]) != 4} == {"j"}


def test_short_words_are_left_alone() -> None:
    assert set(many("go tap c")) <= {"go tap c", "gotap c", "go tapc"}
    assert set(many("go")) == {"go"}
    assert all(text.startswith(("go ", "golists")) for text in many("go lists"))


def test_each_text_gets_its_own_error_whatever_else_is_in_the_batch() -> None:
    texts = np.array(["italian restaurant", "cheap waterproof hiking boots", "go", "plumber"])
    draws = np.random.default_rng(1).random((3, 4))
    together = misspell(texts, *draws).tolist()
    assert together == [misspell(texts[n : n + 1], *draws[:, n : n + 1])[0] for n in range(4)]
    assert misspell(np.array([], dtype=object), [], [], []).tolist() == []
