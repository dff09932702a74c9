"""google-auth-oauthlib signs in, and google-api-python-client does everything a calendar program does.

Both are as they come; told apart are only the address of the sign-in, and the root of the discovery document.
"""

import json
import uuid
from importlib import resources

import google.auth.transport.requests
import requests
from google.auth.exceptions import RefreshError
from google.oauth2 import id_token
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from oauthlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidGrantError

import browser
from receiver import Receiver
from story import holds, operator, person, refused, same, step, told

GOOGLE = told()["google"]
BASE = GOOGLE["base"]
ANN, BEN = person("google"), person("google", "ben")
SCOPES = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
    "https://www.googleapis.com/auth/calendar",
]
# Where `kalends sandbox` lets people come back to unless it is told otherwise. Nobody needs to listen there.
BACK = "http://127.0.0.1:8080/api/oauth/google/callback/"
WINDOW = {"timeMin": "2027-03-01T00:00:00Z", "timeMax": "2027-04-01T00:00:00Z"}


def flow():
    config = {
        "client_id": GOOGLE["client_id"],
        "client_secret": GOOGLE["client_secret"],
        "auth_uri": f"{BASE}/o/oauth2/auth",
        "token_uri": f"{BASE}/token",
    }
    return Flow.from_client_config({"web": config}, SCOPES, redirect_uri=BACK)


def at(hour, day=1):
    return {"dateTime": f"2027-03-{day:02}T{hour:02}:00:00", "timeZone": "Europe/Berlin"}


def event(title, hour=9, day=1, **more):
    return {"summary": title, "start": at(hour, day), "end": at(hour + 1, day), **more}


def service(name, version, credentials):
    """What `build` makes, from the document that the library brings, at another root."""
    documents = resources.files("googleapiclient.discovery_cache") / "documents"
    document = json.loads((documents / f"{name}.{version}.json").read_text())
    document["rootUrl"] = f"{BASE}/"
    document["baseUrl"] = document["rootUrl"] + document["servicePath"]
    return build_from_document(document, credentials=credentials)


def fault(error):
    """An error of the library as status and reason."""
    return error.resp.status, error.error_details[0]["reason"] if error.error_details else error.reason


def sign_in():
    with step("sign in through the consent page, with PKCE, as a server"):
        begun = flow()
        url, state = begun.authorization_url(access_type="offline", prompt="consent")
        holds("code_challenge_method=S256" in url, "the library proves its key")
        back = browser.consent(url, ANN)
        same(browser.query(back)["state"], state, "the state")
        begun.fetch_token(authorization_response=back)
        credentials = begun.credentials
        same(set(credentials.scopes), set(SCOPES), "what was granted")
    with step("the code is good but once"):
        refused(lambda: begun.fetch_token(authorization_response=back), InvalidGrantError, str)
    with step("whoever denies is sent back with access_denied"):
        denied = flow()
        back = browser.consent(denied.authorization_url()[0], ANN, decision="deny")
        refused(lambda: denied.fetch_token(authorization_response=back), AccessDeniedError, str)
    with step("the id token is signed with the published key"):
        request = google.auth.transport.requests.Request()
        claims = id_token.verify_token(
            credentials.id_token, request, audience=GOOGLE["client_id"], certs_url=f"{BASE}/oauth2/v3/certs"
        )
        same(claims["email"], ANN["email"], "the address in the id token")
    with step("refresh: another access token, and the refresh token stays"):
        before = credentials.token, credentials.refresh_token
        credentials.refresh(request)
        holds(credentials.token != before[0], "the access token is another")
        same(credentials.refresh_token, before[1], "the refresh token")
    with step("oauth2.userinfo.get"):
        who = service("oauth2", "v2", credentials).userinfo().get().execute()
        same((who["email"], who["name"]), (ANN["email"], "Ann Albers"), "who signed in")
    return credentials


