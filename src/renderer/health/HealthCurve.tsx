// Owns the small curves of the health panel: the last minutes of one figure, unknown seconds left out.
import { useMemo, type ReactElement } from "react";
import { useStore } from "zustand";
import { Plot, type PlotLook } from "../plot/Plot.tsx";
import { healthHistory, type Curves } from "./history.ts";

const LOOK: PlotLook = { size: "small", isTime: true, isPoints: false, floor: 1 };

function useCurve(name: string, figure: keyof Omit<Curves, "times">, colour: string): { readonly x: readonly number[]; readonly lines: readonly { readonly name: string; readonly colour: string; readonly values: readonly (number | null)[] }[] } {
  const version = useStore(healthHistory, (state) => state.version);
  return useMemo(() => {
    const curves = healthHistory.getState().curves.get(name);
    return { x: (curves?.times.toSamples() ?? []).map((ms) => ms ?? 0), lines: [{ name: figure, colour, values: curves?.[figure].toSamples() ?? [] }] };
    // `version` stands for the rings, which change in place.
  }, [name, figure, colour, version]);
}

/** `unit` and title say what is drawn; the figure itself stands beside it. */
export function HealthCurve({ name, figure, title, className }: { readonly name: string; readonly figure: "rate" | "latency"; readonly title: string; readonly className: string }): ReactElement {
  const data = useCurve(name, figure, figure === "rate" ? "plot-1" : "plot-2");
  return <span className="health-curve" title={title}><Plot data={data} look={LOOK} label={title} className={className} /></span>;
}
