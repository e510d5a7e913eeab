/** Reads the demo from the address and opens its two panes. */

import { ChatPane } from "./chat-pane.js";

/**
 * The demo's tokens travel in the fragment, which a browser sends to nobody:
 * `#demo=` and, in base64url, `{serviceRequestId, customer: {token, userId}, technician: {token, userId}}`.
 */
function readDemo(fragment) {
  const encoded = new URLSearchParams(fragment.replace(/^#/, "")).get("demo");
  if (!encoded) return null;
  try {
    const bytes = Uint8Array.from(atob(encoded.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
    const demo = JSON.parse(new TextDecoder().decode(bytes));
    const complete = ["customer", "technician"].every((role) => demo[role]?.token && demo[role]?.userId);
    return complete && demo.serviceRequestId ? demo : null;
  } catch {
    return null;
  }
}

function open() {
  const demo = readDemo(location.hash);
  document.getElementById("welcome").hidden = demo !== null;
  const panes = document.getElementById("panes");
  panes.hidden = demo === null;
  if (demo === null) return;
  document.getElementById("subject").textContent = `Service request ${demo.serviceRequestId}`;
  const hubUrl = new URL("/hubs/chat", location.href).href;
  for (const role of ["customer", "technician"]) {
    const { token, userId } = demo[role];
    new ChatPane({ role, userId, token, serviceRequestId: demo.serviceRequestId, hubUrl }).open(panes);
  }
}

// Another demo in the address, or none: what is open belongs to the old one.
addEventListener("hashchange", () => location.reload());
open();
