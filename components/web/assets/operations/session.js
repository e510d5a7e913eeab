/** Who is at the page: a token that was pasted, or came in the address's fragment. It is kept for this tab alone. */

const KEY = "hubline.operations.token";

const OPERATIONS_ROLES = ["operator", "approver", "commander", "auditor"];

export class Session {
  #token;

  constructor(token) {
    this.#token = token;
    const claims = read(token);
    this.person = claims.sub ?? "somebody";
    const held = [claims.role ?? claims.roles ?? []].flat();
    // Where an issuer calls roles by other names, everything is offered, and the server says what is allowed.
    this.roles = held.some((role) => OPERATIONS_ROLES.includes(role)) ? held.filter((role) => OPERATIONS_ROLES.includes(role)) : OPERATIONS_ROLES;
    this.until = claims.exp ? new Date(claims.exp * 1000) : null;
  }

  get token() {
    return this.#token;
  }

  /** Whether the token claims one of these roles. The server reads its own table as well. */
  may(...roles) {
    return roles.some((role) => this.roles.includes(role));
  }

  /** The session of this tab, or null. A token in the address is taken out of it. */
  static open() {
    const fragment = new URLSearchParams(location.hash.replace(/^#/, ""));
    const token = fragment.get("token");
    if (token) {
      const incident = fragment.get("incident");
      history.replaceState(null, "", location.pathname + (incident ? `#${incident}` : ""));
      return Session.begin(token);
    }
    const kept = sessionStorage.getItem(KEY);
    return kept ? new Session(kept) : null;
  }

  static begin(token) {
    sessionStorage.setItem(KEY, token.trim());
    return new Session(token.trim());
  }

  static end() {
    sessionStorage.removeItem(KEY);
  }
}

/** The claims of a token, unverified: they only say what to show. */
function read(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}
