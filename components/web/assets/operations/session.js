/** Who is at the page: a token that was pasted, or those that came in the address's fragment. They are kept for this tab alone. */

const KEY = "hubline.operations.tokens";

const OPERATIONS_ROLES = ["operator", "approver", "commander", "auditor"];

export class Session {
  /**
   * @param {string} token
   * @param {string[]} tokens those of everybody as whom this tab may work, this one among them
   */
  constructor(token, tokens) {
    this.token = token;
    this.tokens = tokens;
    const { sub = "somebody", role, roles } = read(token);
    this.person = sub;
    const held = [role ?? roles ?? []].flat().filter((name) => OPERATIONS_ROLES.includes(name));
    // Where an issuer calls roles by other names, everything is asked for, and the server says what is allowed.
    this.roles = held.length > 0 ? held : OPERATIONS_ROLES;
  }

  /** Whether the token claims one of these roles. The server reads its own table as well. */
  may(...roles) {
    return roles.some((role) => this.roles.includes(role));
  }

  /** Everybody as whom this tab may work. */
  get people() {
    return this.tokens.map((token) => new Session(token, this.tokens));
  }

  /** The session of this tab, or null. Tokens in the address are taken out of it; the first of them is who begins. */
  static open() {
    const fragment = new URLSearchParams(location.hash.replace(/^#/, ""));
    const tokens = fragment.getAll("token");
    if (tokens.length > 0) {
      const incident = fragment.get("incident");
      history.replaceState(null, "", location.pathname + (incident ? `#${incident}` : ""));
      return Session.begin(tokens[0], tokens);
    }
    const [token, ...others] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return token ? new Session(token, others) : null;
  }

  static begin(token, tokens = [token]) {
    sessionStorage.setItem(KEY, JSON.stringify([token, ...tokens]));
    return new Session(token, tokens);
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