def calendars(api):
    with step("calendars.insert, get, patch, update"):
        made = api.calendars().insert(body={"summary": "Garden", "timeZone": "Europe/Berlin"}).execute()
        garden = made["id"]
        same(api.calendars().get(calendarId=garden).execute()["summary"], "Garden", "the title")
        api.calendars().patch(calendarId=garden, body={"location": "Behind the house"}).execute()
        body = {"summary": "Garden and yard", "timeZone": "Europe/Berlin"}
        updated = api.calendars().update(calendarId=garden, body=body).execute()
        same((updated["summary"], "location" in updated), ("Garden and yard", False), "the calendar")
    with step("calendarList.list, page by page and with a sync token"):
        seen, request = [], api.calendarList().list(maxResults=1)
        while request is not None:
            page = request.execute()
            seen += page.get("items", [])
            request = api.calendarList().list_next(request, page)
        same([one["id"] for one in seen if one.get("primary")], [ANN["email"]], "the primary calendar")
        holds(garden in [one["id"] for one in seen], "the new calendar is listed")
        patched = api.calendarList().patch(calendarId=garden, body={"summaryOverride": "Mine"}).execute()
        same(patched["summaryOverride"], "Mine", "the own name")
        later = api.calendarList().list(syncToken=page["nextSyncToken"]).execute()
        same([one["id"] for one in later["items"]], [garden], "what has changed")
    with step("acl.insert, patch, get, list, delete, and what has changed by a sync token"):
        rule = {"role": "reader", "scope": {"type": "user", "value": BEN["email"]}}
        made = api.acl().insert(calendarId=garden, body=rule, sendNotifications=False).execute()
        same(made["id"], f"user:{BEN['email']}", "the rule's id")
        api.acl().patch(calendarId=garden, ruleId=made["id"], body={"role": "writer"}).execute()
        same(api.acl().get(calendarId=garden, ruleId=made["id"]).execute()["role"], "writer", "the role")
        listed = api.acl().list(calendarId=garden).execute()
        holds(made["id"] in [one["id"] for one in listed["items"]], "the rule is listed")
        api.acl().delete(calendarId=garden, ruleId=made["id"]).execute()
        changed = api.acl().list(calendarId=garden, syncToken=listed["nextSyncToken"]).execute()["items"]
        same([(one["id"], one["role"]) for one in changed], [(made["id"], "none")], "what has changed")
    with step("colors.get, settings.list, settings.get"):
        holds(api.colors().get().execute()["event"]["11"]["background"].startswith("#"), "colours have values")
        settings = {one["id"]: one["value"] for one in api.settings().list().execute()["items"]}
        same(api.settings().get(setting="timezone").execute()["value"], settings["timezone"], "the zone")
    return garden


def events(api):
    with step("events.insert with an id of one's own; a second one is refused as a duplicate"):
        body = event("Dentist", id=uuid.uuid4().hex, description="Ä, ö and ü", reminders={"useDefault": True})
        made = api.events().insert(calendarId="primary", body=body).execute()
        same((made["id"], made["status"]), (body["id"], "confirmed"), "the event")
        again = api.events().insert(calendarId="primary", body=body)
        same(refused(again.execute, HttpError, fault), (409, "duplicate"), "the refusal")
    with step("events.get, whole and in part"):
        got = api.events().get(calendarId="primary", eventId=made["id"]).execute()
        same(got["etag"], made["etag"], "the ETag")
        part = api.events().get(calendarId="primary", eventId=made["id"], fields="summary,start/dateTime").execute()
        same(part, {"summary": "Dentist", "start": {"dateTime": "2027-03-01T09:00:00+01:00"}}, "the part")
    with step("events.patch changes what it names, and events.update all"):
        patched = api.events().patch(calendarId="primary", eventId=made["id"], body={"location": "Room 4"}).execute()
        same((patched["location"], patched["description"]), ("Room 4", "Ä, ö and ü"), "the event")
        request = api.events().update(calendarId="primary", eventId=made["id"], body=event("Dentist, moved", 14))
        request.headers["If-Match"] = patched["etag"]
        updated = request.execute()
        same((updated["summary"], "location" in updated), ("Dentist, moved", False), "the event")
    with step("a write with an old ETag is refused"):
        request = api.events().patch(calendarId="primary", eventId=made["id"], body={"summary": "Late"})
        request.headers["If-Match"] = made["etag"]
        same(refused(request.execute, HttpError, fault), (412, "conditionNotMet"), "the refusal")
    with step("what is not allowed is refused with its reason"):
        request = api.events().insert(calendarId="primary", body={"summary": "When?"})
        same(refused(request.execute, HttpError, fault)[0], 400, "the status")
        request = api.events().get(calendarId="primary", eventId="nobodyknows")
        same(refused(request.execute, HttpError, fault), (404, "notFound"), "the refusal")
        request = api.events().list(calendarId=BEN["email"])
        same(refused(request.execute, HttpError, fault)[0], 404, "somebody else's calendar")
    return made["id"]


