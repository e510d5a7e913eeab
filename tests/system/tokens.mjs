// Tokens, signed as an issuer would and in every way that must not hold.

import { createHmac, sign } from "node:crypto";

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const now = () => Math.floor(Date.now() / 1000);

/** The claims of somebody, valid for an hour unless told otherwise. */
export function claims({ sub, role, center, ...more }) {
  return { sub, role, ...(center ? { center } : {}), iat: now(), exp: now() + 3600, ...more };
}

/** Signed with a secret both sides have. */
export function hs256(payload, secret, header = {}) {
  const text = `${encode({ alg: "HS256", typ: "JWT", ...header })}.${encode(payload)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** Signed with a private key, by `alg`. */
export function signed(payload, privateKey, { alg, kid }) {
  const text = `${encode({ alg, typ: "JWT", kid })}.${encode(payload)}`;
  const digest = alg === "EdDSA" ? null : "sha256";
  const signature = sign(digest, Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** "Signed" with nothing. */
export function unsigned(payload) {
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(payload)}.`;
}
