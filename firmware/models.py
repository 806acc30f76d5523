"""Shapes of the tissue's answer to light: weights of the slow lags of felt.py. Written by `make plant-bank`.

Each is brought to 1024 at 120 s of steady light.
"""

WEIGHTS_Q10 = (
    (0, 1009, 132, 0),
    (0, 792, 528, 0),
    (0, 894, 341, 2),
    (0, 427, 1188, 16),
    (0, 15, 1931, 46),
    (0, 308, 1394, 52),
    (0, 574, 905, 65),
    (0, 695, 684, 65),
    (0, 179, 1621, 74),
    (0, 5, 1705, 800),
    (4, 253, 1204, 925),
    (10, 505, 648, 1189),
)
