// The WebSocket to the server: takes it up again when it breaks, and takes pictures apart.

const WAITS_S = [0.5, 1, 2, 4, 8];

/** Close codes after which it is no use to try again. */
const FINAL = new Set([4403, 1008]);

export class Connection extends EventTarget {
  constructor() {
    super();
    this.failures = 0;
    this.key = new URLSearchParams(location.search).get("key");
    if (this.key) sessionStorage.setItem("key", this.key);
    else this.key = sessionStorage.getItem("key");
  }

  /** The address of something on this server, with the key. */
  address(path) {
    const url = new URL(path, location.origin);
    if (this.key) url.searchParams.set("key", this.key);
    return url.href;
  }

  open() {
    this.socket = new WebSocket(this.address("/live").replace(/^http/, "ws"));
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this._take(data);
    this.socket.onopen = () => {
      this.failures = 0;
    };
    this.socket.onclose = ({ code, reason }) => {
      if (FINAL.has(code)) {
        this._tell("state", { state: "refused", reason });
        return;
      }
      const wait = WAITS_S[Math.min(this.failures++, WAITS_S.length - 1)];
      this._tell("state", { state: "lost", reason, wait, failures: this.failures });
      setTimeout(() => this.open(), 1000 * wait);
    };
  }

  /** Send an order (`realtime/dashboard/orders.py`); whether the connection was there. */
  send(order) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(order));
    return true;
  }

  _take(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "hello") this._tell("state", { state: "on" });
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
