//! Lasting peculiarities of a CalDAV server, each as a choice between what servers are known to do.
//!
//! The default of each is what the RFCs ask for. The presets imitate servers as far as their behaviour is published.

use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// How a server behaves where servers differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quirks {
    /// The answer to a second object with the same UID.
    pub uid_conflict: UidConflict,
    /// Where a UID must be unique.
    pub uid_scope: UidScope,
    /// The answer to a sync token that the server no longer knows.
    pub dead_token: DeadToken,
    /// What kind of ETags there are.
    pub etags: Etags,
    /// Whether the answer to a PUT names the new ETag.
    pub put_etag: PutEtag,
    /// Whether what is stored is what was sent.
    pub storage: Storage,
    /// How changes can be asked for.
    pub listing: Listing,
    /// After how many members an incremental listing stops with a 507.
    pub page: Page,
    /// What a client's own limit (`DAV:nresults`) does.
    pub client_limit: ClientLimit,
    /// How addresses are written.
    pub hrefs: Hrefs,
    /// How XML is written.
    pub xml: XmlStyle,
    /// Whether `If-None-Match` is read.
    pub if_none_match: IfNoneMatch,
    /// Whether deleted objects keep their UID.
    pub trash: Trash,
    /// Whether scheduling objects have a Schedule-Tag.
    pub schedule_tag: ScheduleTag,
    /// Whether the server mails attendees and organizers.
    pub scheduling: Scheduling,
    /// Where a new object is put.
    pub placement: Placement,
    /// What `calendar-query` without a component filter gives.
    pub bare_query: BareQuery,
}

/// The answer to a PUT whose UID another object has (`CALDAV:no-uid-conflict`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UidConflict {
    /// 403 with the element: RFC 4791 §5.3.2.1.
    #[default]
    Forbidden403,
    /// 400 with sabre's exception and no element (Nextcloud).
    BadRequest400,
    /// 409 with the element (Radicale).
    Conflict409,
    /// 412 with the element (Xandikos).
    PreconditionFailed412,
}

/// Where a UID must be unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UidScope {
    /// Within a collection: RFC 4791 §4.1.
    #[default]
    Collection,
    /// Within all collections of the account (Cyrus, Apple's server).
    Account,
}

/// The answer to a sync token that the server no longer knows (`DAV:valid-sync-token`, RFC 6578 §3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeadToken {
    /// 403 with the element (sabre, Radicale).
    #[default]
    Forbidden403,
    /// 409 with the element.
    Conflict409,
    /// 412 with the element (Xandikos).
    PreconditionFailed412,
    /// 410 and nothing else.
    BareGone410,
}

/// What kind of ETags there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Etags {
    /// Strong ones.
    #[default]
    Strong,
    /// Weak ones, which `If-Match` accepts all the same.
    WeakAccepted,
    /// A proxy makes them weak on the way out; on the way in a weak one never matches (RFC 9110 §13.1.1 wants a strong
    /// comparison), the bare one does.
    WeakRefused,
    /// None at all: no header, and `getetag` is not found.
    Never,
}

/// Whether the answer to a PUT names the new ETag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutEtag {
    /// Only when the very bytes were stored: RFC 4791 §5.3.4.
    #[default]
    WhenVerbatim,
    /// Always, also when other bytes were stored (Radicale).
    Always,
    /// Never (iCloud at times, Cyrus for scheduling objects).
    Absent,
}

/// Whether what is stored is what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storage {
    /// The very bytes.
    #[default]
    Verbatim,
    /// The same lines, folded elsewhere.
    Refolded,
    /// A new `DTSTAMP` and `LAST-MODIFIED`.
    FreshStamps,
    /// `X-` properties and `CREATED` added.
    Annotated,
    /// All of these, and properties put in alphabetical order.
    Rewritten,
}

/// How changes can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listing {
    /// By `sync-collection` and by ctag.
    #[default]
    SyncCollection,
    /// Only by `getctag` and a listing of ETags.
    CtagOnly,
    /// Only by a listing of ETags.
    EtagsOnly,
}

/// After how many members an incremental listing stops with a 507 for the collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Page {
    /// Never.
    #[default]
    Whole,
    /// After so many members (at least 1).
    Members(usize),
}

/// What a client's own limit (`DAV:nresults`) does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientLimit {
    /// It is kept, and the token continues there.
    #[default]
    Honoured,
    /// 507 with `DAV:number-of-matches-within-limits`.
    Refused,
    /// It is kept, but the token is the newest: the rest is lost (Xandikos).
    LosesTheRest,
}

/// How addresses are written in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hrefs {
    /// Absolute paths, encoded where needed.
    #[default]
    Paths,
    /// Absolute addresses with the host.
    Urls,
    /// Absolute paths with more characters percent-encoded than needed, in lower case hex.
    OverEncoded,
    /// Absolute paths, collections without their slash.
    NoTrailingSlash,
}

/// How XML is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum XmlStyle {
    /// Prefixes declared at the root, text escaped.
    #[default]
    Prefixes,
    /// No prefixes: each element declares its namespace. Text stands in CDATA sections.
    DefaultNamespaces,
}

/// Whether `If-None-Match` is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfNoneMatch {
    /// It is.
    #[default]
    Honoured,
    /// It is not: a create overwrites (Google).
    Ignored,
}

/// Whether deleted objects keep their UID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trash {
    /// Gone is gone.
    #[default]
    None,
    /// A create with the UID of a deleted object is refused (Nextcloud's trash bin).
    KeepsUids,
}

