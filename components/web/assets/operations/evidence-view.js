/** Pieces of evidence: by their digests, and one of them as it was kept. */

import { el, pairs } from "./element.js";

/** How much of a long piece is shown. */
const SHOWN = 200_000;

/**
 * A digest that opens its piece of evidence.
 *
 * @param {{seen: Set<string>, open: (digest: string) => Promise<void>}} evidence what this person has opened, and opening more
 */
export function evidenceButton(digest, { seen, open }) {
  const text = `${digest.slice(7, 19)}…`;
  const label = `Evidence ${text}${seen.has(digest) ? ", opened" : ""}`;
  const button = el("button.evidence", { type: "button", title: digest, "aria-label": label, data: { digest } }, text, seen.has(digest) && " ✓");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await open(digest).catch((problem) => show("Evidence", el("p.warning", { role: "alert" }, problem.message)));
    button.disabled = false;
  });
  return button;
}

/** Shows a piece of evidence, and whether its bytes are those that its digest names. */
export async function showEvidence(digest, { type, bytes }) {
  const holds = await hasDigest(bytes, digest);
  const text = written(type, bytes);
  show(
    "Evidence",
    pairs(["Digest", el("code", {}, digest)], ["Type", type], ["Size", `${bytes.length} bytes`], ["Checked here", CHECKED[holds]]),
    holds === false && el("p.warning", { role: "alert" }, "Somebody has altered it. Do not rely on it."),
    text === null ? el("p.quiet", {}, "It can't be shown as text.") : el("pre", { tabindex: 0 }, text.slice(0, SHOWN), text.length > SHOWN && "\n…"),
  );
}

const CHECKED = { true: "its SHA-256 is this digest", false: "its SHA-256 is another", null: "a browser checks digests only over HTTPS" };

async function hasDigest(bytes, digest) {
  if (!globalThis.crypto?.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest === `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function written(type, bytes) {
  if (!/^(application\/json|text\/)/.test(type)) return null;
  const text = new TextDecoder().decode(bytes);
  try {
    return type === "application/json" ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    return text;
  }
}

function show(title, ...content) {
  const close = el("button", { type: "button", on: { click: () => dialog.close() } }, "Close");
  const dialog = el("dialog.card", { "aria-labelledby": "dialog-title", on: { close: () => dialog.remove() } }, el("header", {}, el("h2", { id: "dialog-title" }, title), close), content);
  document.body.append(dialog);
  dialog.showModal();
}
