"""gcalcli with the sandbox's addresses in place of Google's: the sign-in's, and the root of the discovery document."""

import json
import sys
from importlib import resources

import gcalcli.auth
import gcalcli.gcal
from gcalcli.cli import main
from google_auth_oauthlib.flow import InstalledAppFlow
from googleapiclient.discovery import build_from_document

from story import told

BASE = told()["google"]["base"]


class Flow(InstalledAppFlow):
    @classmethod
    def from_client_config(cls, client_config, scopes, **more):
        installed = {
            **client_config["installed"],
            "auth_uri": f"{BASE}/o/oauth2/auth",
            "token_uri": f"{BASE}/token",
        }
        return super().from_client_config({"installed": installed}, scopes, **more)


def build(serviceName, version, credentials):
    documents = resources.files("googleapiclient.discovery_cache") / "documents"
    document = json.loads((documents / f"{serviceName}.{version}.json").read_text())
    document["rootUrl"] = f"{BASE}/"
    return build_from_document(document, credentials=credentials)


gcalcli.auth.InstalledAppFlow = Flow
gcalcli.gcal.build = build
sys.argv[0] = "gcalcli"
sys.exit(main())
