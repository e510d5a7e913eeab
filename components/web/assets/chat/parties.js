/** Who belongs to a service request, and who of them is there. */

/** @typedef {{userId: string, role: string, online: boolean}} Member somebody who belongs to the service request */

/** In which order the server names them. */
const ROLES = ["customer", "technician", "service-center"];

export class Parties {
  /** @type {Member[]} */
  members = [];

  /** What was said of anybody's presence, members or not: who is assigned may have been heard of before. */
  #presence = new Map();

  /** Takes the list of a join's answer. @param {Member[]} members */
  joined(members) {
    this.members = members;
    this.#presence = new Map(members.map(({ userId, online }) => [userId, online]));
  }

  /** Somebody came or went. */
  present(userId, online) {
    this.#presence.set(userId, online);
    this.members = this.members.map((member) => (member.userId === userId ? { ...member, online } : member));
  }

  /**
   * Somebody has a role from now on.
   * @param {string} role
   * @param {string | null | undefined} userId null: nobody has it; undefined: it was not said
   */
  assign(role, userId) {
    const before = this.members.find((member) => member.role === role);
    if (userId === undefined || userId === (before?.userId ?? null)) return;
    if (before) this.#presence.delete(before.userId);
    const others = this.members.filter((member) => member !== before);
    const place = others.filter((member) => ROLES.indexOf(member.role) < ROLES.indexOf(role)).length;
    // Nobody joins before they are assigned, so who was not heard of is not there.
    const now = userId === null ? [] : [{ userId, role, online: this.#presence.get(userId) ?? false }];
    this.members = [...others.slice(0, place), ...now, ...others.slice(place)];
  }
}
