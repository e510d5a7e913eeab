// One incident from its alert to its review, taken there on the page of operations: every command is a button in a browser.

import { Story } from "./story.mjs";

export class PageStory extends Story {
  #browser;
  #desks = new Map();

  static begin({ opened = () => {}, ...setup }) {
    const story = new PageStory(setup);
    opened(story);
    return story;
  }

  constructor({ browser, ...setup }) {
    super(setup);
    this.#browser = browser;
  }

  /** The page as a person sees it. */
  async #desk(person) {
    if (!this.#desks.has(person)) this.#desks.set(person, await person.page(this.#browser, this.id));
    return this.#desks.get(person);
  }

  async acknowledge() {
    const desk = await this.#desk(this.people.operator);
    await desk.press("Acknowledge");
    await desk.incidentIs("acknowledged");
    this.tell(`${this.people.operator.name} acknowledges it, on the page`);
  }

  async decide(strategy, reason, person = this.people.operator) {
    const desk = await this.#desk(person);
    await desk.tab.getByLabel("Strategy").selectOption(strategy);
    await desk.fill("Reason", reason);
    await desk.press("Decide");
    await desk.button("Prepare the rollback").waitFor();
    this.tell(`${person.name} decides on the page: ${strategy}, since ${reason}`);
  }

  /** Asks for the rollback of the application that is proposed, or that is named. */
  async ask({ application }) {
    const desk = await this.#desk(this.people.operator);
    await desk.tab.getByLabel("Application", { exact: true }).selectOption(application);
    await desk.press("Prepare the rollback");
    await desk.runIs("previewed");
    this.run = (await this.incident()).runs.at(-1).id;
    this.tell(`${this.people.operator.name} asks on the page for the rollback of ${application}: run ${this.run}`);
    return this.rests(["previewed"]);
  }

  async approved(...approvers) {
    const desk = await this.#desk(this.people.operator);
    await this.#sees(desk, "Submit");
    await desk.press("Submit");
    await desk.runIs("awaiting_approval");
    this.tell(`${this.people.operator.name} opens the preview on the page and submits it`);
    for (const approver of approvers) {
      const other = await this.#desk(approver);
      await this.#sees(other, "Approve");
      await other.press("Approve");
      await other.tab.locator(`.approvals li[data-person="${approver.name}"]`).waitFor();
      this.tell(`${approver.name} opens the preview on the page and approves it`);
    }
    await desk.runIs("approved");
  }

  /** Opens the preview and acknowledges what there is to acknowledge, until a button is there. */
  async #sees(desk, button) {
    await desk.press("Open the preview");
    await desk.button(button).waitFor();
    await desk.acknowledges();
  }

  async execute() {
    await (await this.#desk(this.people.operator)).press("Execute");
    this.tell(`${this.people.operator.name} lets it begin, on the page`);
  }

  async startValidation() {
    const desk = await this.#desk(this.people.operator);
    await desk.press("Validate now");
    await desk.incidentIs("validating");
    this.tell(`${this.people.operator.name} starts the validation, on the page`);
  }

  async resolved(person = this.people.operator) {
    const desk = await this.#desk(person);
    await desk.press("Resolve");
    await desk.incidentIs("resolved");
    this.tell(`${person.name} resolves the incident, on the page`);
  }

  /** A commander closes it with what was learnt. */
  async reviewed(text) {
    const { commander } = this.people;
    const desk = await this.#desk(commander);
    await desk.fill("What was learnt", text);
    await desk.press("Close the review");
    await desk.incidentIs("reviewed");
    this.tell(`${commander.name} reviews it, on the page: ${text}`);
    for (const open of this.#desks.values()) await open.close();
  }
}
