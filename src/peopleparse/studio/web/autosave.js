/** Saving without being asked, and the copy that stays in this browser until it is done. */

const QUIET = 500; // ms after the last stroke
const LONGEST = 1200; // ms that a stroke waits while others follow it
const AGAIN = 1500; // ms between attempts while nobody answers

/** Copies in this browser; each is gone once the server has what it holds. */
export const copies = {
  put(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  },
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  drop: (key) => localStorage.removeItem(key),
  keys: (start) => Object.keys(localStorage).filter((key) => key.startsWith(start)),
};

/** Sends one thing whenever it has changed: never two at once, never older over newer. */
export class Autosave {
  /**
   * `send` gives a promise, `keep` writes the copy, `say(state, error)` is told what happens,
   * `last` sends without waiting for an answer when the page goes.
   */
  constructor({ send, keep, say, last = () => {} }) {
    Object.assign(this, { send, keep, say, state: "saved", since: 0, timer: 0, sending: null });
    this.leave = () => {
      if (!this.since && !this.sending) return;
      keep();
      if (this.state !== "conflict") last();
    };
    this.hide = () => {
      if (document.visibilityState === "hidden") this.flush();
    };
    addEventListener("pagehide", this.leave);
    document.addEventListener("visibilitychange", this.hide);
  }

  /** Something has changed. */
  touch() {
    const now = performance.now();
    this.since ||= now;
    if (this.state === "conflict" || this.state === "stopped") return;
    if (this.state !== "gone") this.tell("waiting");
    this.plan(Math.min(QUIET, Math.max(0, this.since + LONGEST - now)));
  }

  plan(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), wait);
  }

  tell(state, error = null) {
    this.state = state;
    this.say(state, error);
  }

  /** Save now; true if everything is saved after it. */
  async flush() {
    clearTimeout(this.timer);
    while (this.sending) await this.sending;
    if (!this.since) return true;
    if (this.state === "conflict" || this.state === "stopped") return false;
    this.sending = this.attempt();
    const isDone = await this.sending;
    return isDone && (this.since ? this.flush() : true);
  }

  async attempt() {
    const since = this.since;
    this.since = 0;
    if (this.state !== "gone") this.tell("saving");
    try {
      await this.send();
      this.sending = null;
      this.keep();
      if (this.state !== "stopped") this.tell(this.since ? "waiting" : "saved");
      return true;
    } catch (error) {
      this.sending = null;
      this.since = since;
      this.keep();
      if (this.state === "stopped") return false;
      this.tell(error.status === 409 ? "conflict" : "gone", error);
      if (error.status !== 409) this.plan(AGAIN);
      return false;
    }
  }

  /** Forget what is not saved: another version was taken. */
  reset() {
    clearTimeout(this.timer);
    this.since = 0;
    this.tell("saved");
  }

  stop() {
    clearTimeout(this.timer);
    if (this.since) this.keep();
    this.state = "stopped";
    removeEventListener("pagehide", this.leave);
    document.removeEventListener("visibilitychange", this.hide);
  }
}