/// Whether scheduling objects have a Schedule-Tag (RFC 6638 §3.2.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleTag {
    /// They do not.
    #[default]
    Off,
    /// They do, and `If-Schedule-Tag-Match` is read.
    On,
}

/// Whether the server mails attendees and organizers (RFC 6638).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheduling {
    /// It never does.
    #[default]
    Off,
    /// It does, by `calendar-auto-schedule`.
    Auto,
}

/// Where a new object is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// Where the client asked.
    #[default]
    AsAsked,
    /// Under a name of the server's, told in `Location`.
    ElsewhereTold,
    /// Under a name of the server's, not told.
    ElsewhereUntold,
}

/// What `calendar-query` without a component filter gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BareQuery {
    /// Every object.
    #[default]
    Everything,
    /// 403 `CALDAV:valid-filter` (iCloud, SOGo).
    Refused,
}

impl Quirks {
    /// Radicale 3.
    #[must_use]
    pub fn radicale() -> Self {
        Self {
            uid_conflict: UidConflict::Conflict409,
            put_etag: PutEtag::Always,
            storage: Storage::Refolded,
            ..Self::default()
        }
    }

    /// Xandikos 0.4.
    #[must_use]
    pub fn xandikos() -> Self {
        Self {
            uid_conflict: UidConflict::PreconditionFailed412,
            dead_token: DeadToken::PreconditionFailed412,
            client_limit: ClientLimit::LosesTheRest,
            ..Self::default()
        }
    }

    /// Nextcloud: sabre with a trash bin.
    #[must_use]
    pub fn nextcloud() -> Self {
        Self {
            uid_conflict: UidConflict::BadRequest400,
            trash: Trash::KeepsUids,
            scheduling: Scheduling::Auto,
            ..Self::default()
        }
    }

    /// iCloud.
    #[must_use]
    pub fn icloud() -> Self {
        Self {
            put_etag: PutEtag::Absent,
            storage: Storage::Annotated,
            hrefs: Hrefs::Urls,
            xml: XmlStyle::DefaultNamespaces,
            schedule_tag: ScheduleTag::On,
            scheduling: Scheduling::Auto,
            bare_query: BareQuery::Refused,
            ..Self::default()
        }
    }

    /// Google's CalDAV door.
    #[must_use]
    pub fn google() -> Self {
        Self {
            if_none_match: IfNoneMatch::Ignored,
            storage: Storage::Rewritten,
            put_etag: PutEtag::Absent,
            placement: Placement::ElsewhereUntold,
            dead_token: DeadToken::BareGone410,
            ..Self::default()
        }
    }

    /// Cyrus, as Fastmail runs it.
    #[must_use]
    pub fn cyrus() -> Self {
        Self {
            uid_scope: UidScope::Account,
            schedule_tag: ScheduleTag::On,
            scheduling: Scheduling::Auto,
            page: Page::Members(100),
            ..Self::default()
        }
    }

    /// A mixture that no server has, for simulations. Never auto-scheduling, whose mails the caller counts as faults
    /// only where it expects none, and never a lossy client limit, which loses changes by design.
    pub fn draw(chance: &mut Chance) -> Self {
        Self {
            uid_conflict: *chance.pick(&[
                UidConflict::Forbidden403,
                UidConflict::BadRequest400,
                UidConflict::Conflict409,
                UidConflict::PreconditionFailed412,
            ]),
            uid_scope: *chance.pick(&[
                UidScope::Collection,
                UidScope::Collection,
                UidScope::Account,
            ]),
            dead_token: *chance.pick(&[
                DeadToken::Forbidden403,
                DeadToken::Conflict409,
                DeadToken::PreconditionFailed412,
                DeadToken::BareGone410,
            ]),
            etags: *chance.pick(&[
                Etags::Strong,
                Etags::Strong,
                Etags::Strong,
                Etags::Strong,
                Etags::WeakAccepted,
                Etags::WeakRefused,
            ]),
            put_etag: *chance.pick(&[PutEtag::WhenVerbatim, PutEtag::Always, PutEtag::Absent]),
            storage: *chance.pick(&[
                Storage::Verbatim,
                Storage::Refolded,
                Storage::FreshStamps,
                Storage::Annotated,
                Storage::Rewritten,
            ]),
            listing: *chance.pick(&[
                Listing::SyncCollection,
                Listing::SyncCollection,
                Listing::CtagOnly,
                Listing::EtagsOnly,
            ]),
            page: *chance.pick(&[
                Page::Whole,
                Page::Whole,
                Page::Members(1),
                Page::Members(3),
                Page::Members(10),
            ]),
            client_limit: *chance.pick(&[ClientLimit::Honoured, ClientLimit::Refused]),
            hrefs: *chance.pick(&[
                Hrefs::Paths,
                Hrefs::Urls,
                Hrefs::OverEncoded,
                Hrefs::NoTrailingSlash,
            ]),
            xml: *chance.pick(&[XmlStyle::Prefixes, XmlStyle::DefaultNamespaces]),
            if_none_match: IfNoneMatch::Honoured,
            trash: *chance.pick(&[Trash::None, Trash::None, Trash::KeepsUids]),
            schedule_tag: *chance.pick(&[ScheduleTag::Off, ScheduleTag::On]),
            scheduling: Scheduling::Off,
            placement: *chance.pick(&[
                Placement::AsAsked,
                Placement::AsAsked,
                Placement::ElsewhereTold,
            ]),
            bare_query: *chance.pick(&[BareQuery::Everything, BareQuery::Refused]),
        }
    }
}
