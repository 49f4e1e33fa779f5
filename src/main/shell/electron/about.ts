// The menu and the About box: standard roles, and the notice that the chart library asks for.
import type { ElectronApi, MenuItem } from "./electron-api.ts";

export const CHART_NOTICE_URL = "https://www.tradingview.com/";

/** Pages that a link may open in the system's browser. Everything else is a mistake or an attack. */
const EXTERNAL_ORIGINS = new Set(["https://www.tradingview.com", "https://github.com"]);

export function isAllowedExternal(url: string): boolean {
  return URL.canParse(url) && EXTERNAL_ORIGINS.has(new URL(url).origin);
}

export async function showAbout({ dialog, shell }: Pick<ElectronApi, "dialog" | "shell">, version: string): Promise<void> {
  const { response } = await dialog.showMessageBox({
    type: "info",
    title: "About Tapedeck",
    message: `Tapedeck ${version}`,
    detail:
      "A flight recorder for markets: record every message, prove every candle, replay any moment.\n\nMIT License.\n\n" +
      `Charts: TradingView Lightweight Charts™, Copyright © TradingView, Inc. ${CHART_NOTICE_URL}`,
    buttons: ["Close", "www.tradingview.com"],
    defaultId: 0,
    cancelId: 0,
  });
  if (response === 1) await shell.openExternal(CHART_NOTICE_URL);
}

export function menuItems(options: { readonly isMac: boolean; readonly about: () => void }): MenuItem[] {
  return [
    ...(options.isMac ? [{ role: "appMenu" } as const] : []),
    { role: "fileMenu" },
    { role: "editMenu" },
    { role: "viewMenu" },
    { role: "windowMenu" },
    { role: "help", submenu: [{ label: "About Tapedeck", click: options.about }] },
  ];
}
