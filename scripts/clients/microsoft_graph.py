"""msgraph-sdk, the Microsoft Graph library, does everything a calendar program does. Only its base address is another."""

import asyncio
import datetime
import uuid

import msal
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.headers_collection import HeadersCollection
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.attendee_type import AttendeeType
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.calendar import Calendar
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.day_of_week import DayOfWeek
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.exchange_id_format import ExchangeIdFormat
from msgraph.generated.models.free_busy_status import FreeBusyStatus
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.location import Location
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.open_type_extension import OpenTypeExtension
from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
from msgraph.generated.models.recurrence_pattern import RecurrencePattern
from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
from msgraph.generated.models.recurrence_range import RecurrenceRange
from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType
from msgraph.generated.models.response_type import ResponseType
from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty
from msgraph.generated.models.subscription import Subscription
from msgraph.generated.users.item.calendar.get_schedule.get_schedule_post_request_body import GetSchedulePostRequestBody
from msgraph.generated.users.item.calendar_view.calendar_view_request_builder import CalendarViewRequestBuilder
from msgraph.generated.users.item.calendar_view.delta.delta_request_builder import DeltaRequestBuilder
from msgraph.generated.users.item.events.events_request_builder import EventsRequestBuilder
from msgraph.generated.users.item.events.item.accept.accept_post_request_body import AcceptPostRequestBody
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody
from msgraph.generated.users.item.events.item.event_item_request_builder import EventItemRequestBuilder
from msgraph.generated.users.item.events.item.instances.instances_request_builder import InstancesRequestBuilder
from msgraph.generated.users.item.translate_exchange_ids.translate_exchange_ids_post_request_body import (
    TranslateExchangeIdsPostRequestBody,
)
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph_core import PageIterator
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

import browser
from receiver import Receiver
from story import Missed, holds, operator, person, same, step, told

MICROSOFT = told()["microsoft"]
BASE = MICROSOFT["base"]
ANN, BEN = person("microsoft"), person("microsoft", "ben")
SCOPES = ["Calendars.ReadWrite", "MailboxSettings.Read", "User.Read"]
BACK = "http://127.0.0.1:8080/api/oauth/microsoft/callback/"
MARCH = {"start_date_time": "2027-03-01T00:00:00Z", "end_date_time": "2027-04-01T00:00:00Z"}
MARK = "String {8e9b1f6c-5e0f-4a5b-9a3c-0d1d6a1c3b11} Name mark"


class Tokens(AccessTokenProvider):
    """Access tokens by msal, which refreshes them when they run out."""

    def __init__(self, who):
        self.app = msal.ConfidentialClientApplication(
            MICROSOFT["client_id"],
            client_credential=MICROSOFT["client_secret"],
            authority=f"{BASE}/common",
            instance_discovery=False,
        )
        begun = self.app.initiate_auth_code_flow(SCOPES, redirect_uri=BACK, response_mode="form_post")
        self.app.acquire_token_by_auth_code_flow(begun, browser.posted(begun["auth_uri"], who))

    async def get_authorization_token(self, uri, additional_authentication_context={}):
        (account,) = self.app.get_accounts()
        return self.app.acquire_token_silent(SCOPES, account)["access_token"]

    def get_allowed_hosts_validator(self):
        return AllowedHostsValidator([])


def client(who):
    adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Tokens(who)))
    adapter.base_url = f"{BASE}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def at(hour, day=1, zone="W. Europe Standard Time"):
    return DateTimeTimeZone(date_time=f"2027-03-{day:02}T{hour:02}:00:00", time_zone=zone)


def event(title, hour=9, day=1, **more):
    return Event(subject=title, start=at(hour, day), end=at(hour + 1, day), **more)


def asking(builder=None, preferring=(), headers=(), **query):
    """How a request is made: its query by the builder's own type, and its headers."""
    sent = HeadersCollection()
    for preference in preferring:
        sent.add("Prefer", preference)
    for name, value in headers:
        sent.add(name, value)
    return RequestConfiguration(query_parameters=builder(**query) if builder else None, headers=sent)


