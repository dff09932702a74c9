//! Where the providers' documents leave a behaviour open, the world decides.

use serde::{Deserialize, Serialize};

use super::Style;

/// What an authorisation server does where its documents do not say, or say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own, with yes or no for an answer"
)]
pub struct Switches {
    /// Whether people must type their password. Without it, choosing an account is enough. Default: yes.
    pub asks_passwords: bool,
    /// Google: whether single scopes can be unticked ("granular permissions"). Default: yes.
    pub granular_consent: bool,
    /// Google: whether a proof key is taken from a web client too; else such a request is refused. Default: yes.
    pub pkce_for_web: bool,
    /// Google: whether revoking one token ends all of the same person and client. Default: yes.
    pub revokes_whole_grant: bool,
    /// Google: whether a refresh token that ends on its own is given with `refresh_token_expires_in`. Default: no.
    pub tells_refresh_lifetime: bool,
    /// Whether a code that is sent twice takes back what it had led to, as RFC 6749 §4.1.2 advises. Default: no.
    pub replay_revokes: bool,
    /// Whether access tokens live on when the grant is revoked. Default: no at Google; yes at Microsoft, where nobody looks
    /// at a grant while a token lasts.
    pub access_outlives_grant: bool,
    /// Microsoft: whether a refresh token dies when it was exchanged for a new one. Default: no, as documented.
    pub rotation_ends_old: bool,
    /// Microsoft: whether access tokens last 60 to 90 minutes, each a different time. Default: no; 3599 seconds each.
    pub varies_lifetimes: bool,
    /// Microsoft: whether errors carry `suberror`. Default: yes.
    pub tells_suberrors: bool,
    /// Microsoft: whether a cancelled sign-in carries `error_subcode=cancel`. Default: yes.
    pub tells_subcode: bool,
    /// Microsoft: whether scopes are told as `https://graph.microsoft.com/Mail.Send` and not as `Mail.Send`. Default: no.
    pub tells_full_scopes: bool,
    /// Microsoft: whether `mail` of `/me` is null, so that only `userPrincipalName` tells the address. Default: no.
    pub mail_is_null: bool,
    /// Who signs id tokens. Default: the sandbox under its own address.
    pub issuer: Issuer,
}

/// Who an id token says has made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Issuer {
    /// The sandbox: the address below which its discovery document lies, so that a library that reads it agrees.
    #[default]
    Sandbox,
    /// The provider's true name, such as `https://accounts.google.com`, for libraries that know no other.
    Provider,
}

impl Switches {
    /// The defaults for one of the two.
    pub fn of(style: Style) -> Self {
        Self {
            asks_passwords: true,
            granular_consent: true,
            pkce_for_web: true,
            revokes_whole_grant: true,
            tells_refresh_lifetime: false,
            replay_revokes: false,
            access_outlives_grant: match style {
                Style::Google => false,
                Style::Microsoft => true,
            },
            rotation_ends_old: false,
            varies_lifetimes: false,
            tells_suberrors: true,
            tells_subcode: true,
            tells_full_scopes: false,
            mail_is_null: false,
            issuer: Issuer::Sandbox,
        }
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self::of(Style::default())
    }
}
