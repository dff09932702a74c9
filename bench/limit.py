"""The limit: the requests of a first sync, sent one after the other by a client that throws the answers away.

    python bench/limit.py URL USER PASSWORD BATCH

One sync-collection report for the list of members, then multigets of BATCH members each, as Kalends sends them: the next
one when the answer to the last is there. What a synchroniser takes longer than this is its own.
"""

import base64
import gzip
import http.client
import re
import sys
from urllib.parse import urlsplit

LIST = b"""<?xml version="1.0" encoding="utf-8"?><d:sync-collection xmlns:d="DAV:"><d:sync-token/>\
<d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>"""
MULTIGET = b"""<?xml version="1.0" encoding="utf-8"?><c:calendar-multiget xmlns:d="DAV:" \
xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/><c:calendar-data/></d:prop>%s</c:calendar-multiget>"""


def main():
    url, user, password, batch = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
    headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": "1", "Accept-Encoding": "gzip"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def report(body):
        connection.request("REPORT", address.path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 207:
            raise SystemExit(f"{answer.status} {data[:300]!r}")
        return data

    # Without an XML parser: a parser's work would not be the server's.
    listing = report(LIST)
    if listing.startswith(b"\x1f\x8b"):
        listing = gzip.decompress(listing)
    members = [href for href in re.findall(rb"<[^>/]*href>([^<]*)</", listing) if href.endswith(b".ics")]
    for start in range(0, len(members), batch):
        hrefs = b"".join(b"<d:href>%s</d:href>" % href for href in members[start : start + batch])
        report(MULTIGET % hrefs)
    print(len(members), "members")


main()
