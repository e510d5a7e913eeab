"""Restores a PostgreSQL server to a point in time with Azure's own client."""

import json
import sys
import time

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient

origin, token, subscription, group, source, name, moment = sys.argv[1:]


class Bearer(SansIOHTTPPolicy):
    """The client's own policy demands TLS."""

    def on_request(self, request):
        request.http_request.headers["Authorization"] = f"Bearer {token}"


class Nobody:
    def get_token(self, *_, **__):
        raise AssertionError("the policy has the token")


client = PostgreSQLManagementClient(
    Nobody(), subscription, base_url=origin, authentication_policy=Bearer(), polling_interval=1
)
try:
    began = time.time()
    there = client.servers.get(group, source)
    restore = {
        "location": "westeurope",
        "properties": {
            "createMode": "PointInTimeRestore",
            "sourceServerResourceId": there.id,
            "pointInTimeUTC": moment,
        },
    }
    begin = getattr(client.servers, "begin_create_or_update", None) or client.servers.begin_create
    made = begin(group, name, restore).result()
    properties = getattr(made, "properties", None) or made
    print(
        json.dumps(
            {
                "id": made.id,
                "state": properties.state,
                "host": properties.fully_qualified_domain_name,
                "seconds": time.time() - began,
            }
        )
    )
except HttpResponseError as error:
    print(json.dumps({"status": error.status_code, "code": error.error.code if error.error else None}))
