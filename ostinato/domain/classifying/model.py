"""The trained model: from features to one number for each type. Integers up to the last division, so always the same."""

import json
import math
import struct
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any

from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.features import UNIT, Reading

FORMAT = 2
BUCKETS = 1 << 24
"""So many that two features hardly ever share one; only those that were learnt are kept."""
TYPICAL = 1000 * UNIT
"""About the length of the features of a title."""
TYPES = tuple(TaskType)
"""The order of every row of weights."""


def damped(squares: float) -> float:
    """What scores are divided by: between their length and its typical value, for more words are more evidence."""
    return math.sqrt(TYPICAL * math.sqrt(squares))


def bucket(feature: str) -> int:
    return zlib.crc32(feature.encode()) % BUCKETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    rows: Mapping[int, int]
    """The row of weights of each bucket that was learnt; other features count for nothing."""
    rarity: bytes
    """By row: how much a rare feature counts more than a common one."""
    weights: "array[int]"
    """By row, twelve signed bytes, one for each type."""
    scale: tuple[float, ...]
    bias: tuple[float, ...]
    prior: tuple[float, ...]
    """How often each type is asked for; damped, as logarithms that are added."""
    temperature: float
    digest: str
    """SHA-256 of the artefact."""

    @property
    def version(self) -> str:
        return f"linear-{FORMAT}/{self.digest[:12]}"

    def scores(self, reading: Reading) -> tuple[float, ...]:
        """One for each type, before temperature and prior."""
        length, sums = 0, [0] * len(TYPES)
        for row, amount in self._amounts(reading).items():
            length += amount * amount
            start = row * len(TYPES)
            for place, weight in enumerate(self.weights[start : start + len(TYPES)]):
                sums[place] += amount * weight
        norm = damped(length) or 1.0
        return tuple(each / norm * scale + bias for each, scale, bias in zip(sums, self.scale, self.bias, strict=True))

    def contributions(self, reading: Reading, task_type: TaskType) -> dict[str, int]:
        """How much each feature speaks for the type rather than for the others; only their proportions mean something."""
        place = TYPES.index(task_type)
        found: dict[str, int] = {}
        for feature, weight in reading.weights.items():
            if (row := self.rows.get(bucket(feature))) is not None:
                each = self.weights[row * len(TYPES) : (row + 1) * len(TYPES)]
                found[feature] = weight * self.rarity[row] * (len(TYPES) * each[place] - sum(each))
        return found

    def knows(self, word: str) -> bool:
        return bucket(word) in self.rows

    def _amounts(self, reading: Reading) -> dict[int, int]:
        found: dict[int, int] = {}
        for feature, weight in reading.weights.items():
            if (row := self.rows.get(bucket(feature))) is not None:
                found[row] = found.get(row, 0) + weight * self.rarity[row]
        return found


def packed(model: Model) -> bytes:
    """The artefact; its digest is of these bytes."""
    head = json.dumps(
        {
            "format": FORMAT,
            "types": TYPES,
            "buckets": BUCKETS,
            "scale": model.scale,
            "bias": model.bias,
            "prior": model.prior,
            "temperature": model.temperature,
            "rows": len(model.rows),
        }
    ).encode()
    keys = sorted(model.rows, key=lambda key: model.rows[key])
    steps = struct.pack(f"<{len(keys)}H", *(key - before for before, key in zip([0, *keys], keys, strict=False)))
    columns = b"".join(model.weights[place :: len(TYPES)].tobytes() for place in range(len(TYPES)))
    return zlib.compress(struct.pack("<I", len(head)) + head + steps[::2] + steps[1::2] + model.rarity + columns, 9)


def unpacked(artefact: bytes) -> Model:
    data = zlib.decompress(artefact)
    (size,) = struct.unpack_from("<I", data)
    head: dict[str, Any] = json.loads(data[4 : 4 + size])
    if head["format"] != FORMAT or tuple(head["types"]) != TYPES or head["buckets"] != BUCKETS:
        raise ValueError("the classifier's artefact was made by another version; train it again")
    count, start = head["rows"], 4 + size
    lows, highs = data[start : start + count], data[start + count : start + 2 * count]
    keys = accumulate(low + 256 * high for low, high in zip(lows, highs, strict=True))
    rarity = data[start + 2 * count : start + 3 * count]
    weights = array("b", bytes(count * len(TYPES)))
    for place in range(len(TYPES)):
        column = start + (3 + place) * count
        weights[place :: len(TYPES)] = array("b", data[column : column + count])
    return Model(
        rows={key: row for row, key in enumerate(keys)},
        rarity=rarity,
        weights=weights,
        scale=tuple(head["scale"]),
        bias=tuple(head["bias"]),
        prior=tuple(head["prior"]),
        temperature=head["temperature"],
        digest=sha256(artefact).hexdigest(),
    )
