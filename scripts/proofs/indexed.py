"""Radicale's own storage, without what makes its writes slow in a large collection.

At each PUT of a new event Radicale reads the whole collection to see whether the UID is taken, and at each write it looks
through its history of deletions for what has expired; for 10,000 events the first alone is more than an hour. It also
waits for the disk, though what it would lose with the machine's power is of no interest here. All else is Radicale's.
"""

import time

from radicale.storage import multifilesystem

# How often the history of deletions is looked through for what has expired.
CLEAN_EVERY_SECONDS = 300

_known = {}
_cleaned = {}


class Collection(multifilesystem.Collection):
    def _uids(self):
        known = _known.get(self.path)
        if known is None:
            known = _known[self.path] = {item.href: item.uid for item in self.get_all()}
        return known

    def has_uid(self, uid):
        return uid in self._uids().values()

    def upload(self, href, item, *rest, **named):
        known = self._uids()
        done = super().upload(href, item, *rest, **named)
        known[href] = item.uid
        return done

    def delete(self, href=None):
        done = super().delete(href)
        if href is None:
            _known.pop(self.path, None)
        else:
            self._uids().pop(href, None)
        return done

    def _clean_history(self):
        now = time.monotonic()
        if now - _cleaned.get(self.path, -CLEAN_EVERY_SECONDS) >= CLEAN_EVERY_SECONDS:
            _cleaned[self.path] = now
            super()._clean_history()


class Storage(multifilesystem.Storage):
    _collection_class = Collection

    def __init__(self, configuration):
        super().__init__(configuration)
        self._filesystem_fsync = False
