"""GitHub's end of a sealed box, with libsodium: makes a key pair, and opens what was sealed for it."""

import base64
import json
import sys

from nacl.public import PrivateKey, SealedBox

if sys.argv[1] == "keys":
    key = PrivateKey.generate()
    encode = lambda raw: base64.b64encode(bytes(raw)).decode()
    print(json.dumps({"private": encode(key), "public": encode(key.public_key)}))
elif sys.argv[1] == "seal":
    from nacl.public import PublicKey

    box = SealedBox(PublicKey(base64.b64decode(sys.argv[2])))
    print(json.dumps(base64.b64encode(box.encrypt(sys.argv[3].encode())).decode()))
else:
    key = PrivateKey(base64.b64decode(sys.argv[2]))
    print(json.dumps(SealedBox(key).decrypt(base64.b64decode(sys.argv[3])).decode()))
