"""Lists a repository's tags with Azure's own client: newest first, a page at a time."""

import json
import sys
import time
import urllib.parse
import urllib.request

from azure.containerregistry import ArtifactTagOrder, ContainerRegistryClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

server, entra, tenant, client, secret, repository = sys.argv[1:]


class Application:
    """The credential of an application, by its secret."""

    def get_token(self, *scopes, **_):
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": scopes[0],
        }
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{entra}/{tenant}/oauth2/v2.0/token", body) as answer:
            token = json.load(answer)
        return AccessToken(token["access_token"], int(time.time()) + token["expires_in"])


registry = ContainerRegistryClient(server, Application(), audience="https://containerregistry.azure.net")
try:
    pages = registry.list_tag_properties(
        repository,
        order_by=ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING,
        results_per_page=2,
        enforce_https=False,
    ).by_page()
    found = [
        [{"name": tag.name, "digest": tag.digest, "at": tag.last_updated_on.isoformat()} for tag in page] for page in pages
    ]
    print(json.dumps(found))
except HttpResponseError as error:
    print(json.dumps({"status": error.status_code, "message": str(error)}))
