// The place where videos are dropped in and analysed, one after the other.

import { clock, element } from "./element.js";
import { toast } from "./toasts.js";

const STATES = {
  uploading: "being taken in", waiting: "waits", running: "running", paused: "paused", done: "done",
  failed: "failed", cancelled: "cancelled",
}; // prettier-ignore

const OVER = ["done", "failed", "cancelled"];

export class Analyze {
  /**
   * @param {HTMLElement} root
   * @param {import("./connection.js").Connection} connection
   */
  constructor(root, connection) {
    this.connection = connection;
    this.uploads = [];
    this.rows = new Map();
    this.jobs = [];
    this.input = element("input", { type: "file", multiple: true, accept: "video/*", hidden: true,
      onchange: () => { this.add(this.input.files); this.input.value = ""; } }); // prettier-ignore
    this.drop = element("div.drop", {},
    element("h1", {}, "Analyze videos"),
    element("p", {}, "Drop video files here. Every frame is measured, on this machine, without loss; the result opens like a recording."),
    element("button.primary", { type: "button", onclick: () => this.input.click() }, "Choose videos…"), this.input,
    element("p.quiet", {}, "The file is copied to a temporary folder and deleted when its analysis has ended. The result holds no pixel of it.")); // prettier-ignore
    this.list = element("ol.jobs", { "aria-label": "Queue" });
    root.append(element("div.analyze", {}, this.drop, this.list));
    connection.addEventListener("message", ({ detail }) => this._take(detail));
    for (const what of ["dragover", "dragleave", "drop"]) addEventListener(what, (event) => this._drag(event));
    addEventListener("beforeunload", (event) => {
      if (this.sending) event.preventDefault(); // what is still on its way would be lost
    });
  }

  _take(message) {
    if (message.type === "news") message.rows.forEach((row) => this._take(row));
    else if (message.type === "analyses") this._show(message.jobs);
    else if (message.type === "hello") this._show([]);
  }

  /** Files may be dropped anywhere: beside the field they would be opened in place of this page. */
  _drag(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.drop.toggleAttribute("data-over", event.type === "dragover");
    if (event.type !== "drop") return;
    location.hash = "analyze";
    this.add(event.dataTransfer.files);
  }

  /** Queue some files; they are sent one after the other. */
  add(files) {
    for (const file of files) this.uploads.push(file);
    if (!this.sending) this._send();
  }

  async _send() {
    this.sending = true;
    while (this.uploads.length) {
      const why = await this._put(this.uploads.shift());
      if (why) toast(why, "error");
    }
    this.sending = false;
  }

  /** Send a file; why it could not be, or nothing. */
  async _put(file) {
    const unread = `${file.name}: cannot be read; a folder of frames goes to mellm analyze`;
    if (!(await isReadable(file))) return unread;
    const address = this.connection.address(`/analyses?name=${encodeURIComponent(file.name)}`);
    const answer = await fetch(address, { method: "PUT", body: file }).catch(() => null);
    if (answer) return answer.ok ? "" : answer.text();
    return (await isReadable(file)) ? `${file.name}: not connected` : unread; // it may have gone meanwhile
  }

  _show(jobs) {
    for (const job of jobs) {
      let row = this.rows.get(job.id);
      if (!row) {
        row = this._row(job.id);
        this.rows.set(job.id, row);
      }
      this._fill(row, job);
    }
    for (const [id, row] of this.rows) {
      if (jobs.some((job) => job.id === id)) continue;
      row.root.remove();
      this.rows.delete(id);
    }
    // What runs is above, then what waits in its order, then what has ended, the newest first.
    const rank = (job) => (OVER.includes(job.state) ? 2 : ["running", "paused"].includes(job.state) ? 0 : 1);
    const sorted = [...jobs].sort((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? b.id - a.id : a.id - b.id));
    sorted.forEach((job, k) => {
      const { root } = this.rows.get(job.id);
      if (this.list.children[k] !== root) this.list.insertBefore(root, this.list.children[k] ?? null);
    });
  }

  _row(id) {
    const act = (what) => async () => {
      const answer = await fetch(this.connection.address(`/analyses/${id}/${what}`), { method: "POST" }).catch(() => null);
      if (!answer?.ok) toast(answer ? await answer.text() : "Not connected", "error");
    };
    const button = (title, what) => element("button.plain", { type: "button", textContent: title, onclick: act(what) });
    const row = {
      title: element("b.job-title"), state: element("span.job-state.quiet"),
      remarks: element("ul.job-remarks.quiet", { "aria-label": "Remarks" }), bar: element("progress", { max: 1 }),
      pause: button("Pause", "pause"), resume: button("Resume", "resume"), cancel: button("Cancel", "cancel"),
      remove: button("Remove", "remove"),
      open: element("a.primary", {}, "Open the result"),
    }; // prettier-ignore
    row.root = element("li.job.panel", {}, element("div.job-text", {}, row.title, row.state, row.remarks), row.bar,
      element("div.job-buttons", {}, row.pause, row.resume, row.cancel, row.open, row.remove)); // prettier-ignore
    return row;
  }

  _fill(row, job) {
    const over = OVER.includes(job.state);
    row.root.dataset.state = job.state;
    row.title.textContent = row.title.title = job.title;
    const reached = job.length ? `${clock(job.t, 0)} of ${clock(job.length, 0)}` : job.t ? clock(job.t, 0) : "";
    row.state.textContent = job.error || [STATES[job.state], over ? job.found : reached].filter(Boolean).join(" · ");
    row.remarks.replaceChildren(...job.remarks.map((words) => element("li", {}, words)));
    row.remarks.hidden = !job.remarks.length;
    row.bar.hidden = over;
    if (job.share === null || job.state === "waiting" || job.state === "uploading") row.bar.removeAttribute("value");
    else row.bar.value = job.share;
    if (job.state === "waiting") row.bar.value = 0;
    row.bar.setAttribute("aria-label", `${job.title}: ${row.state.textContent}`);
    row.pause.hidden = job.state !== "running";
    row.resume.hidden = job.state !== "paused";
    row.cancel.hidden = over || job.state === "uploading";
    row.remove.hidden = !over;
    row.remove.title = job.result ? "From this list; the result stays among the recordings" : "From this list";
    row.open.hidden = !job.result;
    row.open.href = `#recordings/${encodeURIComponent(job.result)}`;
  }
}

/** Whether a file can be read: a folder that was dropped cannot, nor a file that has gone since. */
async function isReadable(file) {
  const reader = file.stream().getReader();
  try {
    await reader.read();
  } catch {
    return false;
  }
  reader.cancel(); // its beginning will do
  return true;
}