async def refused(call):
    """Status and code of the error that a call must end with, read into the library's own type."""
    try:
        await call
    except ODataError as error:
        return error.response_status_code, error.error.code
    raise Missed("this was not refused")


async def everything(page, adapter):
    """All items of a listing, by the library's own way from page to page."""
    seen = []
    await PageIterator(page, adapter).iterate(lambda item: seen.append(item) or True)
    return seen


async def calendars(me):
    with step("me, mailboxSettings, outlook.supportedTimeZones"):
        query = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters
        who = await me.get(asking(query, select=["id", "displayName", "mail"]))
        same((who.display_name, who.mail), ("Ann Albers", ANN["email"]), "who signed in")
        holds((await me.mailbox_settings.get()).time_zone, "there is a zone")
        zones = [one.alias for one in (await me.outlook.supported_time_zones.get()).value]
        holds("W. Europe Standard Time" in zones, "it is one of many")
    with step("calendars: create, list, read, rename, delete"):
        made = await me.calendars.post(Calendar(name="Garden"))
        same((made.name, made.can_edit, made.is_default_calendar), ("Garden", True, False), "the calendar")
        names = [one.name for one in (await me.calendars.get()).value]
        holds("Garden" in names and len(names) == 2, "both calendars are listed")
        renamed = await me.calendars.by_calendar_id(made.id).patch(Calendar(name="Yard"))
        same(renamed.name, "Yard", "the name")
        same((await me.calendars.by_calendar_id(made.id).get()).name, "Yard", "the name")
        there = await me.calendars.by_calendar_id(made.id).events.post(event("Sow"))
        same((await me.events.by_event_id(there.id).get()).subject, "Sow", "an event in it")
        await me.calendars.by_calendar_id(made.id).delete()
        status, _ = await refused(me.calendars.by_calendar_id(made.id).get())
        same(status, 404, "the status of what is gone")


async def events(me):
    with step("events: create, twice with the same transactionId"):
        new = event(
            "Dentist",
            body=ItemBody(content_type=BodyType.Text, content="Ä & ö"),
            location=Location(display_name="Room 4"),
            show_as=FreeBusyStatus.Oof,
            transaction_id=str(uuid.uuid4()),
            single_value_extended_properties=[SingleValueLegacyExtendedProperty(id=MARK, value="ours")],
        )
        made = await me.events.post(new, asking(preferring=['IdType="ImmutableId"', 'outlook.timezone="UTC"']))
        same(made.start.date_time[:16], "2027-03-01T08:00", "the start in UTC")
        same(made.original_start_time_zone, "W. Europe Standard Time", "the zone of its creation")
        same((made.type, made.show_as, made.is_organizer), (EventType.SingleInstance, FreeBusyStatus.Oof, True), "it")
        again = await me.events.post(new, asking(preferring=['IdType="ImmutableId"']))
        same(again.id, made.id, "the id of the second")
    one = me.events.by_event_id(made.id)
    with step("events: read in another zone, and in part"):
        query = EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters
        got = await one.get(asking(query, ['outlook.timezone="Tokyo Standard Time"'], select=["subject", "start", "body"]))
        same((got.start.date_time[:16], got.start.time_zone), ("2027-03-01T17:00", "Tokyo Standard Time"), "the start")
        same(got.body.content_type, BodyType.Html, "the body's type: text is kept as HTML")
        same(got.location, None, "what was not asked for")
        got = await one.get(asking(query, ['outlook.body-content-type="text"']))
        holds("Ä & ö" in got.body.content and got.body.content_type == BodyType.Text, "the body as text")
    with step("events: found by an extended property"):
        query = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters
        has = f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq 'ours')"
        expand = [f"singleValueExtendedProperties($filter=id eq '{MARK}')"]
        found = (await me.events.get(asking(query, filter=has, expand=expand))).value
        same([one.subject for one in found], ["Dentist"], "what is found")
        same(found[0].single_value_extended_properties[0].value, "ours", "the property")
    with step("events: patch with the ETag, and with an old one"):
        etag = made.additional_data["@odata.etag"]
        patched = await one.patch(Event(subject="Dentist, moved"), asking(headers=[("If-Match", etag)]))
        same((patched.subject, patched.location.display_name), ("Dentist, moved", "Room 4"), "the event")
        holds(patched.change_key != made.change_key, "the change key is another")
        late = one.patch(Event(subject="Late"), asking(headers=[("If-Match", etag)]))
        same(await refused(late), (412, "ErrorIrresolvableConflict"), "the refusal")
    with step("translateExchangeIds"):
        body = TranslateExchangeIdsPostRequestBody(
            input_ids=[made.id],
            source_id_type=ExchangeIdFormat.RestImmutableEntryId,
            target_id_type=ExchangeIdFormat.RestId,
        )
        (translated,) = (await me.translate_exchange_ids.post(body)).value
        same((translated.source_id, translated.target_id), (made.id, (await one.get()).id), "the usual id")
    with step("events: an open extension"):
        extension = OpenTypeExtension(odata_type="microsoft.graph.openTypeExtension", extension_name="com.example.sync")
        extension.additional_data = {"k": "v"}
        await one.extensions.post(extension)
        kept = await one.extensions.by_extension_id("com.example.sync").get()
        same(kept.additional_data["k"], "v", "what is kept")
    with step("events: refusals come as ODataError with status and code"):
        missing = Event(subject="When?", start=at(9))
        same((await refused(me.events.post(missing)))[0], 400, "the status")
        same(await refused(me.events.by_event_id("nonsense").get()), (400, "ErrorInvalidIdMalformed"), "the refusal")
        all_day = Event(subject="All day", is_all_day=True, start=at(9), end=at(10))
        same((await refused(me.events.post(all_day)))[0], 400, "the status")
    with step("events: delete, and again"):
        await one.delete()
        same(await refused(one.get()), (404, "ErrorItemNotFound"), "the refusal")