def listing(api, known):
    def pages(**how):
        request = api.events().list(calendarId="primary", maxResults=2, **how)
        while request is not None:
            page = request.execute()
            yield page
            request = api.events().list_next(request, page)

    with step("events.list, page by page, ends with a sync token"):
        for number in range(3):
            api.events().insert(calendarId="primary", body=event(f"Shift {number}", 8, 10 + number)).execute()
        all_pages = list(pages())
        holds(len(all_pages) > 1, "there is more than one page")
        holds(all("nextSyncToken" not in page for page in all_pages[:-1]), "only the last page has the token")
        titles = [one["summary"] for page in all_pages for one in page["items"]]
        holds({"Dentist, moved", "Shift 0", "Shift 1", "Shift 2"} <= set(titles), "all are listed")
        token = all_pages[-1]["nextSyncToken"]
    with step("events.list with the sync token tells what has changed, and what was deleted"):
        same([one for page in pages(syncToken=token) for one in page["items"]], [], "what has changed")
        api.events().patch(calendarId="primary", eventId=known, body={"summary": "Dentist again"}).execute()
        gone = next(one["id"] for page in all_pages for one in page["items"] if one["summary"] == "Shift 0")
        api.events().delete(calendarId="primary", eventId=gone).execute()
        changed = {one["id"]: one for page in pages(syncToken=token) for one in page["items"]}
        same(set(changed), {known, gone}, "what has changed")
        same((changed[known]["summary"], changed[gone]["status"]), ("Dentist again", "cancelled"), "how")
    with step("a sync token that has died asks for everything anew"):
        operator("cursors/kill", face="google", user=ANN["email"])
        request = api.events().list(calendarId="primary", syncToken=token)
        same(refused(request.execute, HttpError, fault), (410, "fullSyncRequired"), "the refusal")
        token = list(pages())[-1]["nextSyncToken"]
        same([one for page in pages(syncToken=token) for one in page["items"]], [], "what has changed since")
    with step("a sync token with a window is refused, and so is looking back too far"):
        request = api.events().list(calendarId="primary", syncToken=token, timeMin="2027-01-01T00:00:00Z")
        same(refused(request.execute, HttpError, fault)[0], 400, "the status")
        request = api.events().list(calendarId="primary", updatedMin="2020-01-01T00:00:00Z")
        same(refused(request.execute, HttpError, fault), (410, "updatedMinTooLongAgo"), "the refusal")
    with step("events.list by window, by words and in the order of starts"):
        found = api.events().list(calendarId="primary", singleEvents=True, orderBy="startTime", **WINDOW).execute()
        titles = [one["summary"] for one in found["items"]]
        same(titles, ["Dentist again", "Shift 1", "Shift 2"], "what lies in the window")
        found = api.events().list(calendarId="primary", q="shift 2").execute()["items"]
        same([one["summary"] for one in found], ["Shift 2"], "what has these words")
    with step("events.delete, and again"):
        request = api.events().delete(calendarId="primary", eventId=gone)
        same(refused(request.execute, HttpError, fault), (410, "deleted"), "the refusal")


