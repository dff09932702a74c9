"""msal signs in: as a server, as a program on a desk, silently, and it tells why where it cannot."""

import msal

import browser
from story import holds, person, same, step, told

MICROSOFT = told()["microsoft"]
BASE = MICROSOFT["base"]
AUTHORITY = f"{BASE}/common"
ANN = person("microsoft")
SCOPES = ["Calendars.ReadWrite", "User.Read"]
BACK = "http://127.0.0.1:8080/api/oauth/microsoft/callback/"


def server(**more):
    how = {"authority": AUTHORITY, "instance_discovery": False, **more}
    return msal.ConfidentialClientApplication(
        MICROSOFT["client_id"], client_credential=MICROSOFT["client_secret"], **how
    )


def signed_in(app):
    """The code flow with its proof of key, as a web server goes through it."""
    begun = app.initiate_auth_code_flow(SCOPES, redirect_uri=BACK, response_mode="form_post")
    holds("code_challenge_method=S256" in begun["auth_uri"], "the library proves its key")
    return app.acquire_token_by_auth_code_flow(begun, browser.posted(begun["auth_uri"], ANN))


def expect(result):
    holds("access_token" in result, f"there is an access token: {result}")
    return result


def main():
    with step("sign in through the consent page, with PKCE, as a server"):
        app = server()
        result = expect(signed_in(app))
        claims = result["id_token_claims"]
        same((claims["preferred_username"], claims["name"]), (ANN["email"], "Ann Albers"), "who signed in")
        holds(set(SCOPES) <= set(result["scope"].split()), "what was granted")
    with step("the account is known from now on"):
        (account,) = app.get_accounts()
        same(account["username"], ANN["email"], "the account")
        same(account["home_account_id"], f"{claims['oid']}.{claims['tid']}", "its name")
        cached = app.acquire_token_silent(SCOPES, account)
        same(cached["access_token"], result["access_token"], "the token")
    with step("silently, with the refresh token"):
        again = expect(app.acquire_token_silent(SCOPES, account, force_refresh=True))
        holds(again["access_token"] != result["access_token"], "it is another")
        fewer = expect(app.acquire_token_silent(["User.Read"], account, force_refresh=True))
        holds("Calendars.ReadWrite" not in fewer["scope"], "a token for less is possible")
    with step("by an authority that is named as an OpenID provider, and by instance discovery"):
        expect(signed_in(server(authority=None, oidc_authority=f"{BASE}/common/v2.0")))
        expect(signed_in(server(instance_discovery=f"{BASE}/common/discovery/instance")))
    with step("as a program on a desk, which opens a browser and waits for its code"):
        browser.register("ann", ANN)
        desk = msal.PublicClientApplication(
            MICROSOFT["desktop"]["client_id"], authority=AUTHORITY, instance_discovery=False
        )
        result = expect(desk.acquire_token_interactive(SCOPES, timeout=20))
        same(result["id_token_claims"]["preferred_username"], ANN["email"], "who signed in")
    with step("whoever cancels is told so"):
        begun = app.initiate_auth_code_flow(SCOPES, redirect_uri=BACK, response_mode="form_post")
        back = browser.posted(begun["auth_uri"], ANN, decision="deny")
        same(app.acquire_token_by_auth_code_flow(begun, back)["error"], "access_denied", "the error")
    with step("a wrong secret is the operator's matter: invalid_client, AADSTS7000215"):
        wrong = msal.ConfidentialClientApplication(
            MICROSOFT["client_id"], client_credential="wrong", authority=AUTHORITY, instance_discovery=False
        )
        result = signed_in(wrong)
        same((result["error"], result["error_codes"]), ("invalid_client", [7000215]), "the error")
    with step("a refresh token that nobody was given is invalid_grant"):
        result = app.acquire_token_by_refresh_token("nobody's", SCOPES)
        same(result["error"], "invalid_grant", "the error")


if __name__ == "__main__":
    main()
