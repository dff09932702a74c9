"""Radicale's own storage, with an index of UIDs, and without waiting for the disk.

Radicale reads a whole collection at each PUT of a new event, to see whether its UID is taken; for 10,000 events that
alone is more than an hour. And what it would lose with the machine's power is of no interest here. Everything else is
Radicale's.
"""

from radicale.storage import multifilesystem

_known = {}


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


class Storage(multifilesystem.Storage):
    _collection_class = Collection

    def __init__(self, configuration):
        super().__init__(configuration)
        self._filesystem_fsync = False
