// Owns a result as a plot: x and up to four lines chosen by a person, read off under the pointer, missing values left missing.
import { useCallback, useMemo, useState, type ReactElement } from "react";
import type { QueryResult } from "../../shared/protocol/query.ts";
import { plural } from "../format/numbers.ts";
import { utc } from "../format/times.ts";
import { UNKNOWN } from "../health/words.ts";
import { Plot, type PlotData } from "../plot/Plot.tsx";
import { canPlot, LINES_MAX, plotted, type PlotChoice } from "./columns.ts";
import { queryStore } from "./store.ts";

function change(choice: PlotChoice, more: Partial<PlotChoice>): void {
  queryStore.setState({ plot: { ...choice, ...more } });
}

function Choices({ result, choice }: { readonly result: QueryResult; readonly choice: PlotChoice }): ReactElement {
  const offered = result.columns.flatMap((column, index) => (canPlot(column) ? [{ name: column.name, index }] : []));
  const toggle = (index: number): void => change(choice, { ys: choice.ys.includes(index) ? choice.ys.filter((y) => y !== index) : [...choice.ys, index] });
  return (
    <div className="plot-choices">
      <label>x<select data-testid="plot-x" value={choice.x} onChange={(event) => change(choice, { x: Number(event.target.value), ys: choice.ys.filter((y) => y !== Number(event.target.value)) })}>
        {offered.map(({ name, index }) => <option key={index} value={index}>{name}</option>)}
      </select></label>
      <div role="group" aria-label={`Lines, at most ${LINES_MAX}`} className="plot-lines">
        {offered.filter(({ index }) => index !== choice.x).map(({ name, index }) => {
          const at = choice.ys.indexOf(index);
          return (
            <label key={index} className="plot-line" data-line={at < 0 ? "none" : at + 1}>
              <input type="checkbox" data-testid="plot-y" data-column={name} checked={at >= 0} disabled={at < 0 && choice.ys.length >= LINES_MAX} onChange={() => toggle(index)} /><span className="clip">{name}</span>
            </label>
          );
        })}
      </div>
      <label><input type="checkbox" data-testid="plot-points" checked={choice.isPoints} onChange={(event) => change(choice, { isPoints: event.target.checked })} />points</label>
    </div>
  );
}

export function ResultPlot({ result, choice }: { readonly result: QueryResult; readonly choice: PlotChoice | undefined }): ReactElement {
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const onPointer = useCallback((index: number | undefined) => setPointed(index), []);
  const drawn = useMemo(() => (choice === undefined ? undefined : plotted(result, choice)), [result, choice]);
  const data = useMemo((): PlotData => ({
    x: drawn?.x ?? [], lines: (drawn?.lines ?? []).map((values, at) => ({ name: result.columns[choice?.ys[at] ?? -1]?.name ?? "", colour: `plot-${at + 1}`, values })),
  }), [drawn, result, choice]);
  if (choice === undefined || drawn === undefined) return <p className="empty query-note">A plot needs two columns of numbers, or a time and a number. This result has none to draw.</p>;
  const x = pointed === undefined ? undefined : drawn.x[pointed];
  return (
    <div className="query-plot">
      <Choices result={result} choice={choice} />
      <div className="plot-main">
        <p className="plot-read num" aria-live="off">
          {x === undefined ? <span className="dim">{plural(drawn.x.length, "point")}{drawn.left > 0 && `, ${plural(drawn.left, "row")} without x left out`}</span> : <span>{drawn.isTime ? utc(x) : String(x)}</span>}
          {data.lines.map((line, at) => <span key={line.name} className={`plot-${at + 1}`}>{line.name}{pointed === undefined ? "" : ` ${line.values[pointed] ?? UNKNOWN}`}</span>)}
        </p>
        {choice.ys.length === 0 ? <p className="empty query-note">Choose at least one line at the left.</p>
          : <Plot data={data} look={{ size: "full", isTime: drawn.isTime, isPoints: choice.isPoints, floor: undefined }} label={`Plot of ${data.lines.map(({ name }) => name).join(", ")}`} className="plot-box" onPointer={onPointer} testId="query-plot" />}
      </div>
    </div>
  );
}
