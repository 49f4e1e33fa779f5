// Owns the texture of the unknown: diagonal hatching for canvases, in chart and lanes alike.

const CELL = 6;

/** A repeating pattern of diagonal lines in `color`, for one canvas context at its pixel ratio. */
export function hatchPattern(context: CanvasRenderingContext2D, color: string, ratio: number): CanvasPattern | undefined {
  const size = Math.max(2, Math.round(CELL * ratio));
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext("2d");
  if (pen === null) return undefined;
  pen.strokeStyle = color;
  pen.lineWidth = Math.max(1, ratio);
  // Three strokes, so that the line runs on across the tile's corners.
  for (const shift of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
    pen.stroke();
  }
  return context.createPattern(tile, "repeat") ?? undefined;
}
