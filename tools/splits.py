"""Splits by scene: every scene falls into one split whole, by its name and the seed alone."""

from collections import defaultdict

from tools.items import Item, digest

DEFAULT_WEIGHTS = {"train": 8.0, "val": 1.0, "test": 1.0}
VAL_SHARE = 0.1
"""Share of the training scenes that become `val` where a source has none."""


def parse_weights(texts: tuple[str, ...]) -> dict[str, float]:
    """Read `("train=8", "val=1")` as weights.

    >>> parse_weights(("train=8", "test=2"))
    {'train': 8.0, 'test': 2.0}
    """
    weights = {}
    for text in texts:
        split, _, weight = text.partition("=")
        try:
            weights[split] = float(weight)
        except ValueError:
            weights[split] = -1.0
        if not split.isidentifier() or not weights[split] > 0 or weights[split] == float("inf"):
            raise ValueError(
                f"--splits has {text!r}; it takes NAME=WEIGHT with weights above 0, as in train=8 val=1 test=1"
            )
    if len(weights) < len(texts):
        raise ValueError(f"--splits names a split twice: {' '.join(texts)}")
    return weights


def assign(items: list[Item], weights: dict[str, float] | None, seed: int) -> tuple[dict[str, list[Item]], list[str]]:
    """Divide the items among splits.

    Parameters
    ----------
    items : list of Item
        What the source listed.
    weights : dict, optional
        Weights of the splits wanted; None keeps a source's own splits, carving a missing `val` out of `train`, and
        takes 8 : 1 : 1 for train, val and test where it has none.
    seed : int
        Seed of the assignment, and of the order of the training records.

    Returns
    -------
    splits : dict of list of Item
        In the order train, val, test, others. `train` is shuffled, the others are in the source's order.
    notes : list of str
        What could not be done, in sentences.

    Raises
    ------
    ValueError
        There are fewer scenes than splits asked for.
    """
    notes = []
    if weights is None and all(item.split for item in items):
        scenes = {item.scene: item.split for item in items}
        if "val" not in scenes.values():
            notes += _carve_val(scenes, seed)
    else:
        names = list(dict.fromkeys(item.scene for item in items))
        if weights is None:
            weights, notes = _fitting_defaults(len(names))
        scenes = _divide(names, weights, seed)
    splits = defaultdict(list)
    for item in items:
        splits[scenes[item.scene]].append(item)
    if "train" in splits:
        splits["train"].sort(key=lambda item: digest(str(seed), "order", item.name))
    first = [split for split in DEFAULT_WEIGHTS if split in splits]
    return {split: splits[split] for split in first + sorted(splits.keys() - set(first))}, notes


def _carve_val(scenes: dict[str, str], seed: int) -> list[str]:
    train = [scene for scene, split in scenes.items() if split == "train"]
    if len(train) < 2:
        return ["there is no val split: splits are made by whole scenes, and the source has fewer than 2 for training"]
    for scene, split in _divide(train, {"train": 1 - VAL_SHARE, "val": VAL_SHARE}, seed).items():
        scenes[scene] = split
    return []


def _fitting_defaults(count: int) -> tuple[dict[str, float], list[str]]:
    if count >= len(DEFAULT_WEIGHTS):
        return DEFAULT_WEIGHTS, []
    kept = list(DEFAULT_WEIGHTS)[:count]
    left_out = " and ".join(list(DEFAULT_WEIGHTS)[count:])
    note = f"there is no {left_out} split: splits are made by whole scenes, and the source has only {count}"
    return {split: DEFAULT_WEIGHTS[split] for split in kept}, [note]


def _divide(scenes: list[str], weights: dict[str, float], seed: int) -> dict[str, str]:
    """Give every split its share of the scenes by largest remainder, and at least one."""
    if len(scenes) < len(weights):
        raise ValueError(
            f"{len(scenes)} scene(s) cannot be divided among {len(weights)} splits ({', '.join(weights)}), as splits "
            "are made by whole scenes; ask for fewer with --splits, for example --splits train=1"
        )
    total = sum(weights.values())
    free = len(scenes) - len(weights)
    shares = {split: max(len(scenes) * weight / total - 1, 0) for split, weight in weights.items()}
    scale = free / sum(shares.values()) if free else 0
    shares = {split: share * scale for split, share in shares.items()}
    counts = {split: 1 + int(share) for split, share in shares.items()}
    by_remainder = sorted(weights, key=lambda split: int(shares[split]) - shares[split])
    for split in by_remainder[: len(scenes) - sum(counts.values())]:
        counts[split] += 1
    ordered = iter(sorted(scenes, key=lambda scene: digest(str(seed), "split", scene)))
    return {next(ordered): split for split in weights for _ in range(counts[split])}
