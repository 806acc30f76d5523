"""What happens once between power-up and the first cycle: the store is read, this boot counted, the files checked."""

import manifest
from store import Store


def prepare():
    """The store, the manifest's hash, what is wrong with the files, and what went wrong when the boot was counted."""
    store = Store()
    store.load()
    store.count("boots", 1)
    # At once, while dark and unarmed: the number of this boot must not come again.
    unsaved = "" if store.problem else store.save()
    name, problem = manifest.check()
    return store, name, problem, unsaved