def series(api):
    with step("events.instances of a series across a change of the clocks"):
        body = event("Choir", 19, 20, recurrence=["RRULE:FREQ=DAILY;COUNT=10"])
        made = api.events().insert(calendarId="primary", body=body).execute()
        found = api.events().instances(calendarId="primary", eventId=made["id"], maxResults=4).execute()
        holds("nextPageToken" in found, "there are further pages")
        request = api.events().instances(calendarId="primary", eventId=made["id"], **WINDOW)
        found = request.execute()["items"]
        starts = {one["start"]["dateTime"] for one in found}
        same(len(found), 10, "the number of instances")
        holds({"2027-03-27T19:00:00+01:00", "2027-03-28T19:00:00+02:00"} <= starts, "at seven on either side of it")
    with step("one instance is moved, and one is cancelled; the others stay"):
        third, fourth = found[2]["id"], found[3]["id"]
        api.events().patch(calendarId="primary", eventId=third, body={"start": at(20, 22), "end": at(21, 22)}).execute()
        api.events().delete(calendarId="primary", eventId=fourth).execute()
        left = {one["id"]: one for one in request.execute()["items"]}
        same(left[third]["originalStartTime"]["dateTime"], "2027-03-22T19:00:00+01:00", "where it stood")
        same((fourth in left, len(left)), (False, 9), "what is left")
        shown = api.events().instances(calendarId="primary", eventId=made["id"], showDeleted=True, **WINDOW).execute()
        same({one["id"]: one["status"] for one in shown["items"]}[fourth], "cancelled", "the status")
        original = found[2]["originalStartTime"]["dateTime"]
        one = api.events().instances(calendarId="primary", eventId=made["id"], originalStart=original).execute()
        same([one["id"] for one in one["items"]], [third], "the instance by its original start")
        api.events().delete(calendarId="primary", eventId=made["id"]).execute()


def elsewhere(api, garden):
    with step("events.import, twice the same UID"):
        body = event("Imported", 11, 5, iCalUID="a-meeting@elsewhere.example", sequence=0, location="Hall")
        first = api.events().import_(calendarId="primary", body=body).execute()
        body = event("Imported again", 12, 5, iCalUID="a-meeting@elsewhere.example", sequence=1)
        second = api.events().import_(calendarId="primary", body=body).execute()
        same((second["id"], second["summary"]), (first["id"], "Imported again"), "the second")
        holds("location" not in second, "what the second does not say is gone")
    with step("events.quickAdd"):
        quick = api.events().quickAdd(calendarId="primary", text="Lunch with Ben tomorrow at noon").execute()
        holds("start" in quick and "Lunch" in quick["summary"], "there is an event of it")
        api.events().delete(calendarId="primary", eventId=quick["id"]).execute()
    with step("events.move to another calendar"):
        moved = api.events().move(calendarId="primary", eventId=first["id"], destination=garden).execute()
        same(moved["id"], first["id"], "the id")
        there = api.events().get(calendarId=garden, eventId=first["id"]).execute()
        same(there["iCalUID"], "a-meeting@elsewhere.example", "the UID")
        here = api.events().get(calendarId="primary", eventId=first["id"]).execute()
        same(here["status"], "cancelled", "what is left behind")
    with step("freebusy.query"):
        items = [{"id": ANN["email"]}, {"id": "nobody@example.com"}]
        free = api.freebusy().query(body={**WINDOW, "items": items}).execute()["calendars"]
        holds({"start": "2027-03-11T07:00:00Z", "end": "2027-03-11T08:00:00Z"} in free[ANN["email"]]["busy"], "the shift")
        same(free["nobody@example.com"]["errors"][0]["reason"], "notFound", "whom nobody knows")
    with step("a batch: each call with an answer of its own"):
        answers = {}
        batch = api.new_batch_http_request(callback=lambda key, answer, error: answers.update({key: (answer, error)}))
        batch.add(api.events().insert(calendarId=garden, body=event("Sow", 8, 6)), request_id="sow")
        batch.add(api.events().list(calendarId=garden), request_id="all")
        batch.add(api.events().get(calendarId=garden, eventId="nobodyknows"), request_id="none")
        batch.execute()
        same(answers["sow"][0]["summary"], "Sow", "what was made")
        same(answers["all"][1], None, "the error of the second")
        same(fault(answers["none"][1]), (404, "notFound"), "the error of the third")
    with step("calendars.delete"):
        api.calendars().delete(calendarId=garden).execute()
        request = api.events().list(calendarId=garden)
        same(refused(request.execute, HttpError, fault)[0], 404, "the status")


