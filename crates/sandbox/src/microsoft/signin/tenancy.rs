//! Tenants: whom an address of the identity platform lets in.

use crate::oauth::{Oauth, domain_of, identity};

/// The tenant of all personal accounts.
pub(super) const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Mail domains of personal accounts.
const PERSONAL_DOMAINS: [&str; 4] = ["outlook.com", "hotmail.com", "live.com", "msn.com"];

/// What stands for the tenant in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tenancy {
    /// Everybody.
    Common,
    /// Everybody with a work account.
    Organizations,
    /// Everybody with a personal account.
    Consumers,
    /// Those of one tenant, by its id.
    One(String),
}

impl Tenancy {
    /// What a segment means: one of three words, or the id or a domain of a tenant in which somebody is.
    pub(super) fn read(segment: &str, oauth: &Oauth) -> Option<Self> {
        match segment {
            "common" => return Some(Self::Common),
            "organizations" => return Some(Self::Organizations),
            "consumers" | PERSONAL_TENANT => return Some(Self::Consumers),
            _ => {}
        }
        oauth
            .people
            .keys()
            .find(|email| {
                tenant_of(email).eq_ignore_ascii_case(segment)
                    || domain_of(email).eq_ignore_ascii_case(segment)
            })
            .map(|email| Self::One(tenant_of(email)))
    }

    /// Whether somebody is let in.
    pub(super) fn admits(&self, email: &str) -> bool {
        let tenant = tenant_of(email);
        match self {
            Self::Common => true,
            Self::Organizations => tenant != PERSONAL_TENANT,
            Self::Consumers => tenant == PERSONAL_TENANT,
            Self::One(id) => tenant == *id,
        }
    }
}

/// The id of the tenant that an account is in: it follows from the domain.
pub(super) fn tenant_of(email: &str) -> String {
    let domain = domain_of(email).to_ascii_lowercase();
    if PERSONAL_DOMAINS.contains(&domain.as_str()) {
        PERSONAL_TENANT.to_owned()
    } else {
        identity::guid_of("tenant", &domain)
    }
}
