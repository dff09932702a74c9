//! What Google has names for, by its Discovery document: the parameters of each method, and the members of each body.
//! A row begins with what it is about; rows that go on are indented.

/// What every method takes.
pub(super) const OF_ALL: &str = "alt fields key oauth_token prettyPrint quotaUser userIp";

/// Each method, the schema of its body where it has one, and the parameters of its query.
pub(super) const METHODS: &str = "
acl.delete:
acl.get:
acl.insert AclRule: sendNotifications
acl.list: maxResults pageToken showDeleted syncToken
acl.patch AclRule: sendNotifications
acl.update AclRule: sendNotifications
acl.watch Channel: maxResults pageToken showDeleted syncToken
calendarList.delete:
calendarList.get:
calendarList.insert CalendarListEntry: colorRgbFormat
calendarList.list: maxResults minAccessRole pageToken showDeleted showHidden showOwnOrganizationOnly syncToken
calendarList.patch CalendarListEntry: colorRgbFormat
calendarList.update CalendarListEntry: colorRgbFormat
calendarList.watch Channel: maxResults minAccessRole pageToken showDeleted showHidden showOwnOrganizationOnly
  syncToken
calendars.clear:
calendars.delete:
calendars.get:
calendars.insert Calendar:
calendars.patch Calendar:
calendars.transferOwnership: newDataOwner useAdminAccess
calendars.update Calendar:
channels.stop Channel:
colors.get:
events.delete: sendNotifications sendUpdates
events.get: alwaysIncludeEmail maxAttendees timeZone
events.import Event: conferenceDataVersion eventLabelVersion supportsAttachments
events.insert Event: conferenceDataVersion eventLabelVersion maxAttendees sendNotifications sendUpdates
  supportsAttachments
events.instances: alwaysIncludeEmail maxAttendees maxResults originalStart pageToken showDeleted timeMax timeMin
  timeZone
events.list: alwaysIncludeEmail eventTypes iCalUID maxAttendees maxResults orderBy pageToken privateExtendedProperty q
  sharedExtendedProperty showDeleted showHiddenInvitations singleEvents syncToken timeMax timeMin timeZone updatedMin
events.move: destination sendNotifications sendUpdates
events.patch Event: alwaysIncludeEmail conferenceDataVersion eventLabelVersion maxAttendees sendNotifications
  sendUpdates supportsAttachments
events.quickAdd: sendNotifications sendUpdates text
events.update Event: alwaysIncludeEmail conferenceDataVersion eventLabelVersion maxAttendees sendNotifications
  sendUpdates supportsAttachments
events.watch Channel: alwaysIncludeEmail eventTypes iCalUID maxAttendees maxResults orderBy pageToken
  privateExtendedProperty q sharedExtendedProperty showDeleted showHiddenInvitations singleEvents syncToken timeMax
  timeMin timeZone updatedMin
freebusy.query FreeBusyRequest:
settings.get:
settings.list: maxResults pageToken syncToken
settings.watch Channel: maxResults pageToken syncToken
";

/// Each schema and its members, with the schema of what a member holds where that has names of its own.
pub(super) const SCHEMAS: &str = "
AclRule: etag id kind role scope=AclRule.scope
AclRule.scope: type value
Calendar: autoAcceptInvitations conferenceProperties=ConferenceProperties dataOwner description etag id kind
  labelProperties=LabelProperties location summary timeZone workingHours=Calendar.workingHours
Calendar.workingHours: availableTimes=Calendar.workingHours.availableTimes workingHoursEnabled
Calendar.workingHours.availableTimes: dayOfWeek periodEnd periodStart
CalendarListEntry: accessRole autoAcceptInvitations backgroundColor colorId conferenceProperties=ConferenceProperties
  dataOwner defaultReminders=EventReminder deleted description etag foregroundColor hidden id kind location
  notificationSettings=CalendarListEntry.notificationSettings primary selected summary summaryOverride timeZone
CalendarListEntry.notificationSettings: notifications=CalendarNotification
CalendarNotification: method type
Channel: address expiration id kind params payload resourceId resourceUri token type
ConferenceData: conferenceId conferenceSolution=ConferenceSolution createRequest=CreateConferenceRequest
  entryPoints=EntryPoint notes parameters=ConferenceParameters signature
ConferenceParameters: addOnParameters=ConferenceParametersAddOnParameters
ConferenceParametersAddOnParameters: parameters
ConferenceProperties: allowedConferenceSolutionTypes
ConferenceRequestStatus: statusCode
ConferenceSolution: iconUri key=ConferenceSolutionKey name
ConferenceSolutionKey: type
CreateConferenceRequest: conferenceSolutionKey=ConferenceSolutionKey requestId status=ConferenceRequestStatus
EntryPoint: accessCode entryPointFeatures entryPointType label meetingCode passcode password pin regionCode uri
Event: anyoneCanAddSelf attachments=EventAttachment attendees=EventAttendee attendeesOmitted
  birthdayProperties=EventBirthdayProperties colorId conferenceData=ConferenceData created creator=Event.creator
  description end=EventDateTime endTimeUnspecified etag eventLabelId eventType
  extendedProperties=Event.extendedProperties focusTimeProperties=EventFocusTimeProperties gadget=Event.gadget
  guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests hangoutLink htmlLink iCalUID id kind location locked
  organizer=Event.organizer originalStartTime=EventDateTime outOfOfficeProperties=EventOutOfOfficeProperties
  privateCopy recurrence recurringEventId reminders=Event.reminders sequence source=Event.source start=EventDateTime
  status summary transparency updated visibility workingLocationProperties=EventWorkingLocationProperties
Event.creator: displayName email id self
Event.extendedProperties: private shared
Event.gadget: display height iconLink link preferences title type width
Event.organizer: displayName email id self
Event.reminders: overrides=EventReminder useDefault
Event.source: title url
EventAttachment: fileId fileUrl iconLink mimeType title
EventAttendee: additionalGuests asyncOperation comment displayName email id optional organizer resource responseStatus
  self
EventBirthdayProperties: contact customTypeName type
EventDateTime: date dateTime timeZone
EventFocusTimeProperties: autoDeclineMode chatStatus declineMessage
EventLabel: backgroundColor id name
EventOutOfOfficeProperties: autoDeclineMode declineMessage
EventReminder: method minutes
EventWorkingLocationProperties: customLocation=EventWorkingLocationProperties.customLocation homeOffice
  officeLocation=EventWorkingLocationProperties.officeLocation type
EventWorkingLocationProperties.customLocation: label
EventWorkingLocationProperties.officeLocation: buildingId deskId floorId floorSectionId label
FreeBusyRequest: calendarExpansionMax groupExpansionMax items=FreeBusyRequestItem timeMax timeMin timeZone
FreeBusyRequestItem: id
LabelProperties: eventLabels=EventLabel
";

/// The words of a row, if there is one about this: the words after its name, and those after the colon.
pub(super) fn row<'t>(table: &'t str, about: &str) -> Option<(&'t str, Vec<&'t str>)> {
    let mut lines = table.lines().skip_while(|line| {
        let name = line.split([':', ' ']).next();
        line.starts_with(' ') || name != Some(about)
    });
    let (head, words) = lines.next()?.split_once(':')?;
    let more = lines.take_while(|line| line.starts_with(' '));
    let body = head.split_once(' ').map_or("", |(_, body)| body);
    let words = words.split_whitespace();
    Some((
        body,
        words.chain(more.flat_map(str::split_whitespace)).collect(),
    ))
}
