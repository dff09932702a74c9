"""gcal_sync, the library of Home Assistant, keeps a copy of a calendar in step. Only its host is another."""

import asyncio
import datetime

import aiohttp
from gcal_sync.api import GoogleCalendarService, LocalListEventsRequest
from gcal_sync.auth import AbstractAuth
from gcal_sync.exceptions import ApiException, AuthException
from gcal_sync.model import DateOrDatetime, Event
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager, CalendarListSyncManager

from story import Missed, holds, operator, person, same, step, told

HOST = told()["google"]["base"] + "/calendar/v3"
BEN = person("google", "ben")


class Auth(AbstractAuth):
    def __init__(self, session, token):
        super().__init__(session, host=HOST)
        self.token = token

    async def async_get_access_token(self):
        return self.token


def moment(day, hour):
    return datetime.datetime(2027, 3, day, hour, tzinfo=datetime.timezone.utc)


def event(title, day, **more):
    start, end = (DateOrDatetime(date_time=moment(day, hour), timezone="Europe/Berlin") for hour in (9, 10))
    return Event(summary=title, start=start, end=end, **more)


async def raised(call, error):
    try:
        await call
    except error as raised:
        return str(raised)
    raise Missed("this was not refused")


async def main():
    async with aiohttp.ClientSession() as session:
        service = GoogleCalendarService(Auth(session, BEN["access_token"]))
        with step("the list of calendars, kept in a store"):
            store = InMemoryCalendarStore()
            listed = CalendarListSyncManager(service, store)
            await listed.run()
            calendars = (await listed.store_service.async_list_calendars()).calendars
            same([(one.id, one.primary) for one in calendars], [(BEN["email"], True)], "the calendars")
            await listed.run()
        with step("all events, then only what has changed since"):
            manager = CalendarEventSyncManager(service, BEN["email"], InMemoryCalendarStore())
            await manager.run()
            local = manager.store_service

            async def titles(day):
                request = LocalListEventsRequest(start_time=moment(day, 0), end_time=moment(day, 23))
                return [one.summary for one in (await local.async_list_events(request)).events]

            same(await titles(2), [], "what is there on the second")
            await local.async_add_event(event("Paint", 2))
            await manager.run()
            same(await titles(2), ["Paint"], "what is there on the second")
        with step("one instance of a series is deleted, and the others stay"):
            await local.async_add_event(event("Run", 8, recurrence=["RRULE:FREQ=DAILY;COUNT=5"]))
            await manager.run()
            timeline = await local.async_get_timeline()
            runs = [one for one in timeline if one.summary == "Run"]
            same(len(runs), 5, "the number of instances")
            await local.async_delete_event(runs[1].ical_uuid, runs[1].id)
            await manager.run()
            same([await titles(day) for day in range(8, 13)], [["Run"], [], ["Run"], ["Run"], ["Run"]], "what is left")
        with step("its sync token dies: it begins anew by itself"):
            await asyncio.to_thread(operator, "cursors/kill", face="google", user=BEN["email"])
            await manager.run()
            same((await titles(2), await titles(9), await titles(10)), (["Paint"], [], ["Run"]), "what is there")
        with step("an event is read, and deleted"):
            request = LocalListEventsRequest(start_time=moment(2, 0), end_time=moment(2, 23))
            paint = (await local.async_list_events(request)).events[0]
            same((await service.async_get_event(BEN["email"], paint.id)).summary, "Paint", "the title")
            await local.async_delete_event(paint.ical_uuid)
            await manager.run()
            same(await titles(2), [], "what is there on the second")
        with step("the errors are those that it knows"):
            says = await raised(service.async_get_event(BEN["email"], "nobodyknows"), ApiException)
            holds("404" in says, "the status is told")
            stranger = GoogleCalendarService(Auth(session, "nobody's"))
            await raised(stranger.async_list_calendars(), AuthException)


if __name__ == "__main__":
    asyncio.run(main())
