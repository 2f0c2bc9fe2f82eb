// A drawn face that shows where a real one moves, when there is no picture: nobody can be recognised in it.
//
// Its features are laid out in eye distances from the point between the eyes; movements are drawn larger than they are.

import { ARROWS, drawArrow, drawGlow } from "./overlay.js";

// The 29 regions of a face at rest, in the server's order: our own drawing, near the mean of a frontal face.
const REST = [
  [-0.83, -0.25], [-0.33, -0.29], [0.33, -0.29], [0.83, -0.25],
  [-0.64, -0.07], [-0.52, -0.1], [-0.4, -0.07], [0.4, -0.07], [0.52, -0.1], [0.64, -0.07],
  [-0.64, 0.05], [-0.52, 0.08], [-0.4, 0.05], [0.4, 0.05], [0.52, 0.08], [0.64, 0.05],
  [-0.3, 0.56], [0.3, 0.56], [-0.48, 0.97], [0.48, 0.97],
  [-0.24, 0.9], [0, 0.89], [0.24, 0.9], [-0.24, 1.06], [0, 1.1], [0.24, 1.06],
  [0, 1.5], [-0.72, 0.56], [0.72, 0.56],
]; // prettier-ignore

const GROWN = 4; // the features themselves move so many times as far

/**
 * Draw one face.
 * @param {CanvasRenderingContext2D} context
 * @param {{x: number, y: number, iod: number}} place the point between the eyes and the eye distance, px.
 * @param {Float32Array} moves u and v of every region in turn, IOD.
 * @param {object} hello names the regions.
 * @param {{regions: boolean, flow: boolean}} layers
 * @param {string} ink colour of the lines.
 */
export function drawPuppet(context, place, moves, hello, layers, ink) {
  const { iod } = place;
  const at = REST.map(([x, y], k) => [
    place.x + iod * (x + GROWN * moves[2 * k]),
    place.y + iod * (y + GROWN * moves[2 * k + 1]),
  ]);
  context.lineJoin = context.lineCap = "round";
  context.strokeStyle = ink;
  context.globalAlpha = 0.5;
  context.lineWidth = 1.5;
  context.beginPath();
  context.ellipse(place.x, place.y + 0.42 * iod, 1.12 * iod, 1.36 * iod, 0, 0, 2 * Math.PI);
  context.stroke();
  context.globalAlpha = 0.85;
  context.lineWidth = 2;
  for (const brow of [[0, 1], [3, 2]]) {
    const [outer, inner] = brow.map((k) => at[k]);
    stroke(context, [outer, [(outer[0] + inner[0]) / 2, Math.min(outer[1], inner[1]) - 0.07 * iod], inner]);
  }
  for (const [side, upper, lower] of [[-1, [4, 5, 6], [10, 11, 12]], [1, [7, 8, 9], [13, 14, 15]]]) {
    const corners = [-0.2, 0.2].map((dx) => [place.x + iod * (0.52 * side + dx), place.y]);
    for (const lid of [upper, lower]) stroke(context, [corners[0], ...lid.map((k) => at[k]), corners[1]]);
  }
  stroke(context, [at[16], [place.x, at[16][1] / 2 + at[17][1] / 2 + 0.09 * iod], at[17]]);
  stroke(context, [at[18], at[20], at[21], at[22], at[19]]);
  stroke(context, [at[18], at[23], at[24], at[25], at[19]]);
  stroke(context, [[at[26][0] - 0.12 * iod, at[26][1] - 0.02 * iod], at[26], [at[26][0] + 0.12 * iod, at[26][1] - 0.02 * iod]]);
  context.globalAlpha = 1;
  const regions = hello.regions.map((region, k) => ({
    x: place.x + iod * REST[k][0], y: place.y + iod * REST[k][1], radius: region.radius * iod,
    u: moves[2 * k], v: moves[2 * k + 1],
  })); // prettier-ignore
  if (layers.flow) drawGlow(context, regions);
  if (layers.regions) {
    context.lineWidth = 1;
    context.strokeStyle = ink;
    context.globalAlpha = 0.28;
    for (const { x, y, radius } of regions) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
  if (layers.flow) for (const region of regions) drawArrow(context, region, iod, 1);
}

function stroke(context, points) {
  context.beginPath();
  context.moveTo(...points[0]);
  for (let k = 1; k < points.length - 1; k++) {
    const [x, y] = points[k];
    const [nx, ny] = points[k + 1];
    const last = k === points.length - 2;
    context.quadraticCurveTo(x, y, last ? nx : (x + nx) / 2, last ? ny : (y + ny) / 2);
  }
  context.stroke();
}

/** What the puppet's movements are drawn at. */
export const PUPPET_NOTE = `drawn face, movements ×${GROWN}, arrows ×${ARROWS}`;
