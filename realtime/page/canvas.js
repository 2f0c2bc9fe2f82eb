// A canvas that is as fine as the screen and is drawn once a frame when something has changed.

export class Canvas {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} draw in CSS px.
   */
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.draw = draw;
    this.stale = true;
    new ResizeObserver(() => this._fit()).observe(canvas);
  }

  _fit() {
    const { clientWidth, clientHeight } = this.canvas;
    this.fine = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(clientWidth * this.fine));
    this.canvas.height = Math.max(1, Math.round(clientHeight * this.fine));
    this.stale = true;
    this.paint();
  }

  /** Draw if something has changed. */
  paint() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!this.stale || !clientWidth || !clientHeight) return;
    this.stale = false;
    this.context.setTransform(this.fine, 0, 0, this.fine, 0, 0);
    this.context.clearRect(0, 0, clientWidth, clientHeight);
    this.draw(this.context, clientWidth, clientHeight);
  }
}

/** The present value of a colour of the theme, by its name. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