async def series(me):
    with step("a series across a change of the clocks: instances"):
        rule = PatternedRecurrence(
            pattern=RecurrencePattern(
                type=RecurrencePatternType.Weekly, interval=1, days_of_week=[DayOfWeek.Saturday, DayOfWeek.Sunday],
                first_day_of_week=DayOfWeek.Monday,
            ),
            range=RecurrenceRange(
                type=RecurrenceRangeType.Numbered, start_date=datetime.date(2027, 3, 20), number_of_occurrences=4
            ),
        )
        master = await me.events.post(event("Choir", 19, 20, recurrence=rule))
        same(master.type, EventType.SeriesMaster, "the type")
        same(master.recurrence.range.recurrence_time_zone, "W. Europe Standard Time", "the zone of the rule")
        query = InstancesRequestBuilder.InstancesRequestBuilderGetQueryParameters

        async def instances():
            asked = asking(query, ['outlook.timezone="UTC"'], **MARCH)
            return (await me.events.by_event_id(master.id).instances.get(asked)).value

        found = await instances()
        starts = [one.start.date_time[:16] for one in found]
        same(starts, ["2027-03-20T18:00", "2027-03-21T18:00", "2027-03-27T18:00", "2027-03-28T17:00"], "the starts")
    with step("one occurrence becomes an exception, one is cancelled, and the others stay"):
        second, third = found[1], found[2]
        await me.events.by_event_id(second.id).patch(Event(start=at(20, 21), end=at(21, 21)))
        await me.events.by_event_id(third.id).delete()
        left = await instances()
        kinds = [(one.type, one.start.date_time[:16]) for one in left]
        same(
            kinds,
            [
                (EventType.Occurrence, "2027-03-20T18:00"),
                (EventType.Exception, "2027-03-21T19:00"),
                (EventType.Occurrence, "2027-03-28T17:00"),
            ],
            "what is left",
        )
        same({one.series_master_id for one in left}, {master.id}, "their master")
    return master


