// Draws what was measured over a face: the mesh, the regions, and the expression flow as colours and arrows.

import { FEATURES, MESH_LINES, OVAL } from "./mesh.js";

/** Arrows are so many times longer than the movement. */
export const ARROWS = 10;

const FULL_IOD = 0.02; // a movement of this length has full colour
const SHOWN_IOD = 0.0015; // smaller ones are noise to the eye

/** The colour of a direction, as in the flow pictures: red right, green-yellow up, cyan left, violet down. */
export function hue(u, v, alpha = 1, light = 58) {
  const degrees = (Math.atan2(-v, u) * 180) / Math.PI;
  return `hsl(${(degrees + 360) % 360} 95% ${light}% / ${alpha})`;
}

/**
 * Draw a face's overlay.
 * @param {CanvasRenderingContext2D} context in px of the picture.
 * @param {object} face of a picture: its `mesh`, `u` and `v` as they travel.
 * @param {object} hello names the regions and the units.
 * @param {{mesh: boolean, regions: boolean, flow: boolean}} layers what to draw.
 * @param {number} fine one pixel of the screen, in px of the picture.
 */
export function drawFace(context, face, hello, layers, fine) {
  const scale = hello.steps_per_px;
  const x = (point) => face.mesh[2 * point] / scale;
  const y = (point) => face.mesh[2 * point + 1] / scale;
  if (layers.mesh) drawMesh(context, x, y, fine);
  if (!(face.moves ?? face.u) || (!layers.regions && !layers.flow)) return; // what was not measured does not lie still
  const iod = Math.hypot(x(33) + x(133) - x(362) - x(263), y(33) + y(133) - y(362) - y(263)) / 2;
  const regions = hello.regions.map((region, k) => ({
    x: mean(region.points, x),
    y: mean(region.points, y),
    radius: region.radius * iod,
    u: moved(face, hello, "u", k),
    v: moved(face, hello, "v", k),
  }));
  if (layers.flow) drawGlow(context, regions);
  if (layers.regions) {
    context.lineWidth = 1.2 * fine;
    for (const { x, y, radius, u, v } of regions) {
      const strong = Math.hypot(u, v) > 2 * SHOWN_IOD;
      context.strokeStyle = strong ? hue(u, v, 0.95, 66) : "rgb(255 255 255 / 0.55)";
      circle(context, x, y, radius);
      context.stroke();
    }
  }
  if (layers.flow) for (const region of regions) drawArrow(context, region, iod, fine);
}

/** A face's number above it. */
export function drawName(context, face, hello, fine) {
  const top = 10; // the mesh point in the middle of the forehead
  const [x, y] = [face.mesh[2 * top], face.mesh[2 * top + 1]].map((place) => place / hello.steps_per_px);
  context.font = `600 ${12 * fine}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.lineWidth = 3 * fine;
  context.strokeStyle = "rgb(0 0 0 / 0.6)";
  context.fillStyle = "#fff";
  context.strokeText(`Face ${face.id}`, x, y - 8 * fine);
  context.fillText(`Face ${face.id}`, x, y - 8 * fine);
}

/** A region's displacement, IOD: as it travels (`u`, `v`), or as a track has it (`moves`). */
function moved(face, hello, axis, k) {
  return face.moves ? face.moves[2 * k + (axis === "v")] : face[axis][k] / hello.steps_per_iod;
}

function mean(points, of) {
  return points.reduce((sum, point) => sum + of(point), 0) / points.length;
}

function circle(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

function drawMesh(context, x, y, fine) {
  context.lineWidth = 0.7 * fine;
  context.strokeStyle = "rgb(255 255 255 / 0.34)";
  context.beginPath();
  for (let k = 0; k < MESH_LINES.length; k += 2) {
    context.moveTo(x(MESH_LINES[k]), y(MESH_LINES[k]));
    context.lineTo(x(MESH_LINES[k + 1]), y(MESH_LINES[k + 1]));
  }
  context.stroke();
  context.lineWidth = 1.3 * fine;
  context.strokeStyle = "rgb(255 255 255 / 0.8)";
  context.beginPath();
  for (const chain of [[...OVAL, OVAL[0]], ...FEATURES]) {
    chain.forEach((point, k) => (k ? context.lineTo(x(point), y(point)) : context.moveTo(x(point), y(point))));
  }
  context.stroke();
}

/** Colour around every region that moves, the farther the denser. */
export function drawGlow(context, regions) {
  for (const { x, y, radius, u, v } of regions) {
    const length = Math.hypot(u, v);
    if (length < SHOWN_IOD) continue;
    const alpha = 0.75 * Math.min(length / FULL_IOD, 1) ** 0.7;
    const glow = context.createRadialGradient(x, y, 0, x, y, 2.1 * radius);
    glow.addColorStop(0, hue(u, v, alpha));
    glow.addColorStop(0.45, hue(u, v, 0.6 * alpha));
    glow.addColorStop(1, hue(u, v, 0));
    context.fillStyle = glow;
    circle(context, x, y, 2.1 * radius);
    context.fill();
  }
}

/** An arrow from a region's middle, `ARROWS` times as long as the movement. */
export function drawArrow(context, { x, y, u, v }, iod, fine) {
  const length = Math.hypot(u, v);
  if (length < SHOWN_IOD) return;
  const drawn = Math.min(ARROWS * length, 0.6) * iod;
  const [dx, dy] = [(drawn * u) / length, (drawn * v) / length];
  const head = Math.min(6 * fine, 0.5 * drawn);
  const angle = Math.atan2(dy, dx);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  for (const turn of [2.6, -2.6]) {
    context.moveTo(x + dx, y + dy);
    context.lineTo(x + dx + head * Math.cos(angle + turn), y + dy + head * Math.sin(angle + turn));
  }
  context.lineCap = "round";
  context.strokeStyle = "rgb(0 0 0 / 0.55)";
  context.lineWidth = 4 * fine;
  context.stroke();
  context.strokeStyle = "#fff";
  context.lineWidth = 1.8 * fine;
  context.stroke();
}
