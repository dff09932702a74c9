"""Somebody's browser at a consent page of the sandbox."""

import html
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
import webbrowser

from story import Missed

SECONDS_MAX = 20


class _Stay(urllib.request.HTTPRedirectHandler):
    """Shows where it is sent instead of going there."""

    def redirect_request(self, *_):
        return None


def _ask(url, form=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.build_opener(_Stay).open(url, data, SECONDS_MAX) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def _fields(page):
    fields = re.findall(r'<input type="(?:hidden|checkbox)" name="([^"]*)" value="([^"]*)"', page)
    return [(html.unescape(name), html.unescape(value)) for name, value in fields]


def _action(page):
    return html.unescape(re.search(r'<form method="post" action="([^"]*)"', page)[1])


def _decide(url, person, decision):
    """Fills in the page behind an address. Gives back where the browser is sent, with the form that it sends there."""
    status, _, page = _ask(url)
    if status != 200:
        raise Missed(f"the consent page answered {status}: {re.sub(r'<[^>]+>', ' ', page)[-300:]}")
    choice = [("account", person["email"]), ("password", person["password"]), ("decision", decision)]
    status, headers, page = _ask(urllib.parse.urljoin(url, _action(page)), _fields(page) + choice)
    if status == 302:
        return headers["Location"], None
    if "document.forms[0].submit()" in page:
        return _action(page), _fields(page)
    raise Missed(f"consenting was answered by {status}: {re.sub(r'<[^>]+>', ' ', page)[-300:]}")


def consent(url, person, decision="allow"):
    """Consents, or does not. Gives back the address to which the browser is sent, with the code in it."""
    address, form = _decide(url, person, decision)
    if form is not None:
        raise Missed("the code comes in a form, not in the address")
    return address


def posted(url, person, decision="allow"):
    """Consents, or does not, where the answer comes in a form. Gives back what is in it."""
    _, form = _decide(url, person, decision)
    if form is None:
        raise Missed("the answer comes in the address, not in a form")
    return dict(form)


def query(address):
    """The parameters of an address, each once."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))


def follow(url, person):
    """Consents, and goes where that leads: to a program that waits on this machine."""
    status, _, page = _ask(*_decide(url, person, "allow"))
    if status != 200:
        raise Missed(f"the program answered its code by {status}: {page}")


class Consenting(webbrowser.BaseBrowser):
    """A browser whose owner consents to whatever a program opens in it."""

    def __init__(self, person):
        super().__init__()
        self.person = person

    def open(self, url, *_):
        # The program goes on to wait for its code only when this returns.
        threading.Thread(target=follow, args=(url, self.person), daemon=True).start()
        return True


def register(name, person):
    webbrowser.register(name, None, Consenting(person), preferred=True)