async def listing(me, adapter):
    with step("calendarView and events, page by page"):
        for number in range(4):
            await me.events.post(event(f"Shift {number}", 8, 10 + number))
        query = CalendarViewRequestBuilder.CalendarViewRequestBuilderGetQueryParameters
        page = await me.calendar_view.get(asking(query, top=3, orderby=["start/dateTime"], **MARCH))
        holds(page.odata_next_link.startswith(BASE), "the next page is on the same server")
        titles = [one.subject for one in await everything(page, adapter)]
        same(titles, ["Shift 0", "Shift 1", "Shift 2", "Shift 3", "Choir", "Choir", "Choir"], "what lies in March")
        query = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters
        asked = asking(query, top=2, filter="startsWith(subject,'Shift')", orderby=["subject"], select=["subject"], count=True)
        page = await me.events.get(asked)
        same(page.odata_count, 4, "how many there are")
        same([one.subject for one in await everything(page, adapter)], [f"Shift {n}" for n in range(4)], "the events")


async def delta(me):
    query = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters
    headers = ["odata.maxpagesize=2", 'IdType="ImmutableId"']

    async def round(begin):
        """All pages of a round, and the link with which the next round begins."""
        page, seen = await begin.get(asking(query, headers, **MARCH) if begin is first else asking(preferring=headers)), []
        while True:
            seen += page.value or []
            if page.odata_delta_link:
                return seen, page.odata_delta_link
            page = await first.with_url(page.odata_next_link).get(asking(preferring=headers))

    first = me.calendar_view.delta
    with step("calendarView/delta: a first round in pages, and nothing new in the second"):
        seen, link = await round(first)
        titles = sorted(one.subject for one in seen if one.subject)
        holds(titles.count("Choir") >= 1 and "Shift 0" in titles, "what lies in March is told")
        seen, link = await round(first.with_url(link))
        same(seen, [], "what has changed")
    with step("calendarView/delta: what is new, changed and deleted since"):
        by_title = {one.subject: one for one in (await me.events.get()).value}
        await me.events.by_event_id(by_title["Shift 1"].id).patch(Event(subject="Shift 1, late"))
        await me.events.by_event_id(by_title["Shift 2"].id).delete()
        await me.events.post(event("Tea", 15, 15))
        seen, link = await round(first.with_url(link))
        same({one.subject for one in seen if one.subject}, {"Shift 1, late", "Tea"}, "what is new or changed")
        gone = [one.additional_data["@removed"] for one in seen if "@removed" in one.additional_data]
        same([one["reason"] for one in gone], ["deleted"], "what is gone")
    with step("calendarView/delta: a link that has died asks for everything anew"):
        await asyncio.to_thread(operator, "cursors/kill", face="microsoft", user=ANN["email"])
        same(await refused(first.with_url(link).get()), (410, "SyncStateNotFound"), "the refusal")
        seen, _ = await round(first)
        holds("Tea" in [one.subject for one in seen], "a new first round tells everything")


async def together(me, graph):
    with step("getSchedule"):
        body = GetSchedulePostRequestBody(
            schedules=[ANN["email"], "nobody@contoso.example"],
            start_time=at(8, 10), end_time=at(10, 10), availability_view_interval=60,
        )
        answer = await me.calendar.get_schedule.post(body)
        known, unknown = answer.value
        same((known.schedule_id, known.availability_view), (ANN["email"], "20"), "the schedule")
        same(known.schedule_items[0].status, FreeBusyStatus.Busy, "the shift")
        same(unknown.error.response_code, "ErrorMailRecipientNotFound", "whom nobody knows")
    with step("$batch: each request with an answer of its own"):
        requests = {
            "make": me.events.to_post_request_information(event("Batched", 12, 17)),
            "read": me.events.to_get_request_information(),
            "fail": me.events.by_event_id("nonsense").to_get_request_information(),
        }
        content = BatchRequestContent()
        for name, request in requests.items():
            item = BatchRequestItem(request, id=name)
            # The library leaves the whole address in, which Graph refuses; whoever uses it cuts it off.
            item.url = item.url.removeprefix(f"{BASE}/v1.0")
            content.add_request(name, item)
        answers = await graph.batch.post(content)
        same(answers.get_response_status_codes(), {"make": 201, "read": 200, "fail": 400}, "the statuses")
        query = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters
        made = (await me.events.get(asking(query, filter="subject eq 'Batched'"))).value
        same(len(made), 1, "how often it was made")


