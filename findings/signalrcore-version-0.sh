#!/usr/bin/env bash
# signalrcore, Python's SignalR client, asks for version 0 of the JSON protocol: since 1.0 it takes the version of the hub
# protocol from `negotiateVersion`, which is another thing, and does not ask for negotiation 1. A server that takes the protocol's
# versions from its specification, where there are 1 and 2, refuses its handshake; ASP.NET Core takes whatever is at most 2.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --only-binary=:all: --target packages \
  signalrcore==1.0.2 msgpack==1.1.2

cat >try.py <<'SCRIPT'
import base64, hashlib, json, logging, os, socket, threading
from importlib.metadata import version
from signalrcore.hub_connection_builder import HubConnectionBuilder

asked, done, server = [], threading.Event(), socket.create_server(("127.0.0.1", 0))


def head(connection):
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        text += connection.recv(1)
    return text.decode()


def serve():
    while True:
        connection, _ = server.accept()
        request = head(connection)
        if request.startswith("POST"):
            # As a server answers who does not ask for negotiation 1.
            asked.append(request.split(" ")[1])
            transports = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]
            body = json.dumps({"negotiateVersion": 0, "connectionId": "a", "availableTransports": transports})
            connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode())
            connection.close()
            continue
        key = [line.split(": ")[1] for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key")][0]
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        connection.sendall(f"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n".encode())
        length = connection.recv(2)[1] & 127
        mask, payload = connection.recv(4), connection.recv(length)
        asked.append(bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)).decode().rstrip("\x1e"))
        done.set()


threading.Thread(target=serve, daemon=True).start()
hub = HubConnectionBuilder().with_url(f"http://127.0.0.1:{server.getsockname()[1]}/hub").configure_logging(logging.CRITICAL).build()
threading.Thread(target=hub.start, daemon=True).start()
done.wait(20)
print(f"signalrcore {version('signalrcore')} negotiates by {asked[0]} and then says {asked[1]}")
os._exit(0 if json.loads(asked[1])["version"] == 0 else 1)
SCRIPT
PYTHONPATH=packages python3 try.py
echo "So a server of one's own takes less than 1 for 1, as ASP.NET Core does."
