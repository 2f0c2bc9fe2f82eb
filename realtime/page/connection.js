// The WebSocket to the server: takes it up again when it breaks, and takes pictures apart.

const WAITS_S = [0.5, 1, 2, 4, 8];
const PING_S = 5;
const MOST_UNANSWERED = 2; // so many, and nothing else heard meanwhile: the line is dead, though nobody has closed it

/** Close code after which it is no use to try again (`realtime/dashboard/desk.py`). */
const BROKE_RULES = 1008;

export class Connection extends EventTarget {
  constructor() {
    super();
    this.failures = 0;
    this.unanswered = 0;
    this.key = new URLSearchParams(location.search).get("key");
    if (this.key) sessionStorage.setItem("key", this.key);
    else this.key = sessionStorage.getItem("key");
    setInterval(() => this._ping(), 1000 * PING_S);
  }

  /** The address of something on this server, with the key. */
  address(path) {
    const url = new URL(path, location.origin);
    if (this.key) url.searchParams.set("key", this.key);
    return url.href;
  }

  open() {
    const socket = new WebSocket(this.address("/live").replace(/^http/, "ws"));
    let opened = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => (opened = true);
    socket.onmessage = ({ data }) => this._take(data);
    socket.onclose = async ({ code, reason }) => {
      // A browser does not say why it was not let in.
      if (code === BROKE_RULES || (!opened && (await this._isRefused()))) this._tell("state", { state: "refused", reason });
      else this._again(reason);
    };
    this.socket = socket;
    this.unanswered = 0;
  }

  /** Leave, and do not come back. */
  close() {
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }

  _again(reason) {
    const wait = WAITS_S[Math.min(this.failures++, WAITS_S.length - 1)];
    this._tell("state", { state: "lost", reason, wait, failures: this.failures });
    setTimeout(() => this.open(), 1000 * wait);
  }

  async _isRefused() {
    const answer = await fetch(this.address("/")).catch(() => null);
    return answer?.status === 403;
  }

  /** See whether the server is still there: a network that goes away closes nothing. */
  _ping() {
    if (this.unanswered < MOST_UNANSWERED) {
      if (this.send({ do: "ping" })) this.unanswered += 1;
      return;
    }
    this.unanswered = 0;
    this.close();
    this._again("the server does not answer");
  }

  /** Send an order (`realtime/dashboard/orders.py`); whether the connection was there. */
  send(order) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(order));
    return true;
  }

  _take(data) {
    this.unanswered = 0;
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "hello") {
        this.failures = 0;
        this._tell("state", { state: "on" });
      }
      this._tell("message", message);
    } else {
      this._tell("picture", takeApart(data));
    }
  }

  _tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

/** A picture's header with the mesh points of every face (Int16Array) and the JPEG's bytes. */
export function takeApart(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const picture = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let offset = 4 + length;
  for (const face of picture.faces) {
    face.mesh = new Int16Array(buffer, offset, 2 * face.points);
    offset += 4 * face.points;
  }
  picture.jpeg = new Uint8Array(buffer, offset);
  picture.bytes = buffer.byteLength;
  return picture;
}
