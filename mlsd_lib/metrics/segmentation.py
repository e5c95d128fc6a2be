"""Metrics of label images: intersection over union of each class, so that a small class weighs as much as the road."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array

_PIXELS = 1 << 22  # pixels counted at a time


def confusion(labels: Array, predicted: Array, *, classes: int, ignore: int | None = None) -> Array:
    """How many pixels of each true class were given each class.

    Args:
        labels: True classes, integers, of any shape, such as (images, height, width).
        predicted: Predicted classes, of the same shape.
        classes: How many classes there are; values run from 0 to classes - 1.
        ignore: A value of `labels` whose pixels do not count, such as 255.

    Returns:
        An int64 array of shape (classes, classes): a row a true class, a column a predicted one.

    Raises:
        ValueError: If shapes differ, the arrays are not of integers, or a class is out of range.

    Chapter: Metrics.

    >>> confusion(np.array([[0, 0], [1, 1]]), np.array([[0, 1], [1, 1]]), classes=2).tolist()
    [[1, 1], [0, 2]]
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"confusion: labels has the shape {labels.shape} and predicted {predicted.shape}.")
    for name, values in (("labels", labels), ("predicted", predicted)):
        if values.dtype.kind not in "iu":
            raise ValueError(f"confusion: {name} holds {values.dtype}, and classes are integers. Take the argmax.")
    counts = np.zeros(classes * classes, dtype=np.int64)
    true, found = labels.reshape(-1), predicted.reshape(-1)
    for start in range(0, len(true), _PIXELS):
        one, other = true[start : start + _PIXELS].astype(np.int64), found[start : start + _PIXELS].astype(np.int64)
        if ignore is not None:
            one, other = one[one != ignore], other[one != ignore]
        for name, values in (("labels", one), ("predicted", other)):
            wrong = (values < 0) | (values >= classes)
            if wrong.any():
                raise ValueError(
                    f"confusion: {name} has {int(wrong.sum())} pixels of no class (first: {values[wrong][0]}); "
                    f"expected 0 to {classes - 1}. Pass ignore= for a value of labels that does not count."
                )
        counts += np.bincount(one * classes + other, minlength=classes * classes)
    return counts.reshape(classes, classes)


def iou(labels: Array, predicted: Array, *, classes: Sequence[str], ignore: int | None = None) -> pd.Series[float]:
    """Intersection over union of each class, over all pixels of all images; its `mean()` is the mean IoU.

    Args:
        labels: True classes, integers, of any shape, such as (images, height, width).
        predicted: Predicted classes, of the same shape.
        classes: Names of the classes 0, 1, ….
        ignore: A value of `labels` whose pixels do not count.

    Returns:
        A value in [0, 1] for each class, indexed by its name; NaN for a class that is neither there nor predicted,
        which the mean leaves out.

    Raises:
        ValueError: As `confusion`, or if there is no class.

    Source: [cordts2016cityscapes]. Chapter: Metrics.

    >>> iou(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), classes=["road", "pole"]).to_dict()
    {'road': 0.75, 'pole': 0.0}
    """
    if not len(classes):
        raise ValueError("iou: no class given. Name them in the order of their numbers.")
    counts = confusion(labels, predicted, classes=len(classes), ignore=ignore)
    both = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - both
    value = np.divide(both, either, out=np.full(len(classes), np.nan), where=either > 0)
    return pd.Series(value, index=pd.Index(list(classes), name="class"), name="iou")