async def meeting(me):
    with step("a meeting: Ben finds it in his calendar and accepts, and Ann sees that he did"):
        ben = Attendee(email_address=EmailAddress(address=BEN["email"], name="Ben"), type=AttendeeType.Required)
        made = await me.events.post(event("Planning", 13, 19, attendees=[ben]))
        his = client(BEN).me
        query = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters
        (copy,) = (await his.events.get(asking(query, filter="subject eq 'Planning'"))).value
        same((copy.i_cal_u_id, copy.is_organizer), (made.i_cal_u_id, False), "his copy")
        await his.events.by_event_id(copy.id).accept.post(AcceptPostRequestBody(comment="Gladly", send_response=True))
        seen = await me.events.by_event_id(made.id).get()
        same([one.status.response for one in seen.attendees], [ResponseType.Accepted], "what Ann sees")
    with step("a meeting is cancelled: Ben sees that, too"):
        await me.events.by_event_id(made.id).cancel.post(CancelPostRequestBody(comment="Another time"))
        (copy,) = (await his.events.get(asking(query, filter=f"iCalUId eq '{made.i_cal_u_id}'"))).value
        same(copy.is_cancelled, True, "whether his copy is cancelled")


async def subscribing(me, graph):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)

    def wanted(address):
        return Subscription(
            change_type="created,updated,deleted", notification_url=address, resource="/me/events",
            expiration_date_time=ends, client_state="of-ann",
        )

    with Receiver(validates=False) as deaf:
        with step("a subscription whose address does not prove itself is refused"):
            status, _ = await refused(graph.subscriptions.post(wanted(deaf.url)))
            same((status, len(deaf.asked)), (400, 1), "status, and how often it was asked")
    with Receiver() as receiver:
        with step("subscriptions: the address proves itself, and then it is made"):
            made = await graph.subscriptions.post(wanted(receiver.url), asking(preferring=['IdType="ImmutableId"']))
            same(len(receiver.asked), 1, "how often it was asked")
            same((made.client_state, made.resource), ("of-ann", "/me/events"), "the subscription")
            same([one.id for one in (await graph.subscriptions.get()).value], [made.id], "all subscriptions")
        with step("created, updated and deleted are notified"):
            one = await me.events.post(event("Watched", 16, 18), asking(preferring=['IdType="ImmutableId"']))
            await me.events.by_event_id(one.id).patch(Event(subject="Watched closely"))
            await me.events.by_event_id(one.id).delete()
            for kind in ("created", "updated", "deleted"):
                told_of = await asyncio.to_thread(
                    receiver.wait_json, f"the notification of {kind}", lambda seen: seen["changeType"] == kind
                )
                same((told_of["subscriptionId"], told_of["clientState"]), (made.id, "of-ann"), "the notification")
                same(told_of["resourceData"]["id"], one.id, "of which event it tells")
        with step("subscriptions: renew, reauthorize, delete"):
            later = ends + datetime.timedelta(hours=1)
            renewed = await graph.subscriptions.by_subscription_id(made.id).patch(Subscription(expiration_date_time=later))
            holds(renewed.expiration_date_time > made.expiration_date_time, "it lasts longer")
            await graph.subscriptions.by_subscription_id(made.id).reauthorize.post()
            await graph.subscriptions.by_subscription_id(made.id).delete()
            gone = graph.subscriptions.by_subscription_id(made.id).get()
            same(await refused(gone), (404, "ResourceNotFound"), "the refusal")


async def main():
    with step("msal signs in for it"):
        graph = client(ANN)
    me = graph.me
    await calendars(me)
    await events(me)
    master = await series(me)
    await listing(me, graph.request_adapter)
    await delta(me)
    await together(me, graph)
    await meeting(me)
    await subscribing(me, graph)
    with step("a whole series is deleted"):
        await me.events.by_event_id(master.id).delete()
        query = CalendarViewRequestBuilder.CalendarViewRequestBuilderGetQueryParameters
        left = (await me.calendar_view.get(asking(query, top=50, **MARCH))).value
        holds("Choir" not in [one.subject for one in left], "nothing of it is left")


if __name__ == "__main__":
    asyncio.run(main())
