// Kubernetes' binary form of secrets and config maps: `kubectl create` sends nothing else.

/** The fields of a message: `[number, value]` in order, of which only lengths, numbers and bytes occur here. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) yield [tag >> 3, varint()];
    else if ((tag & 7) === 2) {
      const length = varint();
      yield [tag >> 3, bytes.subarray(at, at + length)];
      at += length;
    } else throw new Error(`a wire type ${tag & 7} is not expected here`);
  }
}

const only = (bytes, number) => [...fields(bytes)].find(([it]) => it === number)?.[1];

/** A map's entries, as its message holds them. */
function entries(bytes, number, read) {
  const found = [...fields(bytes)].filter(([it]) => it === number);
  return Object.fromEntries(found.map(([, entry]) => [only(entry, 1).toString(), read(only(entry, 2) ?? Buffer.alloc(0))]));
}

/** The object in a body that begins with `k8s\0`. */
export function object(body) {
  const envelope = body.subarray(4);
  const type = only(envelope, 1);
  const raw = only(envelope, 2);
  const [apiVersion, kind] = [only(type, 1).toString(), only(type, 2).toString()];
  const meta = only(raw, 1);
  const metadata = {
    name: only(meta, 1)?.toString(),
    labels: entries(meta, 11, String),
    annotations: entries(meta, 12, String),
  };
  if (kind === "ConfigMap") return { apiVersion, kind, metadata, data: entries(raw, 2, String) };
  if (kind !== "Secret") throw new Error(`a ${kind} in binary form is not expected here`);
  const data = entries(raw, 2, (value) => value.toString("base64"));
  return { apiVersion, kind, metadata, data, type: only(raw, 3)?.toString() || "Opaque" };
}
