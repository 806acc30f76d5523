"""For every test: hypothesis tries the same examples each time, and time plays no part."""

from hypothesis import settings

settings.register_profile("imilt", derandomize=True, deadline=None, database=None)
settings.load_profile("imilt")