def guests(api):
    with step("a guest has the meeting in his calendar, and what he answers is seen by who invited him"):
        body = event("Planning", 13, 8, attendees=[{"email": BEN["email"]}])
        made = api.events().insert(calendarId="primary", body=body, sendUpdates="none").execute()
        his = service("calendar", "v3", Credentials(BEN["access_token"])).events()
        copy = his.get(calendarId="primary", eventId=made["id"]).execute()
        same((copy["organizer"]["email"], copy["iCalUID"]), (ANN["email"], made["iCalUID"]), "his copy")
        answer = {"attendees": [{"email": BEN["email"], "responseStatus": "accepted"}]}
        his.patch(calendarId="primary", eventId=made["id"], body=answer).execute()
        seen = api.events().get(calendarId="primary", eventId=made["id"]).execute()
        same([one["responseStatus"] for one in seen["attendees"]], ["accepted"], "what Ann sees")
        api.events().delete(calendarId="primary", eventId=made["id"], sendUpdates="none").execute()
        same(his.get(calendarId="primary", eventId=made["id"]).execute()["status"], "cancelled", "his copy")


def watching(api):
    with Receiver() as receiver:
        with step("events.watch: the first message says sync"):
            body = {"id": str(uuid.uuid4()), "type": "web_hook", "address": receiver.url, "token": "of-ann"}
            channel = api.events().watch(calendarId="primary", body=body).execute()
            same((channel["kind"], channel["id"]), ("api#channel", body["id"]), "the channel")
            holds(int(channel["expiration"]) > 0, "it ends some time")
            headers, _ = receiver.wait("sync", lambda headers, _: headers["X-Goog-Resource-State"] == "sync")
            same(headers["X-Goog-Message-Number"], "1", "the number")
        with step("a change is pushed, without a word about what it is"):
            made = api.events().insert(calendarId="primary", body=event("Watched", 16, 7)).execute()
            headers, sent = receiver.wait("the push", lambda headers, _: headers["X-Goog-Resource-State"] == "exists")
            same(headers["X-Goog-Resource-Id"], channel["resourceId"], "the resource")
            same((headers["X-Goog-Channel-Token"], sent), ("of-ann", b""), "token and body")
            holds(int(headers["X-Goog-Message-Number"]) > 1, "the number has grown")
        with step("channels.stop, and no more is pushed"):
            api.channels().stop(body={"id": channel["id"], "resourceId": channel["resourceId"]}).execute()
            so_far = receiver.count()
            api.events().delete(calendarId="primary", eventId=made["id"]).execute()
            again = api.channels().stop(body={"id": channel["id"], "resourceId": channel["resourceId"]})
            same(refused(again.execute, HttpError, fault)[0], 404, "stopping it again")
            same(receiver.count(), so_far, "the number of pushes")


def sign_out(credentials, api):
    with step("the grant is taken back: the next call asks for a new sign-in"):
        requests.post(f"{BASE}/revoke", data={"token": credentials.refresh_token}, timeout=10).raise_for_status()
        says = refused(api.calendarList().list().execute, RefreshError, str)
        holds("invalid_grant" in says, "that the grant is no longer valid is told")


if __name__ == "__main__":
    signed_in = sign_in()
    calendar = service("calendar", "v3", signed_in)
    second = calendars(calendar)
    first = events(calendar)
    listing(calendar, first)
    series(calendar)
    elsewhere(calendar, second)
    guests(calendar)
    watching(calendar)
    sign_out(signed_in, calendar)
