"""Noise keyed by (seed, stream, number): the n-th value is the same in whatever order values are asked for."""

import numpy as np

_BLOCK = 1024


class KeyedNoise:
    """Gaussian integers of standard deviation `sigma`, from a counter-based generator (Philox)."""

    def __init__(self, seed: int, stream: int, sigma: float) -> None:
        self._key = (seed & 0xFFFFFFFFFFFFFFFF) << 64 | stream
        self._sigma = sigma
        self._number = -1
        self._values: list[int] = []

    def __getitem__(self, index: int) -> int:
        number, offset = divmod(index, _BLOCK)
        if number != self._number:
            generator = np.random.Generator(np.random.Philox(key=self._key, counter=number << 128))
            self._values = np.rint(generator.standard_normal(_BLOCK) * self._sigma).astype(int).tolist()
            self._number = number
        return self._values[offset]
