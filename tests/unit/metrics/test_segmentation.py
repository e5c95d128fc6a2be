import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score

from mlsd_lib.metrics import segmentation

CLASSES = ["road", "car", "pole", "sky"]


def scenes(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, size=(3, 16, 20), p=[0.6, 0.3, 0.04, 0.06]).astype(np.uint8)
    wrong = rng.random(labels.shape) < 0.25
    return labels, np.where(wrong, rng.integers(4, size=labels.shape), labels).astype(np.int64)


def test_iou_agrees_with_scikit_learn():
    labels, predicted = scenes()
    ours = segmentation.iou(labels, predicted, classes=CLASSES)
    theirs = jaccard_score(labels.ravel(), predicted.ravel(), average=None)
    assert ours.index.tolist() == CLASSES
    np.testing.assert_allclose(ours, theirs)
    assert ours.mean() == pytest.approx(jaccard_score(labels.ravel(), predicted.ravel(), average="macro"))


def test_confusion_has_a_row_for_each_true_class(monkeypatch):
    labels, predicted = scenes(1)
    wanted = confusion_matrix(labels.ravel(), predicted.ravel())
    np.testing.assert_array_equal(segmentation.confusion(labels, predicted, classes=4), wanted)
    monkeypatch.setattr(segmentation, "_PIXELS", 7)
    np.testing.assert_array_equal(segmentation.confusion(labels, predicted, classes=4), wanted)
    assert segmentation.confusion(labels, predicted, classes=5)[4].tolist() == [0] * 5


def test_ignored_pixels_do_not_count_whatever_was_predicted():
    labels, predicted = scenes(2)
    holes = labels == 3
    ours = segmentation.iou(np.where(holes, 255, labels), predicted, classes=CLASSES, ignore=255)
    theirs = jaccard_score(labels[~holes], predicted[~holes], labels=range(4), average=None, zero_division=0)
    np.testing.assert_allclose(ours, theirs)


def test_a_class_that_is_nowhere_has_no_value_and_one_that_was_made_up_has_zero():
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    ours = segmentation.iou(labels, predicted, classes=CLASSES)
    assert ours[["road", "car", "pole"]].tolist() == [1.0, 0.5, 0.0]
    assert np.isnan(ours["sky"])
    assert ours.mean() == 0.5


def test_bad_images_are_refused():
    labels = np.array([[0, 1]])
    with pytest.raises(ValueError, match=r"labels has the shape \(1, 2\) and predicted \(2,\)"):
        segmentation.iou(labels, np.array([0, 1]), classes=CLASSES)
    with pytest.raises(ValueError, match="predicted holds float64, and classes are integers"):
        segmentation.iou(labels, labels / 2, classes=CLASSES)
    with pytest.raises(ValueError, match=r"labels has 1 pixels of no class .first: 7.; expected 0 to 3"):
        segmentation.iou(np.array([[0, 7]]), labels, classes=CLASSES)
    with pytest.raises(ValueError, match=r"predicted has 1 pixels of no class .first: -1."):
        segmentation.iou(labels, np.array([[0, -1]]), classes=CLASSES)
    with pytest.raises(ValueError, match=r"predicted has 1 pixels of no class .first: 4."):
        segmentation.iou(labels, np.array([[0, 4]]), classes=CLASSES)
    with pytest.raises(ValueError, match="no class given"):
        segmentation.iou(labels, labels, classes=[])


def test_what_comes_back_is_named_and_floats_are_refused_on_either_side():
    labels, predicted = scenes(3)
    ours = segmentation.iou(labels, predicted, classes=CLASSES)
    assert (ours.index.name, ours.name) == ("class", "iou")
    assert segmentation.confusion(labels, predicted, classes=4).dtype == np.int64
    with pytest.raises(ValueError, match="labels holds float64"):
        segmentation.confusion(labels / 2, predicted, classes=4)
