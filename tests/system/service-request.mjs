// A service request and the people who belong to it.

let number = 0;

export class ServiceRequest {
  #cluster;

  constructor(cluster, { id = `sr-${process.pid}-${(number += 1)}`, ...parties } = {}) {
    this.#cluster = cluster;
    this.id = id;
    this.customerId = `customer-${id}`;
    this.technicianId = `technician-${id}`;
    this.serviceCenterId = `center-${id}`;
    Object.assign(this, parties);
  }

  get customer() {
    return this.#cluster.token({ sub: this.customerId, role: "customer" });
  }

  get technician() {
    return this.technicianToken(this.technicianId);
  }

  /** Somebody at the service centre. */
  get center() {
    return this.#cluster.token({ sub: `desk-${this.id}`, role: "service-center", center: this.serviceCenterId });
  }

  /** The system that reports service requests. */
  get platform() {
    return this.#cluster.token({ sub: "platform", role: "platform" });
  }

  /** A technician of the same centre. */
  technicianToken(sub) {
    return this.#cluster.token({ sub, role: "technician", center: this.serviceCenterId });
  }

  /** Reports it as it is, with changes; the changes stay. */
  async report(node, { status = "open", closedAt, ...parties } = {}) {
    Object.assign(this, parties);
    const { id, customerId, technicianId, serviceCenterId } = this;
    const answer = await node
      .as(this.platform)
      .report(id, { customerId, technicianId, serviceCenterId, status, ...(closedAt ? { closedAt } : {}) });
    if (answer.status >= 300) throw new Error(`report failed with ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer;
  }
}
