"""Which firmware this is; the manifest's hash tells it more closely."""

PROTOCOL = 2
VERSION = "0.1.0"
