// The last minutes of pictures, in this page's memory and nowhere else, and the one that is shown.
//
// They stay plain bytes: a browser may put what it holds as a Blob on the disk.

const MOST_BYTES = 160e6;
const STAYS_S = 2; // an older picture is not that of a moment: none was sent then

export class Frames {
  constructor() {
    this.list = [];
    this.bytes = 0;
    this.shown = null; // { picture, bitmap }
    this._wanted = null;
    this._busy = false;
  }

  push(picture) {
    const last = this.list[this.list.length - 1];
    if (last && picture.t <= last.t) return;
    this.list.push(picture);
    this.bytes += picture.bytes;
    while (this.bytes > MOST_BYTES) this.bytes -= this.list.shift().bytes;
  }

  /** Index of the last picture at or before a time; -1 if there is none. */
  index(t) {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].t <= t + 1e-6) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Have the picture of a time decoded, or (Infinity) the newest; `done` is called when there is another to show. */
  want(t, done) {
    const before = this.list[this.index(t)] ?? null;
    const picture = t < Infinity && t - before?.t > STAYS_S ? null : before;
    if (picture === null) {
      if (this.shown) {
        this.shown.bitmap.close();
        this.shown = null;
        done();
      }
      return;
    }
    if (picture === this.shown?.picture || picture === this._wanted) return;
    this._wanted = picture;
    if (!this._busy) this._decode(done);
  }

  async _decode(done) {
    this._busy = true;
    while (this._wanted) {
      const picture = this._wanted;
      try {
        const bitmap = await createImageBitmap(new Blob([picture.jpeg], { type: "image/jpeg" }));
        this.shown?.bitmap.close();
        this.shown = { picture, bitmap };
        done();
      } catch {
        // A picture that cannot be decoded is left out.
      }
      if (this._wanted === picture) this._wanted = null;
    }
    this._busy = false;
  }
}
